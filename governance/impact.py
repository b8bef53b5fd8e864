"""What the rules mean for people: seven impact categories, and the risk matrix. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance import numbers
from governance.controls import ControlVerdict
from governance.determination import Claim, Determination
from governance.policy import Policy
from governance.rules import NOT_BUILT, RuleVerdict, unanswered
from governance.verdict import Verdict, worst


@dataclass(frozen=True)
class Category:
    """One question of a privacy officer and the rules that answer it."""

    name: str
    title: str
    question: str
    rules: tuple[str, ...] = ()


CATEGORIES = (
    Category(
        "data_leakage",
        "Data leakage",
        "Can someone learn a training person's data or presence?",
        ("R-MIA-ADV", "R-MIA-TPR", "R-AIA-MEM", "R-INV", "R-EXTRACT"),
    ),
    Category(
        "trade_secret",
        "Trade-secret exposure",
        "Can the model or confidential facts about its data be copied?",
        ("R-STEAL", "R-PROP", "R-EXTRACT"),
    ),
    Category("copyright", "Copyright and memorisation", "Are works reproduced nearly word for word?", ("R-EXTRACT",)),
    Category(
        "disparate_effects",
        "Disparate effects",
        "Do groups get worse outcomes or weaker privacy?",
        ("R-DI", "R-DPV", "R-DI-ERR"),
    ),
    Category("privacy_law", "Privacy-law duties", "Which duties lack evidence now?"),
    Category("algorithmic_vulnerability", "Algorithmic vulnerability", "Can inputs be crafted to break it?", ("R-ADV", "R-STEAL")),
    Category("legal_classification", "Legal classification", "Must the model be handled as personal data, and for whom?"),
)
# The articles whose duties the evidence speaks to.
DUTIES = ("5(", "9(", "25(", "32(", "35(")
CLAIMS = {
    Claim.PD_DESIGN: Verdict.NOT_SATISFIED,
    Claim.PD_SHOWN: Verdict.NOT_SATISFIED,
    Claim.NOT_DEMONSTRATED: Verdict.INCONCLUSIVE,
    Claim.CLAIM_SUPPORTED: Verdict.SATISFIED,
}
LEVELS = range(1, 5)


@dataclass(frozen=True)
class Impact:
    """One row of `impact` in results.json."""

    category: str
    title: str
    question: str
    verdict: Verdict
    reason: str

    def as_dict(self) -> dict[str, str]:
        return {
            "category": self.category,
            "title": self.title,
            "question": self.question,
            "verdict": str(self.verdict),
            "reason": self.reason,
        }


def impact_of(rules: Sequence[RuleVerdict], controls: Sequence[ControlVerdict], determination: Determination) -> tuple[Impact, ...]:
    """The seven categories in their fixed order, each with its worst verdict and why."""
    found = []
    for category in CATEGORIES:
        if category.name == "privacy_law":
            verdict, reason = _duties(controls)
        elif category.name == "legal_classification":
            verdict, reason = _classification(determination)
        else:
            verdict, reason = _worst_rule(category, rules)
        found.append(Impact(category.name, category.title, category.question, verdict, reason))
    return tuple(found)


def level(severity: int, likelihood: int, *, policy: Policy) -> int:
    """Risk level 1 (accept) to 4 (unacceptable without treatment) from the policy's matrix; raises ValueError outside 1 to 4."""
    for name, value in (("severity", severity), ("likelihood", likelihood)):
        if value not in LEVELS:
            raise ValueError(f"The {name} is {value}; it goes from 1 to 4.")
    return policy.risk_matrix[severity - 1][likelihood - 1]


def _worst_rule(category: Category, rules: Sequence[RuleVerdict]) -> tuple[Verdict, str]:
    rows = [r for r in rules if r.rule in category.rules]
    judged = [r for r in rows if r.verdict is not Verdict.NOT_ASSESSED]
    applies = {name for name in category.rules if all(r.applicable for r in rows if r.rule == name)}
    unmeasured = [name for name in category.rules if name in applies and name not in {r.rule for r in judged}]
    unmeasured += [key for name in category.rules for key in unanswered([r for r in rows if r.rule == name]) if name not in unmeasured]
    if not judged:
        what = ", ".join(f"{NOT_BUILT[name]} ({name})" if name in NOT_BUILT else name for name in unmeasured)
        return Verdict.NOT_ASSESSED, f"Not assessed: nothing was measured of {what}."
    verdict = worst(r.verdict for r in judged)
    if verdict is Verdict.SATISFIED and unmeasured:
        return Verdict.INCONCLUSIVE, f"Inconclusive: the rules judged are met, but nothing was measured of {', '.join(unmeasured)}."
    first = next(r for r in judged if r.verdict is verdict)
    others = sum(r.verdict is verdict for r in judged) - 1
    more = "" if not others else " One more row reads the same." if others == 1 else f" {numbers.count(others)} more rows read the same."
    about = f" ({first.feature})" if first.feature else ""
    return verdict, f"{first.rule}{about}. {first.reason}{more}"


def _duties(controls: Sequence[ControlVerdict]) -> tuple[Verdict, str]:
    duties = [c for c in controls if c.framework == "gdpr" and c.control.startswith(DUTIES)]
    verdict = worst(c.verdict for c in duties)
    of_verdict = [c.control for c in duties if c.verdict is verdict]
    unassessed = sum(c.verdict is Verdict.NOT_ASSESSED for c in duties)
    open_ones = f" {numbers.count(unassessed)} of {numbers.count(len(duties))} provisions were not assessed."
    said = {
        Verdict.NOT_SATISFIED: "The evidence does not support GDPR Art. {}.",
        Verdict.INCONCLUSIVE: "The evidence is inconclusive on GDPR Art. {}.",
        Verdict.SATISFIED: "The evidence supports or documents GDPR Art. {}.",
        Verdict.NOT_ASSESSED: "No provision was assessed.",
    }[verdict]
    return verdict, said.format(", ".join(of_verdict)) + (open_ones if verdict is not Verdict.NOT_ASSESSED else "")


def _classification(determination: Determination) -> tuple[Verdict, str]:
    verdict = CLAIMS[determination.verdict]
    if verdict is Verdict.SATISFIED:
        return verdict, f"{determination.reason} The DPO and the controller decide."
    said = "Not demonstrated" if verdict is Verdict.INCONCLUSIVE else "Personal data"
    return verdict, f"{said}: {determination.reason.rstrip('.')}. Treat the model as personal data."
