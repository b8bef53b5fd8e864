"""Reading the forms of a page as a browser would: where each leads, and every field it would send."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Form:
    """`fields` as they stand on the page; `buttons` are the (name, value) pairs that pressing one of them adds."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.method} {self.action}"


class Reader(HTMLParser):
    """`forms` of a page, and the `asked` names of its links' query strings."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.asked: set[str] = set()
        self._address, self._form, self._text, self._select = address, None, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.asked |= {name for name, _ in parse_qsl(urlsplit(given.get("href", "")).query)}
        if tag == "form":
            self._form = Form(given.get("action") or self._address, given.get("method", "get").lower())
            self.forms.append(self._form)
        form, name = self._form, given.get("name", "")
        if form is None or "disabled" in given:
            return
        if tag == "input" and name:
            self._input(form, name, given)
        elif tag == "button" and name:
            form.buttons.append((name, given.get("value", "")))
        elif tag == "textarea" and name:
            self._text = name
            form.fields[name] = ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = given.get("value", "")

    def _input(self, form: Form, name: str, given: dict[str, str]) -> None:
        kind = given.get("type", "text")
        if kind == "file":
            form.files.append(name)
        elif kind not in ("checkbox", "radio") or "checked" in given or name not in form.fields:
            form.fields[name] = given.get("value", "on" if kind in ("checkbox", "radio") else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag in ("textarea", "select"):
            self._text = self._select = ""

    def handle_data(self, data: str) -> None:
        if self._form and self._text:
            self._form.fields[self._text] += data


def read(html: str, address: str) -> Reader:
    reader = Reader(address)
    reader.feed(html)
    return reader
