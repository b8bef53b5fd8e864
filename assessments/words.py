"""A run's result as one plain sentence, no wider than its numbers (docs/how-we-talk-about-risk.md). Pure: takes a run as
it stands in results.json, without its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assessments import printed
from assessments.questions import rank
from attacks.result import Estimate
from attacks.statistics.leak_equivalent import FEWEST_LABELLED
from attacks.statistics.power import records_to_settle
from governance import numbers
from governance.numbers import Unit
from governance.rule_words import group_name

Run = Mapping[str, Any]
EVERYONE, SUREST = "accuracy", "accuracy_top_10pct"


def run_sentence(run: Run, *, margin: float) -> str:
    """What this run showed, or why it showed nothing."""
    if run["status"] != "completed":
        return _without_result(run)
    if run["objective"] == "attribute_inference" and run["verdict"] == "not_resolvable" and _differ_by_themselves(run) and _gains(run):
        return _unlike(run)
    if run["gates"].get("G2", {}).get("state") == "failed" and run["verdict"] == "not_resolvable":
        return 'No verdict: the leak we planted was not found (gate G2), so "nothing found" would mean nothing.'
    if run["attack"] == "disparity.selection":
        return _selection(run)
    if run["attack"] == "disparity.vulnerability":
        return _vulnerability(run)
    if run["objective"] == "membership_inference" and _differ_by_themselves(run):
        return _blind_separates(run)
    said = {
        "nothing": _nothing,
        "population_only": _population_only,
        "model_adds": _model_adds,
        "memorised": _memorised,
        "not_resolvable": _not_resolvable,
    }[run["verdict"]]
    return said(run, margin)


def answer_sentence(runs: Sequence[Run]) -> tuple[str | None, str]:
    """The assessment's verdict and sentence: those of its worst run."""
    judged = [run for run in runs if run["verdict"]]
    if not judged:
        return None, "No attack gave a result, so nothing is known about this model."
    worst = min(judged, key=rank)
    return worst["verdict"], worst["sentence"]


def power_sentence(run: Run) -> str:
    """How small a gain this run would have seen."""
    power = run["power"]
    if not power:
        return ""
    if run["objective"] == "disparity":
        return _group_power(power)
    if power.get("detectable") is None:
        return f"With {_counted(run, power['n'])} even the largest gain might not have shown."
    gain = numbers.show(power["detectable"], Unit.POINTS).lstrip("+")
    return f"With {_counted(run, power['n'])} a gain of {gain} or more would have shown (80% power, one-sided 5%)."


def worth_sentence(run: Run) -> str:
    """How many labelled records guess as well without the model as this attack with it; empty where that was not measured."""
    whole, surest = (_find(run, f"leak_equivalent{tail}", "attack") for tail in ("", "_top_10pct"))
    told = [f"As good as guessing with {_records(whole)}."] if whole else []
    told += [f"On the tenth it is surest about: as good as guessing with {_records(surest)}."] if surest else []
    return " ".join(told)


def _records(row: Mapping[str, Any]) -> str:
    """640 labelled records (310 to 1,500); fewer than 50 labelled records; more than the 3,001 labelled records there are."""
    value, low, high = (_size(row, end) for end in ("value", "low", "high"))
    between = "" if low == high else f" ({low} to {high})"
    if printed.labelled(row, "value").startswith(">"):
        return f"more than the {numbers.count(row['n'])} labelled records there are{between}"
    return f"{value} labelled records{between}"


def _size(row: Mapping[str, Any], end: str) -> str:
    shown = printed.labelled(row, end)
    if shown.startswith("<"):
        return f"fewer than {numbers.count(FEWEST_LABELLED)}"
    return f"more than {numbers.count(row['n'])}" if shown.startswith(">") else shown


def _group_power(power: Mapping[str, Any]) -> str:
    """Groups differ in size; the one measured least well says what could have stayed hidden."""
    if power.get("detectable") is None:
        return "No group is large enough to say what would have shown."
    gap = numbers.show(power["detectable"], Unit.POINTS).lstrip("+")
    group = group_name(power["group"])
    return f"In the group measured least well ({group}) a difference of {gap} or more would have shown (80% power, one-sided 5%)."


def after_colon(reason: str) -> str:
    """A reason as the second half of a sentence: its first word without its capital, unless it is an abbreviation."""
    return reason[:1].lower() + reason[1:] if reason[1:2].islower() else reason


def _counted(run: Run, n: int, more: str = "") -> str:
    """10,000 records, 1 class."""
    one, many = ("class", "classes") if run["objective"] == "model_inversion" else ("record", "records")
    return f"{numbers.count(n)} {more}{one if n == 1 else many}"


def _find(run: Run, measure: str, arm: str, group: str | None = None) -> Mapping[str, Any] | None:
    """The row of that name with a number, if there is one."""
    wanted = f"{run['objective']}.{measure}"
    rows = (r for r in run["estimates"] if (r["measure"], r["arm"], r["group"]) == (wanted, arm, group))
    return next((r for r in rows if r["value"] is not None), None)


def _shares(run: Run, measure: str, *arms: str) -> list[str]:
    rows = [_find(run, measure, arm) for arm in arms]
    return [printed.value(row) if row else numbers.NO_NUMBER for row in rows]


def _without_result(run: Run) -> str:
    words = {"not_run": "Not run", "failed": "Failed", "cancelled": "Cancelled"}
    reason, lead = run["reason"], words.get(run["status"], "Not finished")
    said = reason if reason.startswith(lead) else f"{lead}: {after_colon(reason)}" if reason else f"{lead}."
    return f"{said.rstrip('.')}. Counted as not measured." if run["status"] == "failed" else said


def _endpoint(run: Run) -> str:
    return run["verdict_endpoint"] or EVERYONE


def _nothing(run: Run, margin: float) -> str:
    measure = _endpoint(run)
    gain = min(filter(None, (_find(run, measure, arm) for arm in ("advantage", "over_silent"))), key=lambda row: row["low"], default=None)
    detectable = run["power"].get("detectable")
    shown = f"; a gain of {numbers.show(detectable, Unit.POINTS).lstrip('+')} or more would have shown" if detectable is not None else ""
    about = printed.whole(gain) if gain else numbers.NO_NUMBER
    return f"Nothing found. With {_counted(run, run['power']['n'])} the gain is {about}{shown}."


def _population_only(run: Run, margin: float) -> str:
    attack, baseline = _shares(run, _endpoint(run), "attack", "baseline")
    if run["objective"] == "membership_inference":
        return f"The model gives nobody away: the attack is right for {attack}, a test that never sees the model for {baseline}."
    said = f"The attacker learns nothing new: {attack} right with the model, {baseline} without it."
    gain, over_silent = (_find(run, _endpoint(run), arm) for arm in ("advantage", "over_silent"))
    if gain and over_silent and over_silent["low"] < gain["low"]:
        said += f" Over the same attack on a model that says nothing it gains {printed.whole(over_silent)}."
    found = [
        (_find(run, measure, "memorisation"), where) for measure, where in ((EVERYONE, ""), (SUREST, " among those it is surest about"))
    ]
    gaps = [(gap, where) for gap, where in found if gap and gap["low"] > 0]
    if run["train_gap"] and gaps:
        gap, where = max(gaps, key=lambda g: g[0]["value"])
        said += (
            f" The model's answers differ on training records{where} ({printed.whole(gap)}), though this attack does not beat an outsider."
        )
    return said


def _model_adds(run: Run, margin: float) -> str:
    if run["objective"] == "model_inversion":
        return _recognised(run) + " They are typical examples of a class, not pictures of a person."
    measure = _endpoint(run)
    attack, baseline = _shares(run, measure, "attack", "baseline")
    gain = _find(run, measure, "advantage")
    where = "for the records it is surest about " if measure == SUREST else ""
    return (
        f"The model helps the attacker: {where}{attack} right, {baseline} without it, {printed.whole(gain) if gain else ''}. "
        f"It helps as much (within {numbers.limit(margin, Unit.POINTS)}) on people who were not in the training data: "
        "a learned pattern, not a stored record."
    )


def _memorised(run: Run, margin: float) -> str:
    if run["objective"] == "model_inversion":
        near = _find(run, "nearer_to_training", "memorisation")
        n = near["n"] if near else run["power"]["n"]
        hits = round((near["value"] + 0.5) * n) if near else n
        return (
            f"For {hits} of {n} classes the reconstruction lies nearer to training pictures than to held-out ones; "
            "it may show a real person. Pictures stay withheld."
        )
    measure = _endpoint(run)
    if run["objective"] == "membership_inference":
        return _membership(run, measure)
    attack, baseline, control = _shares(run, measure, "attack", "baseline", "control")
    if measure == SUREST:
        row = _find(run, measure, "attack")
        n = numbers.count(row["n"]) if row else "few"
        return (
            f"The model remembers some people: of the {n} the attacker is surest about it is right for {attack}, "
            f"without the model for {baseline}, on outsiders for {control}."
        )
    return f"The model remembers people: the attacker is right for {attack}, without the model for {baseline}, on outsiders for {control}."


def _membership(run: Run, measure: str) -> str:
    auc = _find(run, "auc", "attack")
    rare = _at_rare_errors(run)
    if measure == SUREST or auc is None:
        attack, baseline = _shares(run, measure, "attack", "baseline")
        return (
            f"The model gives some training records away: of those the attack is surest about, {attack} are called rightly, "
            f"by a test that never sees the model {baseline}.{rare}"
        )
    times, low, high = (f"{100 * auc[key]:.0f}" for key in ("value", "low", "high"))
    return (
        f"Shown one training record and one other, the attack picks the training record {times} times in 100 [{low}, {high}]; "
        f"a coin gets 50.{rare}"
    )


def _at_rare_errors(run: Run) -> str:
    """How many training people are named where outsiders hardly ever are; at the rarest error the data can carry."""
    for measure, outsiders in (("tpr_at_fpr_0.1pct", "1,000"), ("tpr_at_fpr_1pct", "100")):
        if row := _find(run, measure, "attack"):
            named = numbers.per_thousand(row["value"], row["low"], row["high"]).replace(" of 1,000", " of 1,000 training people")
            return f" Wrongly naming 1 outsider in {outsiders}, it rightly names {named}."
    return ""


def _not_resolvable(run: Run, margin: float) -> str:
    measure = _endpoint(run)
    gain = _find(run, measure, "advantage")
    if gain is None:
        reasons = [r["reason"] for r in run["estimates"] if r.get("reason")]
        return f"We cannot tell: {reasons[0]}." if reasons else "We cannot tell."
    line = numbers.limit(margin, Unit.POINTS).split()[0]
    gap = _find(run, measure, "memorisation")
    if gain["low"] > 0 and gain["value"] >= margin and gap is not None:
        sides = f", on both sides of the {line}-point margin" if gap["low"] < margin <= gap["high"] else ""
        return (
            f"We cannot tell whether the gain is memory: between training people and outsiders it differs by {printed.whole(gap)}{sides}."
        )
    low, high = (numbers.show(gain[end], Unit.POINTS, against=margin).removesuffix(" points").lstrip("+") for end in ("low", "high"))
    said = f"We cannot tell: the gain lies between {low} and {high} points, on both sides of the {line}-point margin."
    needed = records_to_settle(Estimate(gain["value"], gain["low"], gain["high"], gain["n"]), margin)
    more = None if needed is None else needed - gain["n"]
    if more is None or more <= 0 or more > 10_000_000:
        return said
    scale = 10 if measure == SUREST else 1  # the surest tenth grows by one record in ten
    return f"{said} About {_counted(run, _rounded(more * scale), 'more ')} would settle it."


def _rounded(n: int) -> int:
    """To one leading digit beyond the first: an estimate of an estimate has no more."""
    step = 10 ** max(0, len(str(n)) - 2)
    return -(-n // step) * step


def _differ_by_themselves(run: Run) -> bool:
    return bool(run["gates"].get("G1", {}).get("state") == "failed")


def _gains(run: Run) -> bool:
    gain = _find(run, _endpoint(run), "advantage")
    return gain is not None and bool(gain["low"] > 0)


def _unlike(run: Run) -> str:
    measure = _endpoint(run)
    attack, baseline = _shares(run, measure, "attack", "baseline")
    if measure == SUREST:
        return (
            f"We cannot tell memory from a learned pattern: of those it is surest about the attack is right for {attack}, without the "
            f"model for {baseline}, but training people and outsiders can be told apart without the model."
        )
    return (
        f"We cannot tell memory from a learned pattern: the attack is right for {attack}, without the model for {baseline}, but training "
        "people and outsiders can be told apart without the model."
    )


def _blind_separates(run: Run) -> str:
    blind = _find(run, "auc", "baseline")
    told = f" ({printed.whole(blind)})" if blind else ""
    return (
        f"The two groups can be told apart without the model{told}; they come from different sources, "
        "so this test says nothing about the model."
    )


def _recognised(run: Run) -> str:
    attack, baseline = _find(run, "top1", "attack"), _find(run, "top1", "baseline")
    if attack is None or baseline is None:
        return "The evaluator is too weak to judge the reconstructions."
    n = attack["n"]
    hits = f"{attack['value'] * n:.1f}".removesuffix(".0")
    interval = numbers.interval(attack["value"], attack["low"], attack["high"], Unit.SHARE).split(" ", 1)[1]
    without = f"{baseline['value'] * n:.1f}".removesuffix(".0")
    return f"An independent evaluator recognises {hits} of {n} reconstructions {interval}, {without} of {n} without the model."


def _selection(run: Run) -> str:
    of_everyone = [r for r in run["estimates"] if r["arm"] == "population"]
    rates = [r for r in of_everyone if r["measure"] == "disparity.selection_rate"]
    ratios = [r for r in of_everyone if r["measure"] == "disparity.impact_ratio" and r["value"] is not None]
    others = [r for r in ratios if r["low"] != r["high"]]
    if not others:
        return f"Too few people in the groups to compare who is selected.{_suppressed(rates)}"
    worst = min(others, key=lambda r: r["value"])
    best = next((r for r in ratios if r["low"] == r["high"]), None)
    rate = {r["group"]: r for r in rates}
    shares = f" ({printed.value(rate[worst['group']])} against {printed.value(rate[best['group']])})" if best else ""
    against = group_name(best["group"]) if best else "the best group"
    return f"{group_name(worst['group'])} is selected at {printed.whole(worst)} times the rate of {against}{shares}.{_suppressed(rates)}"


def _vulnerability(run: Run) -> str:
    rows = [r for r in run["estimates"] if r["arm"] == "difference"]
    shown = [r for r in rows if r["value"] is not None]
    if not shown:
        return f"Every group is too small to compare.{_suppressed(rows)}"
    worst = max(shown, key=lambda r: r["value"])
    attack, _, feature = worst.get("source", "").partition("/")
    about = attack.rsplit(".", 1)[-1].replace("_", "-") + (f" → {feature}" if feature else "")
    corrected = f", corrected for {len(shown)} comparisons" if len(shown) > 1 else ""
    if worst["value"] <= 0:
        return f"No attack gains more on one group than on everyone else{corrected}.{_suppressed(rows)}"
    clear = "" if worst["low"] > 0 else "; the interval includes no difference"
    gain = printed.whole(worst).lstrip("+")
    return f"{about} gains {gain} more on {group_name(worst['group'])} than on everyone else{corrected}{clear}.{_suppressed(rows)}"


def _suppressed(rows: Sequence[Mapping[str, Any]]) -> str:
    """Groups that are never shown, with their people, and single comparisons that are not; each group's people counted once."""
    shown = {r["group"] for r in rows if r["value"] is not None}
    hidden = [r for r in rows if r["value"] is None]
    never: dict[str, int] = {}
    for r in hidden:
        if r["group"] not in shown:
            never[r["group"]] = max(r["n"], never.get(r["group"], 0))
    partly = sum(r["group"] in shown for r in hidden)
    said = ""
    if never:
        groups = "1 group is" if len(never) == 1 else f"{numbers.count(len(never))} groups are"
        people = sum(never.values())
        said = f" {groups} too small to show ({numbers.count(people)} {'person' if people == 1 else 'people'} in all)."
    if partly:
        comparisons = "1 comparison rests" if partly == 1 else f"{numbers.count(partly)} comparisons rest"
        said += f" {comparisons} on too few people to be shown."
    return said
