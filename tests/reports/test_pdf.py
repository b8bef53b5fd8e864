"""The printed report, read back from its own bytes."""

from __future__ import annotations

import atexit
import copy
import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pdfplumber
import pypdfium2  # type: ignore[import-untyped]
import pytest
from pypdf import PdfReader

from reports.pdf import render
from reports.requests import add_options, request_from
from tests.reports import sample_issued
from tests.reports import sample_results as sample

MM = 72 / 25.4
FOLDER = Path(mkdtemp(prefix="inversight-pdf-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
HOSTILE = ("many_findings", "long_text", "right_to_left")
ISSUED = [("issued", "A4"), ("undecided", "Letter"), ("revoked", "A4"), ("wordy", "A4"), ("wordy", "Letter")]
PRINTS = [("adult", "A4"), ("adult", "Letter"), ("digits", "A4"), *((name, "A4") for name in HOSTILE), *ISSUED]
RAW = (
    "not_satisfied", "not_assessed", "not_run", "not_measured", "not_applicable", "population_only", "model_adds", "not_resolvable", "train_gap",
    "attribute_inference", "membership_inference", "model_inversion", "top_10pct", "1pct", "mi_face", "nist_ai_rmf", "true_label", "data_leakage", "NOT-DEMONSTRATED",
)  # fmt: skip
BANNED = (
    "compliant",
    "anonymous",
    "safe",
    "secure",
    "guarantee",
    "guarantees",
    "leak-free",
    "hacker",
    "victim",
    "invalid",
    "oops",
    "sorry",
    "unbiased",
    "debiased",
    "proven",
    "GDPR-proof",
)


@cache
def printed(name: str, paper: str = "A4") -> Path:
    path = FOLDER / f"{name}-{paper}.pdf"
    made = getattr(sample, name, None) or getattr(sample_issued, name)
    render(made(), path, paper=paper)
    return path


def read(path: Path) -> tuple[str, ...]:
    """The text of each page."""
    with pypdfium2.PdfDocument(path) as document:
        return tuple(page.get_textpage().get_text_bounded().replace("\r", "") for page in document)


@cache
def texts(name: str, paper: str = "A4") -> tuple[str, ...]:
    return read(printed(name, paper))


def whole(name: str) -> str:
    return " ".join(" ".join(texts(name)).split())


@cache
def boxes(name: str, paper: str) -> tuple[tuple[int, float, float, float, float, str], ...]:
    """Page, left, bottom, right, top and text of every piece of text in points, without the large tilted watermark."""
    found = []
    with pypdfium2.PdfDocument(printed(name, paper)) as document:
        for number, page in enumerate(document, 1):
            text = page.get_textpage()
            rects = [text.get_rect(i) for i in range(text.count_rects())]
            found += [(number, *rect, text.get_text_bounded(*rect)) for rect in rects if rect[3] - rect[1] < 60 and rect[2] > rect[0]]
    return tuple(found)


def with_change(change: Callable[[dict[str, Any]], Any], tmp_path: Path) -> str:
    results = copy.deepcopy(sample.adult())
    change(results)
    render(results, tmp_path / "changed.pdf")
    return " ".join(" ".join(read(tmp_path / "changed.pdf")).split())


def test_the_same_results_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    again = tmp_path / "again.pdf"
    script = f"from reports.pdf import render; from tests.reports.sample_results import adult; render(adult(), {str(again)!r})"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).resolve().parents[2])
    assert again.read_bytes() == printed("adult").read_bytes()


def test_the_same_results_give_the_same_bytes_after_other_reports(tmp_path: Path) -> None:
    printed("digits")
    render(sample.adult(), tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == printed("adult").read_bytes()


def test_other_results_give_other_bytes() -> None:
    assert printed("adult").read_bytes() != printed("digits").read_bytes()


def test_rendering_leaves_the_results_alone() -> None:
    results = sample.adult()
    render(results, FOLDER / "untouched.pdf")
    assert results == sample.adult()


def test_the_file_carries_the_date_of_the_results_and_no_other() -> None:
    info = PdfReader(printed("adult")).metadata
    assert info is not None
    assert info["/CreationDate"] == info["/ModDate"] == "D:20261123003143+00'00'"
    assert info["/Title"] == "Income model, version 1"


@pytest.mark.parametrize("name", ["adult", "digits", "right_to_left", "wordy"])
def test_every_font_is_embedded_and_none_is_helvetica(name: str) -> None:
    fonts = {}
    for page in PdfReader(printed(name)).pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            fonts[font.get_object()["/BaseFont"]] = font.get_object()["/FontDescriptor"]
    assert fonts
    assert all("DejaVuSans" in name and "/FontFile2" in descriptor.get_object() for name, descriptor in fonts.items())
    assert b"Helvetica" not in printed(name).read_bytes()


@pytest.mark.parametrize(("name", "paper"), PRINTS)
def test_pages_are_numbered_out_of_their_true_total(name: str, paper: str) -> None:
    pages = texts(name, paper)
    assert [f"Page {i} of {len(pages)}" in text for i, text in enumerate(pages, 1)] == [True] * len(pages)


def test_render_returns_the_number_of_pages(tmp_path: Path) -> None:
    assert render(sample.digits(), tmp_path / "digits.pdf") == len(PdfReader(tmp_path / "digits.pdf").pages)


@pytest.mark.parametrize("name", ["adult", "digits", *HOSTILE])
def test_every_page_of_a_draft_says_so_in_its_header(name: str) -> None:
    assert all("DRAFT, not reviewed" in text for text in texts(name))


def test_every_page_of_a_draft_bears_the_watermark_under_its_text() -> None:
    with pdfplumber.open(printed("digits")) as document:
        for page in document.pages:
            tilted = [c for c in page.chars if c["matrix"][1] > 0.5 and c["matrix"][0] > 0.5]
            assert "".join(c["text"] for c in tilted) == "DRAFT"
            assert page.chars[: len(tilted)] == tilted, "drawn first, so that it lies under the text"


def test_a_reviewed_report_carries_no_watermark(tmp_path: Path) -> None:
    assert "DRAFT" not in with_change(lambda r: r["assessment"].update(status="approved"), tmp_path)


def test_a_revoked_report_says_so_on_every_page(tmp_path: Path) -> None:
    text = with_change(lambda r: r["assessment"].update(status="revoked"), tmp_path)
    assert text.count("REVOKED") >= 2 * int(re.findall(r"Page \d+ of (\d+)", text)[0])


@pytest.mark.parametrize("name", ["adult", "digits"])
def test_page_one_says_the_verdict_the_sentence_and_what_must_be_decided(name: str) -> None:
    results = getattr(sample, name)()
    first = " ".join(texts(name)[0].split())
    assert results["assessment"]["sentence"] in first
    for words in (
        "What must be decided",
        "privacy officer",
        "risk owner",
        "Seven impact categories",
        "A result without a finding is not proof of safety.",
    ):
        assert words in first
    assert {"adult": "Memorised", "digits": "Model adds"}[name] in first


def test_page_one_shows_three_numbers_with_interval_and_n() -> None:
    first = " ".join(texts("adult")[0].split())
    for number, rest in (
        ("99.9%", "[99.4%, 100.0%], n = 1,000"),
        ("85.9%", "[83.6%, 88.0%], n = 1,000"),
        ("86.8%", "[84.5%, 88.8%], n = 1,000"),
    ):
        assert number in first
        assert rest in first


@pytest.mark.parametrize(("name", "paper"), PRINTS)
def test_the_contents_begin_on_page_two(name: str, paper: str) -> None:
    assert "Contents" in texts(name, paper)[1].split("\n")[0:4]


def test_the_contents_give_the_page_each_section_is_on() -> None:
    pages = texts("adult")
    listed = dict(re.findall(r"^ *(Scope|Method|Groups|Controls|Rules|Findings|Limitations|Annex)\s+(\d+)$", pages[1], flags=re.MULTILINE))
    assert len(listed) == 8
    for section, number in listed.items():
        assert re.search(rf"^{section}$", pages[int(number) - 1], flags=re.MULTILINE), section


def test_what_was_not_run_and_what_failed_stand_with_their_reasons() -> None:
    text = whole("adult")
    assert "Needs gradients, scores were granted." in text
    assert "Failed after 3 attempts: the model returned NaN for 12 of 10,000 records." in text
    assert "race = Other" in text
    assert "too few (n < 50)" in text


def test_the_silent_twin_of_an_attack_stands_apart_and_leaves_the_measures_their_names(tmp_path: Path) -> None:
    twin = {"silent": (0.701, 0.692, 0.710), "over_silent": (0.033, 0.021, 0.045)}
    text = with_change(lambda r: r["runs"][0]["estimates"].extend(sample.arms("attribute_inference.accuracy", 10000, **twin)), tmp_path)
    assert "The same attack on a model that says nothing" in text
    assert "+3.3 points [2.1, 4.5]" in text
    # Squeezed into the table of all other arms, the name would stand there letter by letter.
    assert text.count("Right guesses, all records") > whole("adult").count("Right guesses, all records")


def test_what_an_attack_is_worth_in_labelled_records_stands_with_its_numbers() -> None:
    text = whole("adult")
    assert "As good as guessing with 6,400 labelled records (3,100 to more than 10,000)." in text
    assert "On the tenth it is surest about: as good as guessing with more than the 10,000 labelled records there are." in text
    assert "Without the model, by how many labelled records the guess was learned from" in text
    assert "Measure 50 records 500 records 5,000 records" in text
    assert "65.2% [63.2%, 67.2%] 71.2% [69.2%, 73.2%] 73.1% [71.1%, 75.1%]" in text
    assert "> 10,000 [> 10,000, > 10,000]" in text


def test_leakage_by_group_names_every_attack_however_many_there_are(tmp_path: Path) -> None:
    def many(results: dict[str, Any]) -> None:
        (run,) = [run for run in results["runs"] if run["attack"] == "disparity.vulnerability"]
        run["estimates"] = [{**row, "source": f"attribute_inference.attack_{i}/marital"} for i in range(9) for row in run["estimates"]]

    text = with_change(many, tmp_path)
    assert all(f"attack-{i} → marital, worst first" in text for i in range(9))


def test_isolation_gates_and_power_are_said() -> None:
    text = whole("adult")
    assert "It was not cut off from the network by the kernel." in text
    assert "The leak we planted was found, and a silent target scored at the baseline." in text
    assert "80% power, one-sided 5%" in text


def test_every_control_of_both_frameworks_is_listed() -> None:
    text = whole("adult")
    results = sample.adult()
    assert len(results["controls"]) == 72 + 69
    for control in results["controls"]:
        ident = control["control"].replace("recital-", "Recital ")
        assert ident in text, ident
    assert "69 controls: 3 not supported, 2 inconclusive, 1 supported, 2 documented, 61 not assessed." in text


def test_a_process_control_that_is_met_reads_documented_and_never_supported() -> None:
    text = whole("adult")
    assert re.search(r"MEASURE 2\.10 Privacy risk examined P Documented MEASURE 2\.10 asks", text)
    assert re.search(r"Art\. 5\(1\)\(d\) Accuracy O Supported", text)


def test_a_limit_stands_with_its_source() -> None:
    text = whole("adult")
    assert "at most 2 points policy of this organisation" in text
    assert "at least 0.80 law or official guideline" in text


def test_two_hundred_findings_are_counted_listed_and_detailed_where_open() -> None:
    text = whole("many_findings")
    findings = sample.many_findings()["findings"]
    unmet = [f["id"] for f in findings if f["verdict"] != "satisfied"]
    counts = {v: sum(f["verdict"] == v for f in findings) for v in ("not_satisfied", "inconclusive", "satisfied")}
    assert f"200 findings: {counts['not_satisfied']} not met, {counts['inconclusive']} inconclusive, {counts['satisfied']} met." in text
    assert all(f"{f} · Attribute inference" in text for f in unmet)
    assert text.count("· Attribute inference") == len(unmet)


def test_findings_in_detail_stand_at_most_four_a_page() -> None:
    counts = [page.count("evidence: csmia") for page in texts("many_findings")]
    assert max(counts) == 4
    assert sum(counts) == 38


def test_bookmarks_lead_to_every_section_and_every_open_finding() -> None:
    titles: list[str] = []

    def walk(items: list[Any]) -> None:
        for item in items:
            walk(item) if isinstance(item, list) else titles.append(str(item.title))

    walk(PdfReader(printed("adult")).outline)
    for section in (
        "The answer",
        "Scope",
        "Data and split",
        "Method",
        "Results",
        "Groups",
        "Controls",
        "Rules",
        "Findings",
        "Limitations",
        "Annex",
    ):
        assert section in titles
    assert sum(title.startswith("F-") for title in titles) == 8


def test_every_link_leads_to_a_page_of_this_report() -> None:
    reader = PdfReader(printed("adult"))
    pages = {page.indirect_reference.idnum for page in reader.pages if page.indirect_reference}
    annotations: list[Any] = [a.get_object() for page in reader.pages for a in page.get("/Annots", [])]
    links = [a["/Dest"][0].idnum for a in annotations]
    assert len(links) > 80
    assert set(links) <= pages


def test_a_table_that_goes_on_says_so_and_repeats_its_head() -> None:
    later = [t for t in texts("many_findings") if "Findings, worst first (continued)" in t]
    assert len(later) >= 4
    assert all("Attack → attribute" in t for t in later)


@pytest.mark.parametrize(("name", "paper"), PRINTS)
def test_no_text_leaves_the_text_block(name: str, paper: str) -> None:
    width, height = {"A4": (210 * MM, 297 * MM), "Letter": (612, 792)}[paper]
    side = (width - 170 * MM) / 2
    for page, left, bottom, right, top, text in boxes(name, paper):
        assert side - 0.8 <= left <= right <= width - side + 0.8, (page, text)
        header, footer = bottom > height - 13 * MM, top < 14.5 * MM
        assert header or footer or (bottom > 20 * MM - 1 and top < height - 22 * MM + 1), (page, text)
        assert bottom > 10 * MM, (page, text)
        assert top < height - 9 * MM, (page, text)


@pytest.mark.parametrize(("name", "paper"), PRINTS)
def test_no_text_lies_on_another(name: str, paper: str) -> None:
    by_page: dict[int, list[tuple[float, float, float, float, str]]] = {}
    for page, *edges, text in boxes(name, paper):
        by_page.setdefault(page, []).append((edges[0], edges[1], edges[2], edges[3], text))
    for page, found in by_page.items():
        ordered = sorted(found)
        for i, (left, bottom, right, top, text) in enumerate(ordered):
            for other in ordered[i + 1 :]:
                if other[0] > right - 1:
                    break
                down = min(top, other[3]) - max(bottom, other[1])
                assert down < 0.4 * min(top - bottom, other[3] - other[1]) or left == other[0] == right, (page, text, other[4])


def test_a_text_of_ten_thousand_characters_stands_in_full_in_the_annex() -> None:
    text = "".join(texts("long_text"))
    assert text.count("y") >= 10_000
    assert "Texts in full" in whole("long_text")


def test_a_right_to_left_name_is_drawn_from_the_right_and_an_override_cannot_hide_text() -> None:
    with pdfplumber.open(printed("right_to_left")) as document:
        first = document.pages[0].extract_text()
    assert "(1 הסרג) הסנכה לדומ" in first
    assert "evil <b>&amp;</b>" in first
    assert "U+682A" in whole("right_to_left")


def test_no_banned_word_reaches_the_page(tmp_path: Path) -> None:
    """The titles of controls are the words of law and standards; all other words are ours."""

    def untitled(results: dict[str, Any]) -> None:
        for control in results["controls"]:
            control["title"] = "A control"

    text = with_change(untitled, tmp_path)
    for word in BANNED:
        assert not re.search(rf"\b{word}\b", text, flags=re.IGNORECASE), word


@pytest.mark.parametrize("name", ["adult", "digits", "issued", "undecided"])
def test_no_raw_identifier_and_no_slip_reaches_the_page(name: str) -> None:
    text = whole(name)
    for raw in RAW:
        assert raw not in text, raw
    for slip in (r"\bNone\b", r"\bnan\b", r"\binf\b", r"\(s\)", r", \.", r"\{\w*\}"):
        assert not re.search(slip, text), slip


def test_a_share_of_the_json_is_the_share_on_the_page() -> None:
    run = sample.adult()["runs"][0]
    text = whole("adult")
    for e in run["estimates"]:
        if e["measure"] == "attribute_inference.accuracy" and e["arm"] in ("attack", "control", "baseline"):
            assert f"{100 * e['value']:.1f}%" in text


def test_nothing_measured_is_said_in_words(tmp_path: Path) -> None:
    def empty(results: dict[str, Any]) -> None:
        results.update(runs=[r for r in results["runs"] if r["status"] != "completed"], rules=[], controls=[], findings=[], impact=[])
        results["assessment"].update(verdict=None, sentence="", columns=[], notices=[])

    text = with_change(empty, tmp_path)
    for said in (
        "No attack ended with a result",
        "No rule was judged.",
        "No control was mapped.",
        "No finding.",
        "groups were not compared",
    ):
        assert said in text
    assert not re.search(r"\bNone\b", text)


def test_results_without_volatile_print_without_a_date(tmp_path: Path) -> None:
    assert "date not recorded" in with_change(lambda r: r.update(volatile={}), tmp_path)


def test_an_unknown_paper_is_refused_with_the_ones_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="A4, Letter"):
        render(sample.adult(), tmp_path / "a.pdf", paper="A3")
    assert not (tmp_path / "a.pdf").exists()


def test_the_picture_of_groups_says_whole_numbers_of_people() -> None:
    """Compared and attacked; neither a number nor the name of a panel is cut for want of room."""
    text = " ".join(" ".join(texts("adult")).split())
    assert "8,540 / 8,540" in text
    assert "Outcome: against the best group" in text


def test_the_command_to_run_again_has_every_choice_of_the_plan(tmp_path: Path) -> None:
    def other(results: dict[str, Any]) -> None:
        results["assessment"]["release"] = "gradients"
        results["plan"] |= {"profile": "full", "seed": 7, "threads": 3}

    (command,) = re.findall(r"manage\.py assess (.*? --out FOLDER)", with_change(other, tmp_path))
    parser = ArgumentParser()
    add_options(parser)
    asked = request_from(vars(parser.parse_known_args(command.split())[0]))
    assert (asked.release, asked.profile, asked.seed, asked.threads) == ("gradients", "full", 7, 3)
