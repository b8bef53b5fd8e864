"""Pages with pictures, served as the product serves them: static files of the house and a policy that forbids inline code."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from assessments.picture_groups import groups
from assessments.picture_roc import roc
from assessments.pictures import Line, Mark, Picture, access_ladder, three_guesses, withheld_gallery
from tests.reports.sample_results import adult, digits

CHECKOUT = Path(__file__).resolve().parents[2]
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
SHEETS = ("inversight.css", "pictures.css")
SCRIPTS = (
    "vendor/echarts-6.1.0/echarts.common.min.js",
    "js/words.js",
    "js/picture-parts.js",
    "js/picture-guesses.js",
    "js/picture-groups.js",
    "js/picture-ladder.js",
    "js/picture-roc.js",
    "js/pictures.js",
)


def _is_there(picture: Picture | None) -> Picture:
    assert picture is not None
    return picture


def samples() -> dict[str, Picture]:
    """One picture of each kind from the sample results, and the awkward ones: many rows, one row, no values, long names."""
    table, images = adult(), digits()
    runs = {r["attack"].rsplit(".", 1)[-1]: r for r in reversed(table["runs"])}
    guesses = _is_there(three_guesses(table, table["runs"][0]))
    forest = _is_there(groups(table))
    ladder = _is_there(access_ladder(table, runs["gap"]))
    return {
        "guesses": guesses,
        "groups": forest,
        "ladder": ladder,
        "roc": _is_there(roc(table, runs["loss"])),
        "gallery": _is_there(withheld_gallery(images, images["runs"][0])),
        "coin": _is_there(three_guesses(table, runs["gap"])),
        "images": _is_there(access_ladder(images, images["runs"][0])),
        "missing": replace(guesses, rows=(guesses.rows[0], _without_numbers(guesses.rows[1]))),
        "many": replace(forest, rows=_many(forest.rows, 30)),
        "one": replace(forest, rows=forest.rows[:1]),
        "long": replace(forest, rows=tuple(replace(line, label=f"{line.label} {'of a long name ' * 6}") for line in forest.rows)),
        "foreign": replace(forest, rows=tuple(replace(line, label=f"דת = קבוצה {i} نموذج") for i, line in enumerate(forest.rows))),
        "rungs": replace(ladder, rows=_rungs(ladder)),
    }


def _without_numbers(line: Line) -> Line:
    reason = "too few outsiders: 9,993, and 10,000 are needed"
    return replace(line, marks=(*line.marks[:1], *(Mark(m.arm, m.label, reason) for m in line.marks[1:])))


def _many(rows: tuple[Line, ...], count: int) -> tuple[Line, ...]:
    return tuple(replace(rows[i % len(rows)], label=f"{rows[i % len(rows)].label} and age = {i}") for i in range(count))


def _rungs(ladder: Picture) -> tuple[Line, ...]:
    names = ("labels", "top-k", "scores", "logits", "activations", "gradients", "weights")
    return tuple(replace(ladder.rows[i % len(ladder.rows)], label=name) for i, name in enumerate(names))


def page(pictures: Mapping[str, Picture]) -> str:
    """A whole page with these pictures, each in the component the product uses."""
    shown = "".join(render_to_string("components/picture.html", {"picture": asdict(p), "id": name}) for name, p in pictures.items())
    sheets = "".join(f'<link rel="stylesheet" href="/{sheet}">' for sheet in SHEETS)
    scripts = "".join(f'<script src="/{script}" defer></script>' for script in SCRIPTS)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Pictures</title>{sheets}{scripts}'
    return f'<!doctype html><html lang="en-GB"><head>{head}</head><body><main><div class="card">{shown}</div></main></body></html>'


class _Handler(SimpleHTTPRequestHandler):
    """Pages from memory, everything else from the folder of static files."""

    def __init__(self, *args: Any, pages: Mapping[str, str], **kwargs: Any) -> None:
        self.pages = pages
        super().__init__(*args, directory=str(CHECKOUT / "static"), **kwargs)

    def do_GET(self) -> None:
        text = self.pages.get(self.path)
        if text is None:
            # A browser asks for this by itself; a 404 would stand in the console as an error.
            return self._answer(b"") if self.path == "/favicon.ico" else super().do_GET()
        return self._answer(text.encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: a request is no news in a test."""


@contextmanager
def served(pages: Mapping[str, str]) -> Iterator[str]:
    """The address of a server that shows `pages` by their paths."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, pages=pages))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
