"""A broken catalogue or policy is found at the start, with a hint."""

from collections.abc import Callable

import pytest

from governance import checks
from governance.errors import SetupProblem


def test_files_in_the_checkout_load() -> None:
    assert checks.frameworks_load() == checks.policy_loads() == []


def broken(sentence: str) -> Callable[[], None]:
    def load() -> None:
        raise SetupProblem(sentence)

    return load


@pytest.mark.parametrize(("check", "loader"), [(checks.frameworks_load, "frameworks"), (checks.policy_loads, "default_policy")])
def test_file_that_cannot_be_used_stops_the_start_with_a_hint(
    check: Callable[[], list], loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, loader, broken("policy.yaml, at level: 2 is too much."))
    (error,) = check()
    assert error.is_serious()
    assert error.msg == "policy.yaml, at level: 2 is too much."
    assert "schema" in error.hint
