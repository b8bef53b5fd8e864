"""The arithmetic of disparity: selection rates by group, and leakage by group from other attacks' per-record results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from attacks.access import Array
from attacks.disparity.groups import Group, null_bands
from attacks.result import Arm, Estimate, Judgement, Row
from attacks.settings import Settings, stream
from attacks.statistics.mover import impact_ratio, mover_difference
from attacks.statistics.multiplicity import holm_intervals
from attacks.statistics.outcomes import independent_difference, paired_difference, rate
from attacks.statistics.people import independent, several_records
from attacks.statistics.power import detectable_difference
from attacks.statistics.rates import clopper_pearson

# The four-fifths guideline leaves out groups too small to compare; the policy may only raise this.
SMALLEST_SELECTED = 30


def judge_selection(
    selected: Mapping[Arm, Array],
    groups: Mapping[Arm, Sequence[Group]],
    settings: Settings,
    subjects: Mapping[Arm, Array | None] | None = None,
) -> Judgement:
    """Selection rate, ratio to the best group and difference from it, per arm and group. It has no run verdict.

    `selected[arm]` (n,) bool: the model gave the favourable outcome; `subjects[arm]` (n,) to whom.
    """
    rows: list[Row] = []
    for arm, chosen in selected.items():
        rows += _selection_rows(arm, chosen, groups[arm], several_records((subjects or {}).get(arm)), settings)
    gaps = [(r.group, r.estimate) for r in rows if r.measure == "disparity.rate_difference" and r.arm == Arm.POPULATION]
    return Judgement(tuple(rows), None, None, _power([(g, e) for g, e in gaps if g and e], settings))


def _power(differences: Sequence[tuple[str, Estimate]], settings: Settings) -> dict[str, Any]:
    """What would have shown in the group measured least well: the others would have shown less."""
    if not differences:
        return {"n": 0, "detectable": None}
    group, widest = max(differences, key=lambda d: d[1].high - d[1].low)
    return {"n": widest.n, "detectable": detectable_difference(widest, settings.level), "group": group}


def _selection_rows(arm: Arm, chosen: Array, groups: Sequence[Group], subjects: Array | None, settings: Settings) -> list[Row]:
    size = {g.name: people_in(g.mask, subjects) for g in groups if g.n}  # nobody of a group is no group here
    large = [g for g in groups if size.get(g.name, 0) >= SMALLEST_SELECTED]
    few = [name for name, n in size.items() if n < SMALLEST_SELECTED]
    rows = [Row("disparity.selection_rate", arm, None, name, size[name], f"too few (n < {SMALLEST_SELECTED})") for name in few]
    for g in large:
        rng = stream(settings.seed, "selection", arm, g.name)
        clusters = None if subjects is None else subjects[g.mask]
        found = rate(chosen[g.mask].astype(float), level=settings.level, clusters=clusters, rng=rng)
        rows.append(Row("disparity.selection_rate", arm, found, g.name))
    if len(large) < 2:
        return rows
    counts = {g.name: _worth(chosen[g.mask], None if subjects is None else subjects[g.mask], settings.level) for g in large}
    best = max(counts, key=lambda name: (counts[name][0] / counts[name][1], counts[name][1]))
    others = [g for g in large if g.name != best]

    def ratio(group: Group, level: float) -> Estimate | None:
        return impact_ratio(*counts[group.name], *counts[best], level)

    corrected = holm_intervals([partial(ratio, g) for g in others], lambda e: e.high < 1 or e.low > 1, settings.level)
    rows.append(
        Row("disparity.impact_ratio", arm, Estimate(1.0, 1.0, 1.0, size[best]), best, reason="the group the others are compared with")
    )
    for group, (estimate, _) in zip(others, corrected, strict=True):
        reason = _corrected(len(others)) if estimate else "nobody is selected, so there is no ratio"
        if estimate and subjects is not None:
            estimate = replace(estimate, n=min(size[group.name], size[best]))
        rows.append(Row("disparity.impact_ratio", arm, estimate, group.name, group.n, reason))
        gap = mover_difference(clopper_pearson(*counts[group.name], settings.level), clopper_pearson(*counts[best], settings.level))
        rows.append(Row("disparity.rate_difference", arm, gap, group.name))
    return rows


def _worth(chosen: Array, subjects: Array | None, level: float) -> tuple[float, int]:
    """(selected, all), in as many records as theirs are worth where people have several."""
    if subjects is None:
        return int(chosen.sum()), len(chosen)
    n = independent(chosen.astype(float), subjects, level)
    return float(chosen.mean()) * n, n


def people_in(mask: Array, subjects: Array | None) -> int:
    """How many people, not records, a (n,) mask holds."""
    return int(mask.sum()) if subjects is None else len(np.unique(subjects[mask]))


def _corrected(k: int) -> str:
    return f"corrected for {k} comparisons (Holm)" if k > 1 else ""


@dataclass(frozen=True)
class Source:
    """Another run's per-record results: which run, its measure, and the groups of its people.

    Attribute inference: `attack`, `baseline` (n,) success. Membership: `decision` (n,) and `member` (n,). `subjects` (n,) whom the
    records are about, None where nobody has several; `control_subjects` likewise.
    """

    run: str
    measure: str
    groups: Sequence[Group]
    attack: Array | None = None
    baseline: Array | None = None
    control: Array | None = None
    control_groups: Sequence[Group] = ()
    decision: Array | None = None
    member: Array | None = None
    subjects: Array | None = None
    control_subjects: Array | None = None
    seed: int = 0  # of the resampling of people

    def of(self, mask: Array) -> Array | None:
        return None if self.subjects is None else self.subjects[mask]

    def advantage(self, mask: Array, level: float) -> Estimate:
        """How much the attack gains among the people in `mask`: over the imputer, or TPR - FPR."""
        rng = stream(self.seed, "groups", self.run)
        if self.attack is not None and self.baseline is not None:
            return paired_difference(self.attack[mask], self.baseline[mask], level=level, clusters=self.of(mask), rng=rng)
        assert self.decision is not None
        assert self.member is not None
        inside, outside = mask & self.member.astype(bool), mask & ~self.member.astype(bool)
        return independent_difference(
            self.decision[inside], self.decision[outside], level=level, clusters_a=self.of(inside), clusters_b=self.of(outside), rng=rng
        )

    def memorisation(self, group: Group, settings: Settings) -> Estimate | None:
        """Attack on the group's members minus on its outsiders; None where those are too few, and for membership, where that is the
        advantage."""
        outsiders = next((g for g in self.control_groups if g.name == group.name), None)
        if (
            self.attack is None
            or self.control is None
            or outsiders is None
            or people_in(outsiders.mask, self.control_subjects) < settings.min_group
        ):
            return None
        theirs = None if self.control_subjects is None else self.control_subjects[outsiders.mask]
        return independent_difference(
            self.attack[group.mask],
            self.control[outsiders.mask],
            level=settings.level,
            clusters_a=self.of(group.mask),
            clusters_b=theirs,
            rng=stream(self.seed, "groups", self.run),
        )

    def difference(self, group: Group, level: float) -> Estimate:
        return mover_difference(self.advantage(group.mask, level), self.advantage(~group.mask, level))

    def too_small(self, group: Group, settings: Settings) -> str:
        """Why the group is not shown, or nothing. The people outside it must be enough as well."""
        sizes = [people_in(mask, self.subjects) for mask in (group.mask, ~group.mask)]
        if self.member is not None:
            sizes = [people_in(m & s, self.subjects) for m in (group.mask, ~group.mask) for s in (self.member > 0, self.member == 0)]
        if min(sizes) < settings.min_group:
            return f"too few (n < {settings.min_group})"
        # Only few right guesses are kept back: a group that is read without an error is the worst there is to report.
        if self.attack is not None and people_in(group.mask & (self.attack > 0), self.subjects) < settings.min_positives:
            return f"too few right guesses (fewer than {settings.min_positives})"
        return ""

    def per_record(self) -> Array:
        """(n,) what the permutation null shuffles: the paired gain, or the decision signed by membership."""
        if self.attack is not None and self.baseline is not None:
            gain: Array = self.attack - self.baseline
            return gain
        assert self.decision is not None
        assert self.member is not None
        # Members and outsiders in equal numbers: twice the signed decision has about the group mean TPR - FPR.
        signed: Array = 2 * self.decision * np.where(self.member > 0, 1.0, -1.0)
        return signed


def judge_vulnerability(sources: Sequence[Source], settings: Settings) -> Judgement:
    """Whom each attack hits harder: per group the gain, and its difference from everyone else.

    Differences are simultaneous over every group and attack of one protected column (Holm); small groups are counted,
    never shown.
    """
    shown: list[tuple[Source, Group]] = []
    rows: list[Row] = []
    for source in sources:
        for group in (g for g in source.groups if g.n):
            reason = source.too_small(group, settings)
            if reason:
                rows.append(
                    Row(_measure(source), Arm.DIFFERENCE, None, group.name, people_in(group.mask, source.subjects), reason, source.run)
                )
            else:
                shown.append((source, group))
    makers: list[Callable[[float], Estimate | None]] = [partial(source.difference, group) for source, group in shown]
    stepped = holm_intervals(makers, lambda e: e.low > 0 or e.high < 0, settings.level) if makers else []
    for (source, group), (difference, _) in zip(shown, stepped, strict=True):
        rows += _group_rows(source, group, difference, settings, len(shown))
    for source in sources:
        rows += _null_rows(source, [g for s, g in shown if s is source], settings)
    plain = [(group.name, replace(source.difference(group, settings.level), n=group.n)) for source, group in shown]
    hidden = [r for r in rows if r.estimate is None]
    notes = (f"{len(hidden)} comparisons rest on too few people to be shown.",) if hidden else ()
    return Judgement(tuple(rows), None, None, _power(plain, settings), notes=notes)


def _measure(source: Source) -> str:
    return f"disparity.vulnerability.{source.measure}"


def _group_rows(source: Source, group: Group, difference: Estimate | None, settings: Settings, comparisons: int) -> list[Row]:
    rows = [
        Row(_measure(source), Arm.ADVANTAGE, source.advantage(group.mask, settings.level), group.name, source=source.run),
        Row(_measure(source), Arm.DIFFERENCE, difference, group.name, group.n, _corrected(comparisons), source.run),
    ]
    gap = source.memorisation(group, settings)
    return [*rows, Row(_measure(source), Arm.MEMORISATION, gap, group.name, source=source.run)] if gap else rows


def _null_rows(source: Source, groups: Sequence[Group], settings: Settings) -> list[Row]:
    if not groups:
        return []
    bands = null_bands(
        source.per_record(), groups, stream(settings.seed, "null", source.run), level=settings.level, subjects=source.subjects
    )
    return [
        Row(
            _measure(source),
            Arm.NULL,
            Estimate((low + high) / 2, low, high, g.n),
            g.name,
            reason="where chance alone puts it",
            source=source.run,
        )
        for g, (low, high) in zip(groups, bands.tolist(), strict=True)
    ]
