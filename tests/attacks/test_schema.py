"""schema.yaml is refused at the border, in one sentence that names the file, the key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from attacks.errors import DataProblem
from attacks.schema import Role, parse_schema, read_schema

GOOD = """\
target: income
positive: ">50K"
task: classification
columns:
  marital: {roles: [sensitive], special_category: true}
  sex: {roles: [protected, sensitive]}
  email: {roles: [direct_identifier]}
  person: {roles: [subject_id]}
"""
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{there}: &{there} [{', '.join([f'*{here}'] * 9)}]\n" for here, there in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


@pytest.fixture
def schema_file(tmp_path: Path) -> Path:
    return tmp_path / "schema.yaml"


def refusal(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataProblem) as caught:
        read_schema(path)
    said = str(caught.value)
    assert said.startswith("schema.yaml")
    assert "\n" not in said
    assert len(said) < 400
    return said


def test_roles_say_what_each_column_is(schema_file):
    schema_file.write_text(GOOD)
    schema = read_schema(schema_file)
    assert (schema.target, schema.positive, schema.subject) == ("income", ">50K", "person")
    assert schema.with_role(Role.SENSITIVE) == ("marital", "sex")
    assert schema.never_inputs == ("email", "person")
    assert schema.columns["marital"].special_category
    assert not schema.columns["sex"].special_category


def test_a_schema_survives_its_own_record(schema_file):
    schema_file.write_text(GOOD)
    schema = read_schema(schema_file)
    assert parse_schema(schema.as_dict()) == schema


def test_images_need_no_target_and_no_columns():
    assert parse_schema({}).target is None


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("target: y\ntrainset: x\n", ["'trainset'", "top level", "allowed are columns, positive, target, task"]),
        ("columns: {sex: {role: [sensitive]}}\n", ["'role'", "column 'sex'", "allowed are known, roles, special_category"]),
        ("columns: {sex: {roles: [secret]}}\n", ["'sex'", "'secret'", "choose from", "sensitive"]),
        ("columns: {sex: {roles: [[sensitive]]}}\n", ["'sex'", "a list", "choose from"]),
        ("columns: {sex: {roles: sensitive}}\n", ["'sex'", "list such as [sensitive]"]),
        ("columns: {sex: sensitive}\n", ["'sex'", "mapping such as"]),
        ("columns: [sex]\n", ["columns must be a mapping"]),
        ("columns: {sex: {special_category: 'no'}}\n", ["'sex'", "true or false"]),
        ("target: income\ncolumns: {income: {roles: [sensitive]}}\n", ["'income'", "is the target", "remove it"]),
        ("columns: {a: {roles: [subject_id]}, b: {roles: [subject_id]}}\n", ["two columns", "subject_id", "keep one"]),
        ("task: regression\n", ["'regression'", "only classification"]),
        ("target: [a, b]\n", ["target must be the name of one column"]),
        ("positive: [a]\n", ["positive must be one class"]),
        ("- target\n", ["must be a mapping", "columns, positive, target, task"]),
        ("", ["must be a mapping"]),
        ("target: y\ncolumns: {sex: {roles: [sensitive]}\n", ["line", "not YAML", "correct it"]),
        ("columns:\n  sex: {roles: [sensitive]}\n  sex: {roles: [protected]}\n", ["line 3", "'sex' stands there twice"]),
        ("when: 2020-13-45\n", ["not YAML"]),
        ("a: !!python/object/apply:os.system ['true']\n", ["not YAML"]),
        ("[" * 2_000, ["not YAML"]),
    ],
)
def test_a_wrong_schema_is_refused_with_its_key_and_the_remedy(schema_file, text, parts):
    said = refusal(schema_file, text)
    for part in parts:
        assert part in said


@pytest.mark.parametrize("key", ["task", "positive", "target"])
def test_aliases_that_unfold_without_end_never_reach_a_message(schema_file, key):
    # Eleven levels of nine: written out, this text would fill 30 GB.
    assert len(refusal(schema_file, BOMB.replace("l: &l", f"{key}: &l"))) < 500


def test_a_bomb_of_aliases_as_a_role_is_refused(schema_file):
    text = "columns:\n  sex: {roles: [" + "[" * 30 + "]" * 30 + "]}\n"
    assert "choose from" in refusal(schema_file, text)


def test_a_file_that_is_no_text_or_not_there_is_refused(schema_file, tmp_path):
    schema_file.write_bytes("target: größe\n".encode("latin-1"))
    with pytest.raises(DataProblem, match="not UTF-8 text; save it as UTF-8"):
        read_schema(schema_file)
    for absent in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(DataProblem, match="no readable file"):
            read_schema(absent)


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE runs; --", "<script>alert(1)</script>", "../../etc/passwd", "=cmd|' /C calc'!A0", "名前", "a" * 300]
)
def test_a_hostile_column_name_is_only_a_name(name):
    schema = parse_schema({"target": "y", "columns": {name: {"roles": ["sensitive"]}}})
    assert schema.with_role(Role.SENSITIVE) == (name,)
