"""What the rules say to people: state, number, then what follows, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log, log10

from governance import numbers
from governance.measured import Gate, GateState, Measured
from governance.numbers import Unit
from governance.policy import Better, Limit
from governance.verdict import RULE_LABELS, Verdict

# Beyond this many times the data, more records are no practical answer.
MOST_TIMES = 1_000

SETTLES_NO_NUMBER = "A run that ends with this number."
SETTLES_SUPPRESSED = "More people in these groups, or a person's judgement of them."
SETTLES_NO_ROOM = "People for whom the attribute is harder to guess without the model."
SETTLES_ALARMS = "A run whose threshold keeps to that rate, as most do; more outsiders steady it."
SETTLES_RECOVERED = "A changed model for which the recovery no longer works, tested again."
SETTLES_GATE = {
    "G1": "Outsiders drawn from the same source as the training people.",
    "G2": "A run in which a planted leak is found and a silent model gives nothing away.",
    "G3": "A test with that many records.",
    "G4": "A run with enough attack seeds, and with the hashes of model, data and plan on record.",
    "G5": "A run with at least the access that the release gives.",
}
_GATE_FAILED = {
    "G1": "training people and outsiders can be told apart without the model (gate G1), so this comparison says nothing about the model",
    "G2": 'the attack failed its own trial (gate G2), so "nothing found" would mean nothing',
    "G3": "there are too few records (gate G3)",
    "G4": "the run cannot be repeated as it should (gate G4)",
    "G5": "the attacker tested saw less than the release shows (gate G5)",
}
_GATE_NOT_MEASURED = {
    "G1": "nobody measured whether training people and outsiders can be told apart without the model (gate G1)",
    "G2": 'the attack was not tried on a planted leak (gate G2), so "nothing found" would mean nothing',
    "G3": "it is not known whether there are enough records (gate G3)",
    "G4": "seeds and hashes were not checked (gate G4)",
    "G5": "it is not known whether the attacker tested sees as much as the release shows (gate G5)",
}
_FINDINGS = {
    "R-AIA": "the attack takes {number} of the room left above the best guess without the model",
    "R-AIA-MEM": "right guesses about training people exceed those about outsiders by {number}",
    "R-MIA-ADV": "the share of training records the attack names exceeds the share of outsiders it names by {number}",
    "R-MIA-TPR": "{number} of the training people are named while 1 outsider in 1,000 is wrongly named",
    "R-INV": "reconstructions an independent evaluator recognises exceed those made without the model by {number}",
    "R-DI": "{group} is selected at {number} times the rate of the best group",
    "R-DPV": "the attack gains {number} more on {group} than on everyone else",
}
# Where the test cannot carry the rarer error of R-MIA-TPR.
_COARSER = "{number} of the training people are named while 1 outsider in 100 is wrongly named (1 in 1,000 takes 10,000 outsiders)"
_NOT_RUN = {
    "R-AIA": ("no attack tried to guess a sensitive attribute", "A plan with attribute inference on a sensitive column."),
    "R-AIA-MEM": ("no attack tried to guess a sensitive attribute", "A plan with attribute inference on a sensitive column."),
    "R-MIA-ADV": ("no attack tried to tell who was in the training data", "A plan with a membership inference attack."),
    "R-MIA-TPR": ("no attack tried to tell who was in the training data", "A plan with a membership inference attack."),
    "R-INV": ("no attack tried to rebuild training pictures", "A plan with a model inversion attack."),
    "R-DI": ("selection rates of groups were not compared", "A protected column and a favourable outcome in a new plan."),
    "R-DPV": ("leakage was not compared between groups", "A protected column and another attack in a new plan."),
}
_COUNTED = {"R-INV": "identities", "R-DI": "records in the group", "R-DPV": "records in the group"}


def finding(rule: str, m: Measured, unit: Unit, limit: Limit) -> str:
    """What was measured, with its interval, as half a sentence."""
    number = numbers.interval(m.value, m.low, m.high, unit, against=limit.value)
    said = _COARSER if m.measure.endswith("_1pct") else _FINDINGS[rule]
    text = said.format(number=number, group=group_name(m.group))
    return f"for the tenth of the people it is surest about, {text}" if m.measure.endswith("_top_10pct") else text


def against_limit(verdict: Verdict, rule: str, m: Measured, unit: Unit, limit: Limit) -> str:
    return f"{RULE_LABELS[verdict]}: {finding(rule, m, unit, limit)}, {_side(verdict, m, limit)} {numbers.limit(limit.value, unit)}."


def outcome(verdict: Verdict, m: Measured, limit: Limit, rate: Measured | None, reference: Measured | None) -> str:
    """R-DI: the interval verdict and, beside it, what the bare ratio says."""
    number = numbers.interval(m.value, m.low, m.high, Unit.NUMBER, against=limit.value)
    best = group_name(reference.group) if reference else "the best group"
    of = f" ({_hits(rate)} and {_hits(reference)})" if rate and reference else ""
    line = numbers.limit(limit.value, Unit.NUMBER)
    below = m.value is not None and m.value < limit.value
    flag = "is below the line, which the guideline flags" if below else "is not below the line, so the guideline does not flag it"
    return (
        f"{RULE_LABELS[verdict]}: {group_name(m.group)} is selected at {number} times the rate of {best}{of}, "
        f"{_side(verdict, m, limit)} {line}. The ratio taken alone {flag}."
    )


def unequal(verdict: Verdict, m: Measured, limit: Limit, comparisons: int) -> str:
    """R-DPV: how much more an attack gains on one group."""
    number = numbers.interval(m.value, m.low, m.high, Unit.POINTS, against=limit.value)
    corrected = f", corrected for {comparisons} comparisons" if comparisons > 1 else ""
    attack = _source_name(m.source)
    return (
        f"{RULE_LABELS[verdict]}: {attack} gains {number} more on {group_name(m.group)} than on everyone else{corrected}, "
        f"{_side(verdict, m, limit)} {numbers.limit(limit.value, Unit.POINTS)}."
    )


def suppressed(unjudged: Sequence[Measured], *, others_met: bool) -> str:
    """Groups that could not be judged, counted but not hidden. A group appears once for every attack compared."""
    people: dict[str | None, int] = {}
    for m in unjudged:
        people[m.group] = max(m.n, people.get(m.group, 0))
    which = group_name(unjudged[0].group) if len(people) == 1 else f"{numbers.count(len(people))} groups"
    why = "; ".join(sorted({m.reason.rstrip(".") for m in unjudged if m.reason})) or "no number was measured"
    rest = " The groups that could be judged meet the limit." if others_met else ""
    return f"Inconclusive: {which} could not be judged ({numbers.count(sum(people.values()))} people): {why}.{rest}"


def blocked(gate: Gate, found: str) -> str:
    """No verdict because of a gate; the number stays in sight as a description."""
    said = (_GATE_FAILED if gate.state is GateState.FAILED else _GATE_NOT_MEASURED)[gate.name]
    detail = f" {gate.detail}" if gate.detail else ""
    return f"No verdict: {said}.{detail} Measured all the same: {found}."


def recovered(gate: Gate) -> str:
    return f"Limit not met, whatever the rate (gate G6): {gate.detail or 'a person confirmed a recovery of personal data.'}"


def no_number(m: Measured) -> str:
    what = "the tenth of the people the attack is surest about was not measured" if m.measure.endswith("_top_10pct") else "not measured"
    return f"Inconclusive: {m.reason.rstrip('.') or what}."


def no_room(baseline: float, line: float) -> str:
    shown, most = numbers.show(baseline, Unit.SHARE, against=line), numbers.limit(line, Unit.SHARE)
    return (
        f"Inconclusive: the best guess without the model is right for {shown}, above {most}, so too little room is left to measure a gain."
    )


def too_many_alarms(alarms: tuple[float, float, float] | None, few: float) -> str:
    """R-MIA-TPR: the threshold named more outsiders than it should, or nobody recorded how many."""
    line = numbers.limit(few, Unit.SHARE)
    if alarms is None:
        return f"Inconclusive: how many outsiders the threshold wrongly names was not recorded, so it may be more than {line}."
    reached = numbers.interval(*alarms, Unit.SHARE, against=few)
    return f"Inconclusive: the threshold wrongly names {reached} of the outsiders, wholly above {line}."


def not_assessed(rule: str, limit: Limit, kind: str) -> tuple[str, str]:
    """The reason and what would settle it, for a rule nothing was measured for."""
    if kind not in limit.data:
        asked, have = ("images", "a table") if kind == "table" else ("tables", "images")
        return f"Not assessed: this rule is about {asked}, and the training data are {have}.", ""
    why, settles = _NOT_RUN[rule]
    return f"Not assessed: {why}.", settles


def settles(verdict: Verdict, rule: str, m: Measured, limit: Limit) -> str:
    """What would settle the row: nothing where the limit is met."""
    if verdict is Verdict.SATISFIED:
        return ""
    if verdict is Verdict.NOT_SATISFIED:
        side = "above" if limit.better is Better.HIGHER else "below"
        return f"A changed model whose whole interval lies {side} the limit in a new test."
    have, needed = _records(m, limit)
    if needed is None:
        return "The number lies so close to the limit that more records would hardly settle it; a person decides."
    what = _COUNTED.get(rule, "training records")
    return f"At this rate about {numbers.count(needed)} {what} instead of {numbers.count(have)} would settle it."


def group_name(group: str | None) -> str:
    return (group or "the group").replace("=", " = ", 1)


def _source_name(source: str) -> str:
    """`attribute_inference.csmia/marital` as the attack csmia on marital; membership runs guess no column."""
    run, _, feature = source.partition("/")
    name = f"the attack {run.rsplit('.', 1)[-1].replace('_', ' ')}" if run else "the attack"
    return f"{name} on {feature}" if feature not in ("", "-", "None") else name


def _side(verdict: Verdict, m: Measured, limit: Limit) -> str:
    assert m.low is not None
    assert m.high is not None
    if verdict is Verdict.INCONCLUSIVE:
        return "on both sides of" if m.low < limit.value < m.high else "reaching exactly to"
    below = m.high <= limit.value
    if limit.value in (m.low, m.high):
        return "not above" if below else "not below"
    return "wholly below" if below else "wholly above"


def _hits(rate: Measured) -> str:
    return numbers.rare(round((rate.value or 0.0) * rate.n), rate.n)


def _records(m: Measured, limit: Limit) -> tuple[int, int | None]:
    """(records now, records at which the interval would stop short of the limit): its width shrinks with the root of n."""
    assert m.estimate is not None
    have = m.size("members") or m.n
    value, low, high = m.estimate
    line = limit.value
    if limit.better is Better.HIGHER:
        # A ratio is symmetric in its logarithm.
        if min(value, low, line) <= 0:
            return have, None
        value, low, high, line = log(value), log(low), log(high), log(line)
    gap = abs(value - line)
    reach = high - value if value < line else value - low
    if gap == 0 or (reach / gap) ** 2 > MOST_TIMES:
        return have, None
    return have, max(have + 1, _two_digits(have * (reach / gap) ** 2))


def _two_digits(n: float) -> int:
    """Rounded up to two leading digits: an estimate that sounds no more exact than it is."""
    step = int(10 ** max(0, floor(log10(n)) - 1))
    return ceil(n / step) * step
