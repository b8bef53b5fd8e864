"""The printed colours keep what the design promises: readable text, and verdicts that differ in greyscale too."""

from __future__ import annotations

from itertools import combinations

import pytest

from reports import palette
from reports.palette import ARMS, LIMITS, RUNS, contrast, lightness, luminance, mixed, tone

TONES = [*LIMITS.items(), *RUNS.items()]


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("000000", "FFFFFF") == pytest.approx(21.0)
    assert luminance("FFFFFF") == pytest.approx(1.0)


def test_mid_grey_777777_just_misses_the_text_limit() -> None:
    """The textbook case: 777777 on white is 4.48, 767676 is 4.54."""
    assert contrast("777777", "FFFFFF") == pytest.approx(4.48, abs=0.005)
    assert contrast("767676", "FFFFFF") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize(("verdict", "colours"), TONES)
def test_every_verdict_can_be_read(verdict: str, colours: palette.Tone) -> None:
    for ground in (palette.SURFACE, palette.PAGE, colours.tint):
        assert contrast(colours.ink, ground) >= 4.5, (verdict, ground)
    assert contrast(colours.on, colours.solid) >= 4.5, verdict


@pytest.mark.parametrize("colour", [palette.TEXT, palette.MUTED, palette.LINK, palette.LIMIT, *(a.colour for a in ARMS.values())])
def test_text_and_chart_arms_can_be_read_on_paper(colour: str) -> None:
    assert contrast(colour, palette.SURFACE) >= 4.5


def test_edges_reach_the_limit_for_graphics() -> None:
    assert contrast(palette.EDGE, palette.SURFACE) >= 3.0


@pytest.mark.parametrize("family", [LIMITS, RUNS])
def test_verdicts_of_one_family_differ_in_greyscale(family: dict[str, palette.Tone]) -> None:
    greys = {name: lightness(t.solid) for name, t in family.items()}
    for one, other in combinations(greys, 2):
        assert abs(greys[one] - greys[other]) >= 12, (one, other)


def test_a_worse_verdict_is_darker() -> None:
    limits = [lightness(LIMITS[v].solid) for v in ("satisfied", "inconclusive", "not_satisfied")]
    runs = [lightness(RUNS[v].solid) for v in ("nothing", "population_only", "model_adds", "memorised")]
    assert limits == sorted(limits, reverse=True)
    assert runs == sorted(runs, reverse=True)


def test_greys_are_the_ones_the_design_lists() -> None:
    listed = {"satisfied": 81, "inconclusive": 65, "not_satisfied": 38, "not_assessed": 100}
    assert {name: round(lightness(t.solid)) for name, t in LIMITS.items()} == listed


def test_marks_and_shapes_are_told_apart_without_colour() -> None:
    marks = [t.mark for _, t in TONES]
    assert len(set(marks)) == len(marks)
    assert len({(a.shape, a.filled) for a in ARMS.values()}) == len(ARMS)


def test_an_unknown_verdict_looks_not_assessed() -> None:
    assert tone("no such verdict") is tone(None) is LIMITS["not_assessed"]


def test_a_mixture_keeps_its_ends() -> None:
    assert mixed("182433", 0) == "FFFFFF"
    assert mixed("182433", 1) == "182433"
