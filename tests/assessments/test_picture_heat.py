"""Picture 3: which attack gains more on which group, and which of those gains count."""

from __future__ import annotations

import copy
from typing import Any

from assessments.picture_heat import heat
from tests.reports.sample_results import adult, row

LIRA, CSMIA = "membership_inference.lira", "attribute_inference.csmia/marital"


def compared(*estimates: dict[str, Any]) -> dict[str, Any]:
    results = copy.deepcopy(adult())
    by_group = next(r for r in results["runs"] if r["attack"] == "disparity.vulnerability")
    results["runs"] = [r for r in results["runs"] if r["objective"] != "disparity"] + [by_group | {"estimates": list(estimates)}]
    return results


def difference(source: str, group: str, value: float | None, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    measure = f"disparity.vulnerability.{source.partition('.')[0]}.accuracy"
    return row(measure, "difference", value, low, high, 500, group, more.get("reason", "")) | {"source": source}


def test_the_worst_attack_and_group_come_first_and_only_a_sure_cell_counts() -> None:
    found = heat(
        compared(
            difference(CSMIA, "sex=Male", 0.09, -0.01, 0.19),
            difference(CSMIA, "sex=Female", -0.09, -0.19, 0.01),
            difference(LIRA, "sex=Male", 0.03, 0.01, 0.05),
            difference(LIRA, "sex=Female", 0.01, -0.01, 0.03),
        )
    )
    assert found
    # The larger gain may be chance; the smaller one is none.
    assert [name for name, _ in found.rows] == ["lira", "csmia → marital"]
    assert found.groups == ("sex = Male", "sex = Female")
    assert [(cell.text, cell.tone, cell.sure) for _, cells in found.rows for cell in cells] == [
        ("+3.0", "model_adds", True), ("+1.0", "population_only", False), ("+9.0", "memorised", False), ("−9.0", "nothing", False),
    ]  # fmt: skip
    assert found.title == "lira gains +3.0 points more on sex = Male than on everyone else"
    assert found.alt == "lira gains +3.0 points [1.0, 5.0] more on sex = Male than on everyone else."


def test_without_a_cell_that_counts_the_title_says_so() -> None:
    found = heat(compared(difference(CSMIA, "sex=Male", 0.09, -0.01, 0.19), difference(LIRA, "sex=Male", 0.0, -0.02, 0.02)))
    assert found
    assert found.title == "No attack gains more on one group than on everyone else in 2 comparisons"
    assert found.alt == "No cell counts."


def test_a_group_too_small_says_so_and_bears_no_shade() -> None:
    few = "too few (n < 50)"
    found = heat(compared(difference(CSMIA, "race=Other", None, None, None, reason=few), difference(LIRA, "race=Other", 0.2, 0.1, 0.3)))
    assert found
    cells = {name: cells[0] for name, cells in found.rows}
    assert (cells["csmia → marital"].text, cells["csmia → marital"].tone) == (few, "")


def test_one_attack_alone_is_told_by_the_picture_of_groups() -> None:
    assert heat(compared(difference(LIRA, "sex=Male", 0.1, 0.05, 0.2))) is None
    assert heat(compared()) is None


def test_of_many_groups_the_worst_are_shown_and_the_caption_says_how_many_there_are() -> None:
    rows = [difference(a, f"age={i}", i / 100, -0.1, 0.9) for i in range(12) for a in (LIRA, CSMIA)]
    found = heat(compared(*rows))
    assert found
    assert found.groups[0] == "age = 11"
    assert len(found.groups) == 8
    assert "The worst of 2 attacks and 12 groups are shown" in found.caption
