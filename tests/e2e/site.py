"""The product as people meet it: real processes on a topology, and Chromium in front of it. Presses are counted as a person would."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright

from tests.assessments.cases import files, write_case
from tests.engine.engine import Engine, until

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
SERIOUS = ("serious", "critical")
REFUSED = "Failed to load resource"  # a refusal answered with 4xx is no mistake of the page


class Site:
    """One installation with demo people and the demo case."""

    def __init__(self, folder: Path, topology: str, browser: Browser) -> None:
        self.engine = Engine(folder, topology, slow=False, lease=10)
        self.browser, self.case = browser, write_case(folder / "case")
        self.base = f"http://127.0.0.1:{self.engine.web_port}"
        said = self.engine.manage("demo_people").stdout
        self.passwords = dict(re.findall(r"^\s+(\S+)@demo\.example\s+(\S+)$", said, re.MULTILINE))
        assert len(self.passwords) == 5, said
        options = [word for option, path in files(self.case).items() for word in (f"--{option}", str(path))]
        self.engine.manage("register", "--organisation", "demo", "--by", "model.owner@demo.example", "--name", "Income model", *options)
        self.engine.manage("collectstatic", "--noinput", "--verbosity", "0")
        for name in ("web", "worker-1", "beat"):
            self.engine.start(name)
        until(self._answers, 40, "the web process to answer", lambda: self.engine.log("web"))

    def _answers(self) -> bool:
        import urllib.error
        import urllib.request

        try:
            return bool(urllib.request.urlopen(f"{self.base}/healthz", timeout=2).status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def visitor(self, **options: Any) -> Visitor:
        size = {"width": options.pop("width", 1280), "height": 900}
        return Visitor(self, self.browser.new_context(viewport=size, **options).new_page())  # type: ignore[arg-type]

    def person(self, who: str, **options: Any) -> Visitor:
        visitor = self.visitor(**options)
        visitor.sign_in(who)
        return visitor


class Visitor:
    """A person at a browser. `presses` counts what they clicked; `problems` holds what the page or the network did wrong."""

    def __init__(self, site: Site, page: Page) -> None:
        self.site, self.page, self.presses = site, page, 0
        self.problems: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and REFUSED not in message.text:
            self.problems.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.site.base, "data:", "blob:")):
            self.problems.append(f"asked {request.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.site.base + path)

    def sign_in(self, who: str) -> None:
        self.go("/sign-in/")
        self.page.get_by_label("Email address").fill(f"{who}@demo.example")
        self.page.get_by_label("Password").fill(self.site.passwords[who])
        self.press("Sign in")
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def press(self, name: str, *, within: Locator | None = None) -> None:
        """Press the button or link called exactly so."""
        place: Any = within or self.page.get_by_role("main")
        self.press_on(place.get_by_role("button", name=name, exact=True).or_(place.get_by_role("link", name=name, exact=True)).first)

    def press_on(self, what: Locator) -> None:
        self.presses += 1
        what.click()

    def axe(self) -> list[str]:
        """What axe finds serious on this page."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{self.page.url} {v['id']}: {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')[:200]}"
            for v in found["violations"]
            if v["impact"] in SERIOUS
        ]

    def wide(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@contextmanager
def chromium() -> Iterator[Browser]:
    path = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-background-networking"])
        yield browser
        browser.close()


@contextmanager
def site(folder: Path, topology: str) -> Iterator[Site]:
    with chromium() as browser:
        made = Site(folder, topology, browser)
        try:
            yield made
        finally:
            made.engine.close()
