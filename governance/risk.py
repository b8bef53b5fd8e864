"""How bad, how likely, and so how high: the level of the risk behind a finding, with its reasons. Pure.

Severity and likelihood go from 1 (negligible) to 4 (maximum), as in the PIA method of the CNIL; the policy's matrix makes a
level of both. Severity comes from what the register says about the people, likelihood from what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.impact import level
from governance.policy import Policy
from governance.verdict import Verdict

START, MOST = 2, 4
# Rules whose attack shows who somebody is.
SHOWS_WHO = ("R-INV",)
# A release that nobody has to be let into: the answers of a public service, and a file that others hold.
OPEN_TO_ALL = ("label", "weights")
# What anybody who can ask a model sees.
ANSWERS = ("none", "label", "top_k", "scores")
LEAST = ("none", "label")
LEVEL_WORDS = {
    4: "unacceptable without treatment",
    3: "treat, and the privacy officer is heard",
    2: "treat where it is proportionate",
    1: "may be accepted",
}


@dataclass(frozen=True)
class Circumstances:
    """What the register says of the people in the training data, and `release`: what users of the model see."""

    release: str
    special_category: bool = False
    vulnerable_people: bool = False
    presence_is_sensitive: bool = False
    serious_decisions: bool = False


@dataclass(frozen=True)
class Risk:
    """`why` says in one sentence each where severity and likelihood come from."""

    severity: int
    likelihood: int
    level: int
    why: str


def risk_of(verdict: Verdict, *, rule: str, access: str | None, about: Circumstances, policy: Policy) -> Risk:
    """The risk behind a limit not met, or one left open. `access` is what the worst attack saw; None where nobody attacked."""
    severity, serious = _severity(rule, about)
    likelihood, likely = _likelihood(verdict, access, about.release)
    why = f"Severity {severity} of 4: {serious}. Likelihood {likelihood} of 4: {likely}."
    return Risk(severity, likelihood, level(severity, likelihood, policy=policy), why)


def _severity(rule: str, about: Circumstances) -> tuple[int, str]:
    """One step for each circumstance that makes it worse, up to the highest."""
    steps = []
    if about.special_category or about.vulnerable_people:
        steps.append("special categories of data" if about.special_category else "vulnerable people")
    if about.presence_is_sensitive or rule in SHOWS_WHO:
        steps.append("who somebody is could be seen" if rule in SHOWS_WHO else "being in the data is sensitive by itself")
    if about.serious_decisions:
        steps.append("its decisions touch work, credit, health or liberty")
    severity = min(MOST, START + len(steps))
    return severity, "; ".join(steps) if steps else "nothing registered makes it worse than the usual"


def _likelihood(verdict: Verdict, access: str | None, release: str) -> tuple[int, str]:
    """From what was measured. Secrecy takes nothing away; a treatment counts when a re-test shows it."""
    if verdict is Verdict.INCONCLUSIVE:
        return (3, "the question is open, and anybody can ask the model") if release in OPEN_TO_ALL else (2, "the question is open")
    if access in LEAST:
        return 4, "the limit is not met, and the attack needs no more than labels"
    if access in ANSWERS and release in OPEN_TO_ALL:
        return 4, "the limit is not met, and anybody can ask the model"
    return 3, "the limit is not met"
