"""The validity gates, from plain values."""

import pytest

from attacks.access import Access
from governance.gates import RUNGS, access_gate, blind_gate, recovery_gate, repeat_gate, size_gate
from governance.measured import GateState, Measured, gates_from


@pytest.mark.parametrize(
    ("value", "low", "state"),
    [
        (0.58, 0.56, GateState.FAILED),
        (0.53, 0.501, GateState.FAILED),
        (0.53, 0.499, GateState.PASSED),  # the interval holds chance
        (0.515, 0.505, GateState.PASSED),  # separable, but too little to matter
        (0.52, 0.51, GateState.PASSED),
        (0.50, 0.48, GateState.PASSED),
    ],
)
def test_blind_test_fails_only_when_surely_and_noticeably_above_chance(value: float, low: float, state: GateState) -> None:
    assert blind_gate(value, low, value + 0.02, limit=0.52).state is state


def test_too_few_or_uncounted_records_do_not_pass() -> None:
    needed = {"members": 300, "control": 300}
    assert size_gate({"members": 300, "control": 300}, needed).state is GateState.PASSED
    failed = size_gate({"members": 300, "control": 299}, needed)
    assert (failed.state, failed.detail) == (GateState.FAILED, "There are 299 outsiders; 300 are needed.")
    assert size_gate({"members": 300}, needed).state is GateState.NOT_MEASURED


def test_two_seeds_or_no_hashes_do_not_pass() -> None:
    assert repeat_gate(3, hashes_recorded=True, needed=3).state is GateState.PASSED
    assert repeat_gate(2, hashes_recorded=True, needed=3).state is GateState.FAILED
    assert repeat_gate(3, hashes_recorded=False, needed=3).state is GateState.FAILED


def test_attacker_weaker_than_the_release_does_not_pass() -> None:
    assert access_gate("label", "scores").state is GateState.FAILED
    assert access_gate("scores", "scores").state is GateState.PASSED
    assert access_gate("weights", "label").state is GateState.PASSED
    assert access_gate("label", "scores").detail == "The attacker tested saw labels; the released model shows scores."
    with pytest.raises(ValueError, match="'root' is no rung"):
        access_gate("root", "scores")


def test_rungs_are_those_of_the_measuring_library_in_its_order() -> None:
    assert list(RUNGS) == [rung.word for rung in sorted(Access)]


def test_one_confirmed_recovery_is_enough() -> None:
    assert recovery_gate(0).state is GateState.PASSED
    assert recovery_gate(1).state is GateState.FAILED


def test_recorded_gates_are_read_and_empty_ones_stay_unmeasured() -> None:
    assert gates_from({"G1": {"state": "passed", "detail": "x"}, "G2": {}})["G1"].state is GateState.PASSED
    assert "G2" not in gates_from({"G1": {"state": "passed"}, "G2": {}})
    with pytest.raises(ValueError, match="maybe"):
        gates_from({"G1": {"state": "maybe"}})


@pytest.mark.parametrize("numbers", [(0.5, 0.6, 0.7), (float("nan"), 0.0, 1.0), (0.5, None, 1.0)])
def test_number_outside_its_interval_is_refused(numbers: tuple[float, float | None, float]) -> None:
    value, low, high = numbers
    with pytest.raises(ValueError):
        Measured(measure="m", arm="attack", value=value, low=low, high=high, n=1)
