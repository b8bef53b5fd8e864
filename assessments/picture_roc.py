"""Picture 5, the ROC curve of membership inference on two logarithmic axes, as a value (assessments/pictures.py says what that is).

Carlini et al. 2022, section III: an attack that names few people and is right about them lies at the left, where axes that
are not logarithmic show nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assessments import printed
from assessments.pictures import ARM_WORDS, Line, Picture, Ref, Results, Run, basis_of, mark_of, point_of, rows_of
from governance import numbers

MEASURE = "membership_inference"
LOW_RATES = {"1pct": 0.01, "0.1pct": 0.001}
FEW = 0.001  # wrongly named: the part of the curve that rules look at
DRAWN = ("baseline", "attack")


def roc(results: Results, run: Run) -> Picture | None:
    """Members rightly named at each rate of outsiders wrongly named; None where no rate could be carried."""
    points = _points(run)
    rows = tuple(
        Line(
            rate_word(rate),
            f"1 outsider in {round(1 / rate):,}",
            tuple(mark_of(arms[arm], ARM_WORDS[arm]) for arm in DRAWN if arm in arms),
            rate,
        )
        for rate, arms in sorted(points.items())
        if "attack" in arms
    )
    if not rows:
        return None
    refs = [Ref("guessing: members and outsiders alike", 1.0, "dashed", "diagonal"), *_limits(results, run)]
    # Rates below the lowest have fewer than three outsiders to be wrong about (attacks/metrics/roc.py).
    caption = (
        "Left is what matters: few accused, many right. "
        f"Rates below {rows[0].label} need more outsiders than there are. {basis_of(results)}"
    )
    return Picture("roc", _title(rows), caption, _alt(rows, run), rows, tuple(refs))


def rate_word(rate: float) -> str:
    """0.001 as 0.1%."""
    return numbers.limit(rate, numbers.Unit.SHARE)


def _points(run: Run) -> dict[float, dict[str, Mapping[str, Any]]]:
    """The estimates by rate and arm: those that rules look at, and the rest of the curve."""
    found: dict[float, dict[str, Mapping[str, Any]]] = {}
    for estimate in run.get("estimates", ()):
        measure, group = str(estimate["measure"]), str(estimate.get("group") or "")
        low = LOW_RATES.get(measure.removeprefix(f"{MEASURE}.tpr_at_fpr_")) if not group else None
        rate = float(group.removeprefix("fpr=")) if measure == f"{MEASURE}.roc" and group.startswith("fpr=") else low
        if rate is not None and estimate["value"] is not None:
            found.setdefault(rate, {})[str(estimate["arm"])] = estimate
    return found


def _limits(results: Results, run: Run) -> list[Ref]:
    """What the policy allows at a rate, as a point of the plot."""
    limits = {str(rule["measure"]): rule for rule in results.get("rules", ()) if rule.get("limit") is not None}
    return [
        Ref(f"limit: {printed.rule_limit(rule)} at {rate_word(rate)}", float(rule["limit"]), "diamond", f"{rate:g}")
        for name, rate in LOW_RATES.items()
        if (rule := limits.get(f"{MEASURE}.tpr_at_fpr_{name}"))
    ]


def _title(rows: Sequence[Line]) -> str:
    """About the lowest rate that rules look at, else about the lowest there is."""
    told = next((line for rate in sorted(LOW_RATES.values()) for line in rows if line.at == rate), rows[0])
    by_arm = {mark.arm: mark for mark in told.marks}
    named = f"Wrongly naming {told.label} of outsiders, it rightly names {point_of(by_arm['attack'])} of training records"
    return f"{named}, without the model {point_of(by_arm['baseline'])}" if "baseline" in by_arm else named


def _alt(rows: Sequence[Line], run: Run) -> str:
    said = [f"At {line.label} wrongly named, rightly named {', '.join(f'{m.label} {m.text}' for m in line.marks)}." for line in rows]
    auc = rows_of(run, f"{MEASURE}.auc").get("attack")
    return " ".join([*said, f"Area under the curve: {printed.whole(auc)}."] if auc else said)
