"""English sentences in the reader's language, at the moment they are shown.

Rooms write every sentence once, in English, numbers and all: so it is stored, hashed, signed and printed. A page says it in
another language by finding which pattern of the catalogue `sayings` (locale/) it was made from, and filling the pattern's
translation with the same numbers and names. What fits no pattern is shown as it stands. Decision 15 says why.

A pattern is a sentence with slots. `{name}` is somebody's own word and stays as it is; `{n:number}` is written as the language
writes numbers; `{day:day}` is a day, with or without a time; `{what:said}` is looked up in turn; `{names:list}` is `a, b and c`.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from django.conf import settings
from django.utils import translation
from django.utils.functional import lazy

NUMBER = r"[−+-]?\d+(?:,\d{3})*(?:\.\d+)?%?"
DAY = r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}(?:,? \d\d:\d\d(?::\d\d)?(?: UTC)?)?"
SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
SLOTS = {None: r".+?", "said": r".*?", "list": r".+?", "number": NUMBER, "day": DAY}
BETWEEN = re.compile(r"(, | and | or )")
SENTENCE_END = re.compile(r"(?<=[.!?]) ")
MOST = 20_000  # signs; nothing we write is longer


def said(text: object) -> str:
    """`text` as the reader of this page reads it."""
    english = str(text)
    language = translation.get_language() or ""
    if not english or language.startswith("en") or len(english) > MOST:
        return english
    known = _said(english, language)
    return left_as_it_is(english) if known is None else known


# For what is written down before anybody asks, such as the choices of a form.
said_lazily = lazy(said, str)


def left_as_it_is(text: str) -> str:
    """No pattern fits: somebody's own word, or a sentence nobody translated. Tests listen here."""
    return text


@lru_cache(maxsize=8192)
def _said(text: str, language: str) -> str | None:
    inner = text.strip()
    if inner != text:  # a piece of a sentence, with the spaces that set it apart
        known = _said(inner, language) if inner else inner
        return None if known is None else text.replace(inner, known) if inner else text
    if not any(sign.isalpha() for sign in text) and not re.search(r"\d", text):
        return text
    spoken = tongue(language)
    return spoken.exact(text) or spoken.as_number(text) or spoken.as_day(text) or spoken.filled(text) or _in_parts(text, language)


def _in_parts(text: str, language: str) -> str | None:
    """Several sentences one after the other, or things in a row; None unless every part is known."""
    return _sentences(text, language) or _row(text, language)


def _sentences(text: str, language: str) -> str | None:
    spoken, pieces = tongue(language), SENTENCE_END.split(text)
    told: list[str] = []
    start = 0
    while start < len(pieces) and len(pieces) > 1:
        for end in range(min(len(pieces), start + 6), start, -1):
            one = " ".join(pieces[start:end])
            if (found := spoken.exact(one) or spoken.filled(one)) is not None:
                told.append(found)
                start = end
                break
        else:
            return None
    return " ".join(told) or None


def _row(text: str, language: str, *, names: bool = False) -> str | None:
    """`a, b and c` with every part looked up. With `names`, what is not known is somebody's own word and stays."""
    parts = BETWEEN.split(text)
    if len(parts) == 1:
        return None
    spoken = tongue(language)
    told = [
        spoken.between(part) if at % 2 else spoken.exact(part) or spoken.filled(part) or (part if names else None)
        for at, part in enumerate(parts)
    ]
    return "".join(part for part in told if part is not None) if all(part is not None for part in told) else None


@dataclass(frozen=True)
class Pattern:
    """One sentence of the catalogue that has slots."""

    english: str
    fits: re.Pattern[str]
    weight: int  # letters that are not slots: of two patterns that fit, the one with more says more
    kinds: dict[str, str | None]
    told: str

    @classmethod
    def of(cls, english: str, told: str) -> Pattern:
        kinds: dict[str, str | None] = {}
        regex = ""
        for literal, name, kind in slots(english):
            regex += re.escape(literal)
            if name:
                regex += f"(?P={name})" if name in kinds else f"(?P<{name}>{SLOTS[kind]})"
                kinds.setdefault(name, kind)
        return cls(english, re.compile(regex, re.DOTALL), len(SLOT.sub("", english)), kinds, told)


def slots(english: str) -> Iterator[tuple[str, str | None, str | None]]:
    """(literal text, slot after it, its kind) from left to right; the last literal has no slot."""
    at = [*SLOT.finditer(english)]
    ends = [0, *(m.end() for m in at)]
    for (start, _), m in zip(pairwise([*ends, len(english)]), at, strict=False):
        yield english[start : m.start()], m[1], m[2]
    yield english[ends[-1] :], None, None


class Tongue:
    """One language's catalogue, ready to be asked."""

    def __init__(self, language: str) -> None:
        self.language = language
        catalogue: dict[str, str] = {}
        for folder in settings.LOCALE_PATHS:
            found = gettext.translation("sayings", folder, languages=[language], fallback=True)
            catalogue |= getattr(found, "_catalog", {})
        self.words = {english: told for english, told in catalogue.items() if english and told and not SLOT.search(english)}
        patterns = [Pattern.of(english, told) for english, told in catalogue.items() if told and SLOT.search(english)]
        self.by_first_word: dict[str, list[Pattern]] = {}
        for pattern in sorted(patterns, key=lambda p: -p.weight):
            first, space, _ = pattern.english.partition(" ")
            self.by_first_word.setdefault(first if space and not SLOT.search(first) else "", []).append(pattern)

    def exact(self, text: str) -> str | None:
        """Without slots. A word that stands inside a sentence may be known by its capital."""
        return self.words.get(text) or self.words.get(text[:1].upper() + text[1:])

    def filled(self, text: str) -> str | None:
        for one in dict.fromkeys((text, text[:1].upper() + text[1:])):
            candidates = [*self.by_first_word.get(one.partition(" ")[0], ()), *self.by_first_word.get("", ())]
            for pattern in sorted(candidates, key=lambda p: -p.weight):
                if found := pattern.fits.fullmatch(one):
                    values = {name: self.slot(value, pattern.kinds[name]) for name, value in found.groupdict().items()}
                    if None in values.values():
                        continue
                    return SLOT.sub(lambda m, values=values: values[m[1]], pattern.told)  # type: ignore[misc]
        return None

    def slot(self, value: str, kind: str | None) -> str | None:
        """What stands in a slot, as the reader reads it; None where it should be known and is not."""
        if kind is None or not value:
            return value
        if kind == "number":
            return self.as_number(value)
        if kind == "day":
            return self.as_day(value)
        known = _said(value, self.language)
        return known if kind == "said" or known is not None else _row(value, self.language, names=True) or value

    def between(self, sign: str) -> str:
        return self.words.get(sign.strip(), sign.strip()).join((" ", " ")) if sign.strip() != "," else sign

    def as_number(self, text: str) -> str | None:
        """73.4% is 73,4 % with a space that does not break, and 10,000 is 10.000."""
        if not re.fullmatch(NUMBER, text):
            return None
        return text.translate({ord(","): ".", ord("."): ","}).replace("%", "\u00a0%")

    def as_day(self, text: str) -> str | None:
        """22 Nov 2026, 14:31 UTC is 22. Nov. 2026, 14:31 UTC."""
        if not re.fullmatch(DAY, text):
            return None
        number, month, year = text.split(" ", 2)
        return f"{number}. {self.words.get(month, month)} {year}"


@cache
def tongue(language: str) -> Tongue:
    return Tongue(language)
