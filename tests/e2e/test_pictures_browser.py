"""Pictures in a real browser: everything a picture says can be read there, in both themes, on wide and narrow pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from math import log
from typing import Any

import pytest
from django.template.loader import render_to_string

from assessments.picture_tables import table_of
from assessments.pictures import Picture
from tests.conftest import CHECKOUT, chromium
from tests.e2e.picture_page import page, samples, served

PICTURES = samples()
CHARTS = sorted(name for name, picture in PICTURES.items() if picture.kind != "gallery")
WIDTHS = (1280, 390)
DRAWN = "() => [...document.querySelectorAll('[data-picture]')].every(e => e.firstElementChild)"
# The words of each text element of a drawing with its box.
BOXES = """() => [...document.querySelectorAll('.drawing text, .drawing .tile span')].map(e => {
  const r = e.getBoundingClientRect();
  return {text: e.textContent, left: r.left, right: r.right, top: r.top, bottom: r.bottom};
})"""
# The straight pieces of one colour, each [x1, y1, x2, y2] in the drawing's own pixels.
PIECES = """colour => [...document.querySelectorAll('.drawing path')].filter(p => p.getAttribute('stroke') === colour && p.getAttribute('fill') === 'none')
  .flatMap(p => [...p.getAttribute('d').matchAll(/M([-\\d.]+) ([-\\d.]+)L([-\\d.]+) ([-\\d.]+)/g)].map(m => m.slice(1).map(Number)))"""


@dataclass
class Shown:
    """An open page with everything its browser complained about."""

    tab: Any
    base: str
    complaints: list[str] = field(default_factory=list)

    def open(self, name: str, width: int = 1280, scheme: str = "light") -> None:
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.emulate_media(color_scheme=scheme)
        self.tab.goto(f"{self.base}/{name}")
        self.tab.wait_for_function(DRAWN)

    def boxes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.tab.evaluate(BOXES)
        return found

    def words(self) -> str:
        return " ".join(" ".join(box["text"].split()) for box in self.boxes())

    def pieces(self, token: str) -> list[list[float]]:
        found: list[list[float]] = self.tab.evaluate(PIECES, self.token(token))
        return found

    def token(self, name: str) -> str:
        return str(self.tab.evaluate("n => getComputedStyle(document.documentElement).getPropertyValue('--' + n).trim()", name))


@pytest.fixture(scope="module")
def browser() -> Iterator[tuple[Any, str]]:
    from playwright.sync_api import sync_playwright

    pages = {f"/{name}": page({name: picture}) for name, picture in PICTURES.items()} | {"/all": page(PICTURES)}
    with served(pages) as base, sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"])
        yield opened, base
        opened.close()


@pytest.fixture
def shown(browser: tuple[Any, str]) -> Iterator[Shown]:
    context = browser[0].new_context()
    made = Shown(context.new_page(), browser[1])
    made.tab.on("console", lambda m: made.complaints.append(m.text) if m.type in ("error", "warning") else None)
    made.tab.on("pageerror", lambda e: made.complaints.append(str(e)))
    yield made
    context.close()
    assert made.complaints == []


def texts_of(picture: Picture) -> list[str]:
    """What a drawing of this picture must say. The side of points names its unit once, above."""
    marks = [m for line in picture.rows for m in line.marks if m.arm != "null"]
    return [*(m.text.replace(" points", "") if picture.kind == "groups" else m.text for m in marks), *(r.label for r in picture.refs)]


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_says_every_number_and_names_every_line(shown: Shown, name: str, width: int) -> None:
    picture = PICTURES[name]
    shown.open(name, width)
    assert shown.tab.locator(".drawing svg").count() == (0 if picture.kind == "gallery" else 1)
    words = shown.words()
    assert [text for text in texts_of(picture) if text not in words] == []
    if name != "long":
        assert [line.label for line in picture.rows if line.label not in words and "…" not in words] == []
    assert shown.tab.locator(".drawing").get_attribute("aria-label") == picture.alt


@pytest.mark.browser
@pytest.mark.parametrize("width", [*WIDTHS, 700, 320])
@pytest.mark.parametrize("name", sorted(PICTURES))
def test_no_text_touches_another_or_leaves_the_drawing(shown: Shown, name: str, width: int) -> None:
    shown.open(name, width)
    room = shown.tab.locator(".drawing").bounding_box()
    boxes = shown.boxes()
    assert len(boxes) > 3
    slack = 1  # lines of text stand on one another, and a box holds the space above its letters too
    outside = [
        b["text"]
        for b in boxes
        if b["left"] < room["x"] - slack
        or b["right"] > room["x"] + room["width"] + slack
        or b["top"] < room["y"] - slack
        or b["bottom"] > room["y"] + room["height"] + slack
    ]
    assert outside == []
    touching = [
        (a["text"], b["text"])
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a["left"] < b["right"] - slack
        and b["left"] < a["right"] - slack
        and a["top"] < b["bottom"] - slack
        and b["top"] < a["bottom"] - slack
    ]
    assert touching == []
    assert shown.tab.evaluate("document.documentElement.scrollWidth") <= width


def ticks(shown: Shown) -> dict[str, float]:
    """Where the axis under the drawing names its values: the middle of each name, from the left edge of the drawing."""
    left = shown.tab.locator(".drawing").bounding_box()["x"]
    return {b["text"]: (b["left"] + b["right"]) / 2 - left for b in shown.boxes() if re.fullmatch(r"−?[\d.]+", b["text"])}


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
def test_intervals_lie_where_the_axis_says(shown: Shown, width: int) -> None:
    shown.open("guesses", width)
    at = ticks(shown)
    pixels = (at["90"] - at["60"]) / 30
    across = [(x1, x2) for x1, y1, x2, y2 in shown.pieces("without-model") if y1 == y2]
    wanted = [m for line in PICTURES["guesses"].rows for m in line.marks if m.arm == "baseline"]
    assert len(across) == len(wanted) == 2
    for (low, high), mark in zip(across, wanted, strict=True):
        assert mark.low is not None
        assert mark.high is not None
        assert low == pytest.approx(at["60"] + (100 * mark.low - 60) * pixels, abs=0.75)
        assert high - low == pytest.approx(100 * (mark.high - mark.low) * pixels, abs=0.5)


@pytest.mark.browser
def test_ratios_lie_on_a_logarithmic_axis(shown: Shown) -> None:

    shown.open("groups", 390)
    at = ticks(shown)
    pixels = (at["1"] - at["0.5"]) / log(2)
    worst = PICTURES["groups"].rows[0].marks[0]
    assert worst.low is not None
    assert worst.high is not None
    low, _, high, _ = next(p for p in shown.pieces("with-model") if p[1] == p[3])
    assert low == pytest.approx(at["1"] + log(worst.low) * pixels, abs=0.75)
    assert high == pytest.approx(at["1"] + log(worst.high) * pixels, abs=0.75)
    limit = next(p for p in shown.pieces("limit") if p[0] == p[2])
    assert limit[0] == pytest.approx(at["1"] + log(0.8) * pixels, abs=1)


@pytest.mark.browser
def test_the_worst_group_stands_on_top(shown: Shown) -> None:
    shown.open("groups", 1280)
    heights = {b["text"]: b["top"] for b in shown.boxes()}
    named = [line.marks[0].text for line in PICTURES["groups"].rows[:4]]
    assert [heights[text] for text in named] == sorted(heights[text] for text in named)


@pytest.mark.browser
@pytest.mark.parametrize("name", ["guesses", "groups", "ladder"])
def test_a_page_that_turns_dark_draws_in_its_dark_colours(shown: Shown, name: str) -> None:
    shown.open(name)
    light = shown.token("with-model")
    assert shown.pieces("with-model") != []
    shown.tab.emulate_media(color_scheme="dark")
    shown.tab.wait_for_function("light => !document.querySelector('.drawing svg').outerHTML.includes(light)", arg=light)
    assert (light.lower(), shown.token("with-model").lower()) == ("#0067a5", "#5cb8f0")
    assert shown.pieces("with-model") != []
    used = set(
        shown.tab.evaluate("[...document.querySelectorAll('.drawing text')].map(e => e.getAttribute('fill') || getComputedStyle(e).fill)")
    )
    family = {shown.token(t) for t in ("text", "muted", "limit", "with-model", "without-model", "outsiders")}
    assert used <= family


@pytest.mark.browser
def test_a_narrower_window_redraws_and_the_page_stays_as_wide_as_the_window(shown: Shown) -> None:
    shown.open("all", 1280)
    shown.tab.set_viewport_size({"width": 390, "height": 900})
    shown.tab.wait_for_function("() => [...document.querySelectorAll('.drawing svg')].every(s => s.getBoundingClientRect().width < 390)")
    assert shown.tab.evaluate("document.documentElement.scrollWidth") == 390
    assert shown.tab.locator(".drawing svg").count() == len(CHARTS)


@pytest.mark.browser
def test_the_table_closes_when_the_picture_is_drawn_and_stays_open_without_a_script(browser: tuple[Any, str], shown: Shown) -> None:
    shown.open("groups")
    assert shown.tab.locator("details[open]").count() == 0
    silent = browser[0].new_context(java_script_enabled=False)
    tab = silent.new_page()
    tab.goto(f"{browser[1]}/groups")
    assert tab.locator("details[open] table").is_visible()
    assert tab.locator(".drawing").bounding_box()["height"] == 0
    silent.close()


@pytest.mark.browser
def test_a_drawing_shrinks_to_the_paper(shown: Shown) -> None:
    shown.open("groups", 1280)
    shown.tab.emulate_media(media="print")
    shown.tab.evaluate("document.querySelector('.picture').parentElement.parentElement.classList.add('narrow')")  # 420 px at most
    sizes = shown.tab.evaluate("['.drawing', '.drawing svg'].map(s => document.querySelector(s).getBoundingClientRect().width)")
    assert sizes[0] == pytest.approx(sizes[1], abs=1)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_the_table_says_what_the_picture_says(name: str) -> None:
    picture = PICTURES[name]
    table = table_of(asdict(picture))
    assert [row.name for row in table.rows] == [line.label for line in picture.rows]
    assert all(len(row.cells) == len(table.heads) - 1 for row in table.rows)
    for row, line in zip(table.rows, picture.rows, strict=True):
        assert {m.text for m in line.marks} <= {cell.text for cell in row.cells}
        assert {m.text for m in line.marks if m.value is not None} <= {cell.text for cell in row.cells if cell.number}
        assert all(cell.text for cell in row.cells)
    assert all(r.label in table.lines for r in picture.refs if r.style != "solid")


def test_a_hostile_name_stays_text_in_the_page() -> None:
    first = PICTURES["groups"]
    evil = "</script><script>alert(1)</script>"
    html = render_to_string(
        "components/picture.html", {"picture": asdict(replace(first, title=evil, rows=(replace(first.rows[0], label=evil),))), "id": "p"}
    )
    assert "<script>alert" not in html
    assert html.count("</script>") == 1


def test_the_vendored_library_is_whole() -> None:
    folder = CHECKOUT / "static/vendor/echarts-6.1.0"
    text = (folder / "echarts.common.min.js").read_text()
    assert 'version="6.1.0"' in text
    # The manifest of static files refuses a map that is not there, and the policy refuses code made from strings.
    assert "sourceMappingURL" not in text
    assert "new Function" not in text
    assert (folder / "LICENSE").is_file()
    assert (folder / "NOTICE").is_file()
