"""The policy is versioned, hashed, and refuses what makes no sense in one sentence."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.errors import SetupProblem
from governance.policy import DEFAULT, Better, Coarser, Source, default_policy, load_policy, policy_from


@pytest.fixture
def document() -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load(DEFAULT.read_text())
    return written


def test_default_limits_are_the_ones_of_the_rule_table() -> None:
    limits = default_policy().limits
    assert {rule: limit.value for rule, limit in limits.items()} == {
        "R-AIA": 0.05,
        "R-AIA-MEM": 0.02,
        "R-MIA-ADV": 0.10,
        "R-MIA-TPR": 0.01,
        "R-INV": 0.05,
        "R-DI": 0.80,
        "R-DPV": 0.05,
    }
    assert limits["R-DI"].better is Better.HIGHER
    assert limits["R-DI"].source is Source.LEGAL
    assert {limit.source for rule, limit in limits.items() if rule != "R-DI"} == {Source.POLICY}
    assert limits["R-AIA"].minimum == {"members": 300, "control": 300}
    assert limits["R-MIA-TPR"].minimum == {"members": 1_000, "control": 10_000}
    assert limits["R-MIA-TPR"].coarser == Coarser(0.05, {"members": 1_000, "control": 1_000})
    assert limits["R-INV"].minimum == {"identities": 100, "reconstructions_each": 10}
    assert limits["R-DI"].minimum == {"group": 30, "reference": 30}


def test_default_margin_level_and_group_sizes() -> None:
    policy = default_policy()
    assert (policy.margin, policy.level, policy.min_group, policy.min_positives) == (0.02, 0.95, 50, 10)


def test_four_fifths_carries_a_dated_note_on_its_standing() -> None:
    assert "2026" in default_policy().limits["R-DI"].status


def test_every_limit_says_where_it_comes_from() -> None:
    assert [rule for rule, limit in default_policy().limits.items() if not limit.note.endswith(".")] == []


def test_hash_follows_the_meaning_and_not_the_layout(document: dict[str, Any]) -> None:
    before = policy_from(document).sha256
    reordered = dict(reversed(list(document.items())))
    assert policy_from(reordered).sha256 == before == default_policy().sha256
    document["limits"]["R-AIA"]["value"] = 0.06
    assert policy_from(document).sha256 != before


@pytest.mark.parametrize(
    ("rule", "key", "value", "sentence"),
    [
        ("R-DI", "value", 1.2, "the R-DI limit 1.2 is above 1; enter a ratio between 0 and 1"),
        ("R-AIA", "value", -0.1, "the R-AIA limit -0.1 is below 0; enter a fraction between 0 and 1"),
        ("R-AIA", "better", "higher", "for R-AIA lower numbers are better"),
        ("R-AIA", "source", "GUESS", "'GUESS' is not one of"),
        ("R-AIA", "minimum", {"people": 3}, "'people' is not one of"),
        ("R-AIA", "colour", "red", "'colour' was unexpected"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(document: dict[str, Any], rule: str, key: str, value: Any, sentence: str) -> None:
    document["limits"][rule][key] = value
    with pytest.raises(SetupProblem, match=sentence):
        policy_from(document)


def test_missing_rule_is_refused(document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    del changed["limits"]["R-INV"]
    with pytest.raises(SetupProblem, match="R-INV"):
        policy_from(changed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at the whole file: None is not of type 'object'"),
        ("a: [", "is no valid YAML"),
        ("version: 1\nversion: 2", "'version' is written twice"),
        ("schema: !!python/object/apply:os.getcwd []", "is no valid YAML"),
        ("? [a]\n: 1", "policy.yaml"),
    ],
)
def test_hostile_file_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(SetupProblem, match=sentence):
        load_policy(file)


def test_missing_file_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(SetupProblem, match=r"^absent\.yaml cannot be read"):
        load_policy(tmp_path / "absent.yaml")
