"""The word for every value of the result format, so that no raw identifier reaches a page, a report or a mail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance import numbers
from governance.verdict import CONTROL_LABELS, DOCUMENTED, RULE_LABELS, WORST_FIRST, Verdict

RUN_LABELS = {
    "nothing": "Nothing found",
    "population_only": "Guessable anyway",
    "model_adds": "Model adds",
    "memorised": "Memorised",
    "not_resolvable": "Cannot tell",
}
RUN_MEANINGS = {
    "nothing": "the attack does no better than a guess",
    "population_only": "what the attack learns can be guessed without the model",
    "model_adds": "the model helps, for people in the training data and others alike",
    "memorised": "the model gives away more about people in its training data",
    "not_resolvable": "the interval is too wide to say",
}
LIMIT_MEANINGS = {
    "satisfied": "the whole interval is on the good side of the limit",
    "inconclusive": "the interval lies on both sides, or a validity gate is open",
    "not_satisfied": "the whole interval is on the bad side of the limit",
    "not_assessed": "nothing in this assessment can show it",
}
STATUSES = {
    "draft": "DRAFT, not reviewed",
    "in_review": "In review",
    "approved": "Assessment approved",
    "approved_with_conditions": "Assessment approved with conditions",
    "changes_requested": "Changes requested",
    "rejected": "Assessment rejected",
    "escalated": "Escalated",
    "revoked": "REVOKED",
    "superseded": "SUPERSEDED",
    "expired": "EXPIRED",
}
STAMPS = {"draft": "DRAFT", "revoked": "REVOKED", "superseded": "SUPERSEDED", "expired": "EXPIRED"}
RUN_STATUSES = {"not_run": "Not run", "failed": "Failed", "cancelled": "Cancelled", "completed": "Completed"}
OBJECTIVES = {
    "attribute_inference": "Attribute inference: guessing a hidden trait of a known person",
    "membership_inference": "Membership inference: guessing whether someone was in the training data",
    "model_inversion": "Model inversion: rebuilding what a class looks like",
    "disparity": "Comparison of groups",
}
KNOWLEDGE = {
    "other_attributes": "the other columns of the record",
    "whole_record": "the whole record",
    "true_label": "the true outcome",
    "auxiliary_records": "similar records",
    "marginals": "how common each value is",
    "output_vector": "the model's answer for the record",
    "performance": "the model's published error rates",
    "class_names": "the names of the classes",
    "recipe": "how the model was trained",
}
MEASURES = {
    "accuracy": "Right guesses, all records",
    "accuracy_top_10pct": "Right guesses, the 10% it is surest of",
    "precision": "Right among those guessed to be",
    "recall": "Found among those who are",
    "f1": "F1 score (0 to 1)",
    "g_mean": "Geometric mean of recalls (0 to 1)",
    "mcc": "Matthews correlation (−1 to 1)",
    "excess": "Share taken of the room left, all records",
    "excess_top_10pct": "Share taken of the room left, surest 10%",
    "leak_equivalent": "Labelled records worth as much, all records",
    "leak_equivalent_top_10pct": "Labelled records worth as much, surest 10%",
    "auc": "AUC: picks the training record out of a pair (0 to 1)",
    "tpr_minus_fpr": "Rightly named minus wrongly named",
    "tpr_at_fpr_1pct": "Rightly named while 1% of outsiders are wrongly named",
    "tpr_at_fpr_0.1pct": "Rightly named while 0.1% of outsiders are wrongly named",
    "fpr_reached_1pct": "Outsiders wrongly named there, 1% wanted",
    "fpr_reached_0.1pct": "Outsiders wrongly named there, 0.1% wanted",
    "roc": "Rightly named at a rate of wrongly named",
    "top1": "Recognised by the evaluator",
    "top5": "Among the evaluator's first five",
    "residual_correlation": "Correlation beyond the public mean (−1 to 1)",
    "ssim": "Likeness to the class average, SSIM (0 to 1)",
    "nearest_train_distance": "Distance to the nearest training picture",
    "nearest_held_out_distance": "Distance to the nearest held-out picture",
    "nearer_to_training": "Classes nearer to training pictures, minus one half",
    "selection_rate": "Selection rate",
    "impact_ratio": "Ratio to the best group",
    "rate_difference": "Difference to the best group",
}
ARM_HEADS = {
    "attack": "with the model",
    "baseline": "without the model",
    "control": "on outsiders",
    "majority": "commonest answer",
    "advantage": "what the model adds",
    "memorisation": "what it remembers",
    "floor": "best public image",
    "ceiling": "real pictures",
    "population": "population",
    "members": "training records",
    "difference": "more than others",
    "null": "by chance",
    "silent": "on a silent model",
    "over_silent": "what it owes to this model",
}
ARM_ORDER = tuple(ARM_HEADS)
GATES = {
    "G1": "Training people and outsiders come from one source",
    "G2": "The attack finds a planted leak and stays quiet on a silent target",
    "G3": "Enough records",
    "G4": "Seeds, versions and hashes on record",
    "G5": "The attacker sees at least what the release shows",
    "G6": "No confirmed recovery of a real person's data",
}
GATE_STATES = {"passed": "met", "failed": "not met", "not_measured": "not measured", "not_applicable": "not asked"}
FRAMEWORKS = {
    "gdpr": "GDPR, Regulation (EU) 2016/679",
    "nist_ai_rmf": "NIST AI Risk Management Framework 1.0",
    "eu_ai_act": "AI Act, Regulation (EU) 2024/1689",
    "iso_42001": "ISO/IEC 42001:2023, Annex A",
}
LIMIT_SOURCES = {
    "legal": "law or official guideline",
    "lit": "literature",
    "tool": "default of a published tool",
    "policy": "policy of this organisation",
}
DETERMINATIONS = {
    "PD-DESIGN": ("Personal data by design", "not_satisfied"),
    "PD-SHOWN": ("Personal data shown", "not_satisfied"),
    "NOT-DEMONSTRATED": ("Not demonstrated", "inconclusive"),
    "CLAIM-SUPPORTED": ("Claim supported", "satisfied"),
}
PROFILES = {"screening": "screening (first look)", "standard": "standard", "full": "full"}
RUN_WORST_FIRST = ("memorised", "model_adds", "not_resolvable", "population_only", "nothing")


def plain(identifier: object) -> str:
    """An identifier nobody gave a word to, readable all the same."""
    return str(identifier).replace("_", " ")


def run_label(verdict: str | None) -> str:
    return RUN_LABELS.get(verdict or "", "Not assessed")


def rule_label(verdict: str) -> str:
    return RULE_LABELS[Verdict(verdict)]


def control_label(control: Mapping[str, Any]) -> str:
    """Of a process control that is met: Documented. It says the risk was examined, not that it is small."""
    if control["verdict"] == "satisfied" and control.get("kind") == "process":
        return DOCUMENTED
    return CONTROL_LABELS[Verdict(control["verdict"])]


def kind_tag(kind: str | None) -> str:
    """P for a process control, O for an outcome control, and a word where the catalogue names neither."""
    return {"process": "P", "outcome": "O"}.get(kind or "", "neither")


def severity(verdict: str | None) -> int:
    """Rank of a limit verdict, worst first."""
    return WORST_FIRST.index(Verdict(verdict)) if verdict else len(WORST_FIRST)


def run_severity(verdict: str | None) -> int:
    """Rank of a run verdict, worst first; a run without one comes last."""
    return RUN_WORST_FIRST.index(verdict) if verdict in RUN_WORST_FIRST else len(RUN_WORST_FIRST)


def measure_word(measure: str) -> str:
    """A measure in words; a measure of a group comparison names what was compared."""
    name = measure.removeprefix("disparity.vulnerability.").partition(".")[2]
    word = MEASURES.get(name, plain(name))
    return f"Gain: {word[0].lower()}{word[1:]}" if measure.startswith("disparity.vulnerability.") else word


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 group`, `3 groups`, `no groups`."""
    plural = many or f"{one}s"
    return f"1 {one}" if n == 1 else f"{n:,} {plural}" if n else f"no {plural}"


def control_word(framework: str, control: str) -> str:
    """An id as people cite it: 32(1) of the GDPR is Art. 32(1), recital-26 is Recital 26."""
    for prefix in ("recital", "annex"):
        if control.startswith(f"{prefix}-"):
            return f"{prefix.capitalize()} {control.removeprefix(prefix + '-')}"
    return f"Art. {control}" if framework in ("gdpr", "eu_ai_act") and control[:1].isdigit() else control


def framework_name(framework: str) -> str:
    return FRAMEWORKS.get(framework, plain(framework))


def listed(items: list[str], nothing: str = "nothing") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return items[0] if items else nothing
    return f"{', '.join(items[:-1])} and {items[-1]}"


GLOSSARY = (
    ("Advantage", "right guesses with the model minus the best guess without it."),
    ("Attack", "a test that tries to learn about people from the model."),
    ("Attacker profile", "what an attacker can see and already knows."),
    ("Attribute inference", "guessing a hidden trait of a known person."),
    ("AUC", "how often the attack picks the training record out of a pair; a coin gets 0.50."),
    ("Baseline", "the best guess without the model."),
    ("Control group, outsiders", "similar people who are not in the training data."),
    ("Determination", "may this model be treated as not personal data?"),
    ("Evidence", "the hashed files behind a number."),
    ("Finding", "a limit not met, with an owner."),
    ("Impact ratio", "a group's selection rate divided by the best group's."),
    ("Inconclusive", "the interval lies on both sides of the limit, or a gate is open."),
    ("Interval", "the range of values the data leave plausible; 95%: built so that 95 of 100 such ranges hold the true value."),
    (
        "Labelled records",
        "records of other people whose hidden trait is known; how many of them guess as well without the model as the attack does with it.",
    ),
    ("Limit", "the policy's line for a rule."),
    ("Margin", "the smallest gain we care about."),
    ("Membership inference", "guessing whether someone was in the training data."),
    ("Memorisation", "right guesses on training people minus right guesses on outsiders."),
    ("Model inversion", "rebuilding what a class looks like from the model."),
    ("Power", "the smallest gain this test would have seen."),
    ("Rightly and wrongly named", "training people the attack names, and outsiders it names (TPR and FPR)."),
)
LIMITATIONS = (
    "Only the attacks listed in this report were run. A stronger or newer attack may find more; a result without a finding is "
    "not proof of safety.",
    "Every number holds for these data, this model version and this attacker. Another release context, another attacker or new "
    "data need a new test.",
    "An interval says how much chance could move a number. It says nothing about mistakes in the data or in how they were chosen.",
    "Limits come from the policy named here unless a rule says otherwise. A different policy makes a new evaluation, never a "
    "rewrite of this one.",
    "A process control that reads Documented says that the risk was examined and written down, not that the risk is small.",
    "Attacks that were tried and failed to extract data speak only of those attacks: whether the chance of identifying anyone is "
    "insignificant is a question for people, who also weigh context, design and governance (EDPB Opinion 28/2024).",
    "This report gives evidence. It is no legal advice, and it decides nothing: the privacy officer concludes, the risk owner decides.",
)


def limitations(results: Mapping[str, Any]) -> tuple[str, ...]:
    """What holds for every report, and how often the attacks of this one would accuse a model that gives nothing away."""
    judged = sum(run.get("verdict") is not None for run in results["runs"])
    once = round((1 - float(results["plan"].get("level", 0.95))) / 2, 4)
    if judged < 2:
        return LIMITATIONS
    # Bonferroni's bound, whatever the attacks have in common.
    together = numbers.limit(min(1.0, round(judged * once, 4)), numbers.Unit.SHARE)
    several = (
        f"{judged} runs bear a verdict; the worst decides, and nothing is corrected for their number. A model that gives nothing away is "
        f"accused by one attack in at most {numbers.limit(once, numbers.Unit.SHARE)} of cases, by any of them in at most {together}. "
        "Fewer attacks planned in advance, or more records, make an accusation surer."
    )
    return (*LIMITATIONS, several)
