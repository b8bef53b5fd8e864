"""The whole story in Chromium, in front of real processes: owner, officer, risk owner, auditor. Presses are counted against the budgets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.assessments.cases import write_case
from tests.e2e.site import Site, site
from tests.engine.engine import TOPOLOGIES

pytestmark = [pytest.mark.browser, pytest.mark.bubblewrap, pytest.mark.timeout(600)]
SERVER = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.evidence]
# What the pages do, whatever database is beneath; the story itself is walked on both.
once = pytest.mark.parametrize("demo", ["embedded"], indirect=True)
MINUTES = 60_000
PLACES = {"model.skops": "Model version", "train.csv": "Records it was trained on", "population.csv": "Records it never saw"}


@pytest.fixture(scope="module", params=[pytest.param(t, marks=SERVER if t == "server" else []) for t in TOPOLOGIES])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp(f"story-{request.param}"), request.param) as made:
        yield made


def checked(page: Page) -> None:
    """The page says what was tried as soon as a worker had time for it; until then it asks people to wait."""
    expect(page.get_by_text("The model opens, its columns match")).to_be_visible(timeout=3 * MINUTES)


def test_owner_submits_the_demo_case_within_15_presses(demo: Site) -> None:
    owner = demo.person("model.owner")
    owner.press("Start an assessment")
    expect(owner.page.get_by_role("heading", name="What is tested?")).to_be_visible()
    assert owner.page.get_by_label("Model version").input_value() != ""
    owner.press("Continue")
    owner.press_on(owner.page.get_by_label(re.compile("A partner with scores")))
    owner.press("Continue")
    expect(owner.page.get_by_role("heading", name=re.compile("Will run: [1-9]"))).to_be_visible()
    owner.press("Continue")
    checked(owner.page)
    owner.press_on(owner.page.get_by_label("I may use these records for this test."))
    owner.press("Submit the assessment")
    expect(owner.page).to_have_url(re.compile(r"/live/$"), timeout=MINUTES)
    expect(owner.page.get_by_role("heading", name="What happened")).to_be_visible()
    expect(owner.page).to_have_url(re.compile(r"/assessments/[0-9a-f-]{36}/$"), timeout=3 * MINUTES)
    expect(owner.page.locator(".answer .sentence")).to_be_visible(timeout=MINUTES)  # the rules are applied first
    owner.press("Show me the evidence")
    expect(owner.page.locator("figure.picture svg").first).to_be_visible()
    assert owner.presses <= 9
    assert owner.problems == []


def test_officer_reviews_and_concludes_within_the_budget(demo: Site) -> None:
    officer = demo.person("privacy.officer")
    officer.press("Review")
    officer.press("Claim the review")
    officer.press("Show me the evidence")
    officer.page.go_back()
    officer.presses += 1  # "Back to review"
    officer.press("Confirm every finding not yet answered")
    officer.press_on(officer.page.get_by_label("Approve the assessment", exact=True))
    officer.press("Conclude the review")
    officer.page.get_by_label("Your password").fill("not my password")
    officer.press("Conclude the review")
    expect(officer.page.get_by_role("alert")).to_contain_text("This is not your password")
    officer.page.get_by_label("Your password").fill(demo.passwords["privacy.officer"])
    officer.press("Conclude the review")
    expect(officer.page.get_by_text("Assessment approved").first).to_be_visible()
    officer.press("Issue report")
    expect(officer.page.get_by_role("heading", name=re.compile("Issue"))).to_be_visible()
    officer.press("Issue the report")
    expect(officer.page).to_have_url(re.compile(r"/reports/[0-9]{4}-001/$"))
    assert officer.presses - 1 <= 12  # the wrong password apart
    assert officer.problems == []


def test_risk_owner_decides_within_7_presses(demo: Site) -> None:
    owner = demo.person("risk.owner")
    owner.press("Decide")
    owner.press_on(owner.page.get_by_label("Allow with conditions"))
    owner.page.get_by_label("Conditions", exact=True).fill("Labels only, never scores.")
    owner.page.get_by_label("All of them: what is done").select_option("reduce")
    owner.presses += 1
    owner.page.get_by_label("All of them: day").fill("2027-08-01")
    owner.page.get_by_label("Why", exact=True).fill("The evidence speaks against scores.")
    owner.press("Record the decision")
    owner.page.get_by_label("Your password").fill(demo.passwords["risk.owner"])
    owner.press("Record the decision")
    expect(owner.page.get_by_text("Release allowed with conditions")).to_be_visible()
    assert owner.presses <= 7
    assert owner.problems == []


def test_auditor_checks_a_bundle_within_5_presses_and_traces_a_finding_in_3(demo: Site, tmp_path: Path) -> None:
    auditor = demo.person("auditor")
    auditor.go("/reports/")
    auditor.page.get_by_role("link", name=re.compile("-001")).click()
    with auditor.page.expect_download() as bundle:
        auditor.page.get_by_role("link", name="Download bundle").click()
    path = tmp_path / "bundle.zip"
    bundle.value.save_as(path)
    auditor = demo.person("auditor")
    auditor.press("Verify a report")
    auditor.page.get_by_label(re.compile("bundle", re.IGNORECASE)).set_input_files(path)
    auditor.press("Verify")
    expect(auditor.page.get_by_text(re.compile("Intact and signed"))).to_be_visible()
    assert auditor.presses <= 5
    checked = subprocess.run([sys.executable, "-m", "reports.verify", str(path)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    path.write_bytes(path.read_bytes()[:-400])
    auditor.go("/verify/")
    auditor.page.get_by_label(re.compile("bundle", re.IGNORECASE)).set_input_files(path)
    auditor.press("Verify")
    expect(auditor.page.get_by_role("alert")).to_be_visible()
    auditor.presses = 0
    auditor.go("/findings/?state=all")
    auditor.press_on(auditor.page.locator("tbody th a").first)
    auditor.press_on(auditor.page.get_by_role("link", name=re.compile("its numbers and files")))
    expect(auditor.page.get_by_role("heading", name="Evidence files")).to_be_visible()
    assert auditor.presses <= 3
    assert auditor.problems == []


def test_owner_adds_a_model_and_its_data_within_11_presses_and_submits_them(demo: Site, tmp_path: Path) -> None:
    case = write_case(tmp_path / "new", members=320, outsiders=640)
    owner = demo.person("model.owner")
    owner.press("Start an assessment")
    owner.presses = 0
    for link, file, name in (
        ("Add a model version", "model.skops", "Second model"), ("Add data", "train.csv", "second train"), ("Add data", "population.csv", "second others")
    ):  # fmt: skip
        place = owner.page.locator(".field").filter(has=owner.page.get_by_label(PLACES[file]))
        owner.press(link, within=place)
        owner.page.get_by_label("File", exact=True).set_input_files(case / file)
        owner.presses += 1
        owner.page.get_by_label("Model" if link == "Add a model version" else "Dataset", exact=True).fill(name)
        if link == "Add data":
            owner.press("Confirm columns")
            expect(owner.page.get_by_role("heading", name="What is in each column?")).to_be_visible(timeout=3 * MINUTES)
            owner.page.get_by_role("radio", name=re.compile("loan is what the model predicts")).check()
            owner.press("Add the data")
        else:
            owner.press("Add the version")
        # The form goes on by itself once a worker has opened the file; it may be busy with a run until then.
        expect(owner.page.get_by_role("heading", name="What is tested?")).to_be_visible(timeout=3 * MINUTES)
        assert name in owner.page.get_by_label(PLACES[file]).locator("option:checked").inner_text()
    assert owner.presses <= 11
    for _ in range(3):
        owner.press("Continue")
    checked(owner.page)
    owner.press_on(owner.page.get_by_label("I may use these records for this test."))
    owner.press("Submit the assessment")
    expect(owner.page).to_have_url(re.compile(r"/live/$"), timeout=MINUTES)
    assert owner.problems == []


def test_a_file_chosen_before_the_script_came_is_sent_too(demo: Site) -> None:
    owner = demo.person("model.owner")
    held: list[Route] = []
    owner.page.route("**/upload*.js", lambda route: held.append(route))
    owner.page.goto(f"{demo.base}/versions/add/", wait_until="commit")
    owner.page.get_by_label("File", exact=True).set_input_files(demo.case / "model.skops")
    while not held:
        owner.page.wait_for_timeout(50)
    for route in held:
        route.continue_()
    expect(owner.page.locator("[name=upload]")).not_to_have_value("", timeout=MINUTES)  # a worker may be busy with a run: it opens it later
    expect(owner.page.locator("[data-sentence]")).not_to_be_empty()
    assert owner.problems == []


LOOKS = [
    pytest.param({"color_scheme": "light"}, id="light"),
    pytest.param({"color_scheme": "dark"}, id="dark", marks=pytest.mark.evidence),
    pytest.param({"width": 390}, id="phone", marks=pytest.mark.evidence),
]


@pytest.mark.parametrize("options", LOOKS)
def test_every_page_is_whole(demo: Site, options: dict[str, Any]) -> None:
    """No page asks another machine for anything, says a word on the console, scrolls sideways, or has what axe calls serious."""
    faults: list[str] = []
    seen: set[str] = set()
    for who in ("model.owner", "privacy.officer", "auditor", "administrator"):
        person = demo.person(who, **options)
        for path in [path for path in pages(demo, who) if path not in seen]:
            person.go(path)
            person.page.wait_for_load_state("load")
            seen.add(path)
            over = person.wide()
            faults += [*person.axe(), *([f"{path} is {over} px too wide"] if over > 0 else [])]
            faults += [f"{path}: {problem}" for problem in person.problems]
            person.problems.clear()
        person.page.context.close()
    assert "\n".join(sorted(set(faults))) == ""
    assert len(seen) > 25


def pages(demo: Site, who: str) -> list[str]:
    """Every page one person can come to, by its address; one of each kind."""
    assessment = demo.engine.ask("newest_assessment")
    own = ["/", "/account/", "/account/second-factor/", "/account/sessions/", "/account/password/"]
    shared = ["/systems/", "/systems/1/", "/versions/1/", "/datasets/", "/datasets/1/", "/assessments/", "/findings/", "/findings/1/"]
    shared += [
        "/acceptances/",
        "/runs/1/",
        "/reports/",
        "/verify/",
        "/notices/",
        f"/assessments/{assessment}/",
        f"/assessments/{assessment}/review/",
    ]
    shared += [f"/assessments/{assessment}/{tab}/" for tab in ("attacks", "groups", "controls", "evidence", "method", "trail", "release")]
    more = {
        "model.owner": [*shared, "/systems/add/", "/versions/add/", "/datasets/add/"],
        "privacy.officer": [*shared, "/audit/"],
        "auditor": ["/audit/?check=1", "/assessments/"],
        "administrator": ["/people/", "/account/tokens/", "/webhooks/"],
    }
    return [*own, *more[who]]


FOCUSED = """() => {
  const e = document.activeElement;
  return (e.getAttribute("aria-label") || e.innerText || (e.labels && e.labels[0] ? e.labels[0].innerText : "")).trim();
}"""


def tab_to(page: Page, name: str) -> None:
    """Go on with the tabulator key until what is called so has the focus, as somebody without a mouse does."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if str(page.evaluate(FOCUSED)).startswith(name):
            return
    raise AssertionError(f"No {name!r} was reached by the tabulator key on {page.url}.")


def enter(page: Page) -> None:
    """What has the focus is pressed, and the next page is there."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.evidence
@once
def test_the_demo_case_is_submitted_with_the_keyboard_alone(demo: Site) -> None:
    visitor = demo.visitor()
    page, keys = visitor.page, visitor.page.keyboard
    visitor.go("/sign-in/")
    for name, typed in (("Email address", "model.owner@demo.example"), ("Password", demo.passwords["model.owner"])):
        tab_to(page, name)
        keys.type(typed)
    enter(page)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    tab_to(page, "Start an assessment")
    enter(page)
    for _ in ("what", "attacker", "runs"):
        tab_to(page, "Continue")
        enter(page)
    checked(page)
    tab_to(page, "I may use these records for this test.")
    keys.press("Space")
    tab_to(page, "Submit the assessment")
    enter(page)
    expect(page).to_have_url(re.compile(r"/live/$"), timeout=MINUTES)
    assert visitor.problems == []


@pytest.mark.evidence
@once
def test_the_demo_case_is_submitted_and_read_without_scripts(demo: Site) -> None:
    owner = demo.person("model.owner", java_script_enabled=False)
    owner.press("Start an assessment")
    for _ in range(3):
        owner.press("Continue")
    for _ in range(180):  # without a script the page of checks is loaded anew by hand
        if owner.page.get_by_text("The model opens, its columns match").is_visible():
            break
        owner.page.wait_for_timeout(1_000)
        owner.page.reload()
    owner.press_on(owner.page.get_by_label("I may use these records for this test."))
    owner.press("Submit the assessment")
    expect(owner.page.get_by_role("heading", name="What happened")).to_be_visible()
    owner.go(f"/assessments/{demo.engine.ask('evidence_ready')}/attacks/")
    expect(owner.page.locator("figure.picture details[open] table").first).to_be_visible()
    assert owner.problems == []


@pytest.mark.evidence
def test_a_printed_page_leaves_the_controls_out_and_the_tables_whole(demo: Site) -> None:
    owner = demo.person("model.owner")
    owner.go(f"/assessments/{demo.engine.ask('evidence_ready')}/")
    owner.page.emulate_media(media="print")
    assert owner.page.locator("button:visible, nav:visible").count() == 0
    cropped = "[...document.querySelectorAll('.scroll')].filter(e => getComputedStyle(e).overflowX !== 'visible').length"
    assert owner.page.evaluate(cropped) == 0


@pytest.mark.evidence
def test_who_guesses_passwords_is_locked_out_and_told_so(demo: Site) -> None:
    """The last of the story: nobody signs in as the auditor after this."""
    visitor = demo.visitor()
    for attempt in range(12):
        visitor.go("/sign-in/")
        if visitor.page.get_by_label("Password").count() == 0:
            break
        visitor.page.get_by_label("Email address").fill("auditor@demo.example")
        visitor.page.get_by_label("Password").fill(f"guess {attempt}")
        visitor.press("Sign in")
    expect(visitor.page.get_by_role("main")).to_contain_text(re.compile("too often|too many", re.IGNORECASE))
    visitor.page.goto(demo.base + "/sign-in/")
    visitor.page.get_by_label("Email address").fill("auditor@demo.example")
    visitor.page.get_by_label("Password").fill(demo.passwords["auditor"])
    visitor.press("Sign in")
    expect(visitor.page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert visitor.problems == []
