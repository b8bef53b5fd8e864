"""The documents say what is there: every measure is explained, every link leads somewhere, every variable is listed."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from attacks.access import Access, Knowledge
from attacks.result import Arm, RunVerdict

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
PAGES = sorted([*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md"), *(CHECKOUT / "accounts").glob("*.md"), *(CHECKOUT / "config").glob("*.md")])


def expanded(name: str) -> list[str]:
    """`a.{b,c}` as `a.b`, `a.c`."""
    parts = [part.split(",") for part in re.split(r"[{}]", name)]
    return ["".join(choice) for choice in product(*parts)]


def listed_measures() -> set[str]:
    """The measures in the table of results-format.md, short forms such as `.tpr_at_fpr_1pct` completed."""
    found: set[str] = set()
    table = (DOCS / "results-format.md").read_text().split("| measure | arms |")[1]
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        objective = ""
        for name in re.findall(r"`([^`]+)`", row):
            objective = name.split(".")[0] or objective
            found |= set(expanded(objective + name if name.startswith(".") else name))
    return found


def test_results_format_lists_measures_of_every_objective() -> None:
    assert {name.split(".")[0] for name in listed_measures()} == {
        "attribute_inference",
        "membership_inference",
        "model_inversion",
        "disparity",
    }


@pytest.mark.parametrize("measure", sorted(listed_measures()))
def test_measure_is_explained(measure: str) -> None:
    assert f"`{measure}`" in (DOCS / "measures.md").read_text()


def test_every_arm_and_verdict_is_explained() -> None:
    text = (DOCS / "measures.md").read_text()
    assert [word for word in (*Arm, *RunVerdict) if f"`{word}`" not in text] == []


def test_every_rung_and_every_knowledge_is_explained() -> None:
    text = (DOCS / "threat-models.md").read_text()
    assert [word for word in (*(rung.word for rung in Access), *map(str, Knowledge)) if f"`{word}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_variable_an_operator_may_set_is_listed_with_the_settings() -> None:
    text = (CHECKOUT / "config" / "settings.py").read_text()
    table, code = text.split('"""', 2)[1:]
    used = re.findall(r'env\.(?:switch|words)\("([A-Z_]+)"', code) + re.findall(r'environ\.get\("([A-Z_]+)"', code)
    used += re.findall(r'environ\.get\("([A-Z_]+)"', (CHECKOUT / "config" / "env.py").read_text())
    assert [name for name in used if name not in table] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
