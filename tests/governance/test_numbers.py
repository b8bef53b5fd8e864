"""Numbers print the same everywhere, and never contradict the verdict beside them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import numbers
from governance.numbers import Unit, interval, limit, rare, show


@pytest.mark.parametrize(
    ("value", "unit", "printed"),
    [
        (0.734, Unit.SHARE, "73.4%"),
        (0.68, Unit.SHARE, "68.0%"),
        (0.14, Unit.POINTS, "+14.0 points"),
        (-0.003, Unit.POINTS, "\u22120.3 points"),
        (0.0, Unit.POINTS, "0.0 points"),
        (-0.0001, Unit.POINTS, "0.0 points"),
        (0.783, Unit.NUMBER, "0.78"),
        (-0.03, Unit.SIGNED, "\u22120.03"),
        (12.3456, Unit.SHARE, "1,234.6%"),
    ],
)
def test_number_prints_with_fixed_decimals_and_a_true_minus(value: float, unit: Unit, printed: str) -> None:
    assert show(value, unit) == printed


def test_interval_has_the_forms_of_the_style_guide() -> None:
    assert interval(0.249, 0.158, 0.340, Unit.SHARE) == "24.9% [15.8%, 34.0%]"
    assert interval(0.14, 0.119, 0.163, Unit.POINTS) == "+14.0 points [11.9, 16.3]"
    assert interval(-0.003, -0.014, 0.008, Unit.POINTS) == "\u22120.3 points [\u22121.4, 0.8]"
    assert interval(0.783, 0.721, 0.851, Unit.NUMBER) == "0.78 [0.72, 0.85]"


def test_digits_are_added_until_the_print_agrees_with_the_verdict() -> None:
    assert show(0.01021, Unit.SHARE, against=0.01) == "1.02%"
    assert show(0.79999, Unit.NUMBER, against=0.8) == "0.79999"
    assert interval(0.01, 0.0062, 0.01021, Unit.SHARE, against=0.01) == "1.00% [0.62%, 1.02%]"


@given(st.floats(-1, 1), st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.8]), st.sampled_from(list(Unit)))
def test_print_stands_on_the_same_side_of_the_limit_as_the_number(value: float, line: float, unit: Unit) -> None:
    text = show(value, unit, against=line).replace("\u2212", "-").split("%")[0].split(" ")[0]
    scale = 100 if unit in (Unit.SHARE, Unit.POINTS) else 1
    if abs(value - line) > 1e-10:
        assert (float(text) > round(line * scale, 10)) == (value > line)


def test_limits_print_as_short_as_they_are() -> None:
    assert [limit(x, Unit.SHARE) for x in (0.05, 0.025)] == ["5%", "2.5%"]
    assert [limit(x, Unit.POINTS) for x in (0.02, 0.01, 0.1)] == ["2 points", "1 point", "10 points"]
    assert limit(0.8, Unit.NUMBER) == "0.80"


def test_rare_rates_print_as_counts_and_zero_with_its_upper_end() -> None:
    assert rare(31, 1000) == "31 of 1,000"
    assert rare(0, 300, high=0.01222) == "0 of 300 (at most 1.2%)"
    assert numbers.per_thousand(0.031, 0.021, 0.044) == "31 of 1,000 [21, 44]"
    assert numbers.count(10_000) == "10,000"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_never_printed(value: float) -> None:
    with pytest.raises(ValueError, match="no number"):
        show(value, Unit.SHARE)


def test_missing_number_is_said_in_words() -> None:
    assert show(None, Unit.SHARE) == interval(None, None, None, Unit.POINTS) == "not measured"


def test_more_hits_than_records_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        rare(2, 1)


@pytest.mark.parametrize(
    ("measure", "arm", "unit"),
    [
        ("attribute_inference.accuracy", "attack", Unit.SHARE),
        ("attribute_inference.accuracy", "memorisation", Unit.POINTS),
        ("attribute_inference.excess", "attack", Unit.SHARE),
        ("membership_inference.tpr_minus_fpr", "attack", Unit.POINTS),
        ("membership_inference.auc", "attack", Unit.NUMBER),
        ("membership_inference.auc", "advantage", Unit.SIGNED),
        ("disparity.impact_ratio", "population", Unit.NUMBER),
        ("disparity.selection_rate", "members", Unit.SHARE),
        ("disparity.vulnerability.attribute_inference.accuracy", "difference", Unit.POINTS),
        ("model_inversion.nearer_to_training", "memorisation", Unit.POINTS),
    ],
)
def test_every_measure_knows_its_unit(measure: str, arm: str, unit: Unit) -> None:
    assert numbers.unit_of(measure, arm) is unit


def test_estimate_prints_in_the_unit_of_its_measure() -> None:
    assert numbers.measured("membership_inference.auc", "attack", 0.58, 0.56, 0.60) == "0.58 [0.56, 0.60]"
