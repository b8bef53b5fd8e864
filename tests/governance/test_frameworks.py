"""The catalogues hold what they say, and a mapping that does not fit is refused before anything is judged."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from governance.errors import SetupProblem
from governance.frameworks import HERE, frameworks, load_framework

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "control-ids.yaml"


def test_counts_are_those_of_the_frameworks() -> None:
    assert len(frameworks()["nist_ai_rmf"].controls) == 72
    assert len(frameworks()["gdpr"].controls) == 69
    assert Counter(c.group for c in frameworks()["nist_ai_rmf"].controls) == {"GOVERN": 19, "MAP": 18, "MEASURE": 22, "MANAGE": 13}


@pytest.mark.reference
@pytest.mark.parametrize("name", ["gdpr", "nist_ai_rmf"])
def test_identifiers_stand_in_the_order_of_the_reference(name: str) -> None:
    listed = yaml.safe_load(REFERENCE.read_text())[name]["controls"]
    assert [c.id for c in frameworks()[name].controls] == [entry["id"] for entry in listed]


@pytest.mark.reference
def test_what_no_measurement_can_show_is_mapped_so() -> None:
    listed = yaml.safe_load(REFERENCE.read_text())["nist_ai_rmf"]["controls"]
    controls = {c.id: c for c in frameworks()["nist_ai_rmf"].controls}
    assert [e["id"] for e in listed if e["role"] == "none" and controls[e["id"]].kind != "none"] == []
    assert [e["id"] for e in listed if "kind" in e and controls[e["id"]].kind != e["kind"]] == []


def test_privacy_and_fairness_carry_the_tolerance_overlay() -> None:
    assert [c.id for c in frameworks()["nist_ai_rmf"].controls if c.overlay] == ["MEASURE 2.7", "MEASURE 2.10", "MEASURE 2.11"]


def test_catalogue_cites_as_a_lawyer_would() -> None:
    cites = {c.id: c.cite for c in frameworks()["gdpr"].controls}
    assert cites["32(1)(b)"] == "GDPR Art. 32(1)(b)"
    assert cites["recital-26"] == "GDPR recital 26"


def test_no_title_promises_what_no_test_shows() -> None:
    titles = " ".join(c.title for f in frameworks().values() for c in f.controls).lower()
    assert [word for word in ("complian", "guarantee", "proven") if word in titles] == []


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE / "gdpr", tmp_path / "gdpr"))


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "mapping.yaml",
            '  - {id: "82", kind: none, evidence: [], not_assessed: none}\n',
            "",
            "in the catalogue and not in the mapping: 82",
        ),
        ("mapping.yaml", 'id: "82"', 'id: "820"', "not in the mapping: 82"),
        ("mapping.yaml", 'id: "82"', 'id: "83"', "the mapping names a control twice: 83"),
        ("mapping.yaml", "required: [R-AIA]", "required: [R-XYZ]", r"names a rule there is not: R-XYZ"),
        ("mapping.yaml", "not_assessed: special}", "not_assessed: shrug}", "names a reason there is not: shrug"),
        ("mapping.yaml", 'id: "82", kind: none', 'id: "82", kind: good', "'good' is not one of"),
        ("mapping.yaml", "framework: gdpr", "framework: other", "The mapping is for other, the catalogue beside it for gdpr"),
        ("catalog.yaml", 'date: "2016-04-27"', "date: 2016-04-27", "is not of type 'string'"),
        ("catalog.yaml", 'id: "83"', 'id: "82"', "the catalogue lists a control twice: 82"),
    ],
)
def test_file_that_does_not_fit_is_refused_in_one_sentence(copied: Path, file: str, old: str, new: str, sentence: str) -> None:
    text = (copied / file).read_text()
    assert old in text
    (copied / file).write_text(text.replace(old, new, 1))
    with pytest.raises(SetupProblem, match=sentence):
        load_framework(copied)


def test_hash_changes_with_the_mapping(copied: Path) -> None:
    before = load_framework(copied).sha256
    assert before == frameworks()["gdpr"].sha256
    file = copied / "mapping.yaml"
    file.write_text(file.read_text().replace("required: [R-AIA]", "required: [R-AIA, R-DPV]", 1))
    assert load_framework(copied).sha256 != before
