"""The level behind a finding, against the rules of the risk procedure worked by hand."""

from __future__ import annotations

import pytest

from governance.policy import default_policy
from governance.risk import Circumstances, risk_of
from governance.verdict import Verdict

UNMET, UNCLEAR = Verdict.NOT_SATISFIED, Verdict.INCONCLUSIVE


def found(
    verdict: Verdict = UNMET, rule: str = "R-AIA", access: str | None = "scores", release: str = "scores", **about: bool
) -> tuple[int, int, int]:
    risk = risk_of(verdict, rule=rule, access=access, about=Circumstances(release, **about), policy=default_policy())
    return risk.severity, risk.likelihood, risk.level


@pytest.mark.parametrize(
    ("about", "severity"),
    [
        ({}, 2),
        ({"special_category": True}, 3),
        ({"special_category": True, "vulnerable_people": True}, 3),  # one step for both
        ({"presence_is_sensitive": True, "serious_decisions": True}, 4),
        ({"special_category": True, "presence_is_sensitive": True, "serious_decisions": True}, 4),
    ],
)
def test_severity_starts_at_2_and_takes_a_step_for_each_circumstance_up_to_4(about: dict[str, bool], severity: int) -> None:
    assert found(**about)[0] == severity


def test_a_reconstruction_shows_who_somebody_is() -> None:
    assert found(rule="R-INV")[0] == 3
    assert found(rule="R-INV", presence_is_sensitive=True)[0] == 3


@pytest.mark.parametrize(
    ("verdict", "access", "release", "likelihood"),
    [
        (UNCLEAR, "scores", "scores", 2),
        (UNCLEAR, "label", "label", 3),  # a public service
        (UNCLEAR, "weights", "weights", 3),  # a file that others hold
        (UNMET, "scores", "scores", 3),
        (UNMET, "gradients", "gradients", 3),
        (UNMET, "label", "scores", 4),  # needs no more than labels
        (UNMET, "scores", "weights", 4),  # anybody who has the file can ask it
        (UNMET, "weights", "weights", 3),
        (UNMET, None, "label", 3),  # outcomes: nobody attacks
    ],
)
def test_likelihood_comes_from_the_verdict_and_from_who_can_ask(
    verdict: Verdict, access: str | None, release: str, likelihood: int
) -> None:
    assert found(verdict, access=access, release=release)[1] == likelihood


@pytest.mark.parametrize(
    ("severity", "levels"),
    [(2, (1, 2, 2, 3)), (3, (2, 3, 3, 4)), (4, (2, 3, 4, 4))],
)
def test_the_level_is_the_policys_matrix(severity: int, levels: tuple[int, ...]) -> None:
    steps = ("special_category", "serious_decisions")[: severity - 2]
    about = dict.fromkeys(steps, True)
    assert found(UNCLEAR, **about)[2] == levels[1]
    assert found(UNMET, **about)[2] == levels[2]
    assert found(UNMET, access="label", **about)[2] == levels[3]


def test_a_level_says_why() -> None:
    risk = risk_of(UNMET, rule="R-AIA", access="label", about=Circumstances("label", special_category=True), policy=default_policy())
    assert risk.why == (
        "Severity 3 of 4: special categories of data. Likelihood 4 of 4: the limit is not met, and the attack needs no more than labels."
    )
