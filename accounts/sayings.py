"""English sentences in the reader's language, at the moment they are shown.

Rooms write every sentence once, in English, numbers and all: so it is stored, hashed, signed and printed. A page says it in
another language by finding which pattern of the catalogue `sayings` (locale/) it was made from, and filling the pattern's
translation with the same numbers and names. What fits no pattern is shown as it stands. Decision 15 says why.

A pattern is a sentence with slots. `{name}` is somebody's own word and stays as it is, as do `{column:word}`, one word or a group
such as `sex = Female`, and `{r:rule}`; `{n:number}` is written as the language writes numbers; `{day:day}` is a day, with or
without a time; `{what:said}` is looked up in turn; `{names:list}` is `a, b and c`.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple

from django.conf import settings
from django.utils import translation
from django.utils.functional import lazy

# A number beyond the end of what was tried says so: < 50.
NUMBER = r"(?:[<>] )?[−+-]?\d+(?:,\d{3})*(?:\.\d+)?%?"
DAY = r"\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{4}(?:,? \d\d:\d\d(?::\d\d)?(?: UTC)?)?"
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
SHAPES = {"number": NUMBER, "day": f"{DAY}|{ISO_DAY.pattern}"}
ONE_WORD = {"word": re.compile(r"[^\s,;:()]+(?: = [^,;]+)?"), "rule": re.compile(r"R-[A-Z-]+(?:/\S+)?")}
BETWEEN = re.compile(r"(, | and | or )(?![^\[\]]*\])")  # but for the ends of an interval
AS_IT_IS = re.compile(r"'\w+'|R-[A-Z-]+(?:/\S+)?")  # what programs call something, and rules
LONGEST_NAME = 5  # words: a longer part of a list is no name
SENTENCE_END = re.compile(r"(?<=[.!?]) ")
MOST = 10_000  # signs; nothing we write is longer
MOST_OF_A_SENTENCE = 600
MOST_PARTS = 60  # of a row, or half sentences
MOST_TRIES = 60  # cuts of one sentence into the slots of one pattern


def said(text: object) -> str:
    """`text` as the reader of this page reads it."""
    english = str(text)
    language = translation.get_language() or ""
    if not english or language.startswith("en") or len(english) > MOST:
        return english
    known = _told(english, language)
    return left_as_it_is(english) if known is None else known.text


# For what is written down before anybody asks, such as the choices of a form.
said_lazily = lazy(said, str)


def left_as_it_is(text: str) -> str:
    """No pattern fits: somebody's own word, or a sentence nobody translated. Tests listen here."""
    return text


class Told(NamedTuple):
    """A sentence in the reader's language. `left`: how many of its signs stand as they did, being somebody's own words."""

    text: str
    left: int = 0


@lru_cache(maxsize=32_768)
def _told(text: str, language: str) -> Told | None:
    inner = text.strip()
    if inner != text:  # a piece of a sentence, with the spaces that set it apart
        known = _told(inner, language) if inner else Told(inner)
        return known and known._replace(text=text.replace(inner, known.text) if inner else text)
    if not any(sign.isalnum() for sign in text):
        return Told(text)
    spoken = tongue(language)
    if (plain := spoken.plain(text)) is not None:
        return Told(plain)
    # Only what is nothing else is a row: a name may hold a word we know.
    return _best(_sentences(text, language), _whole(text, language), _clauses(text, language)) or _row(text, language)


@lru_cache(maxsize=32_768)
def _whole(text: str, language: str) -> Told | None:
    """One sentence or word, not several in a row."""
    spoken = tongue(language)
    plain = spoken.plain(text)
    if plain is None:
        return spoken.filled(text) if len(text) <= MOST_OF_A_SENTENCE else None
    return Told(plain)


def _best(*readings: Told | None) -> Told | None:
    """Of several ways to read a sentence the one that leaves the least as it stood; the first of equals."""
    return min((one for one in readings if one is not None), key=lambda one: one.left, default=None)


def _sentences(text: str, language: str) -> Told | None:
    """Several sentences one after the other; None unless every one is known."""
    pieces = SENTENCE_END.split(text)
    if len(pieces) == 1:
        return None
    # From each piece on, the best reading of the rest: `Art. 32` ends no sentence, so a sentence may be several pieces.
    rest: list[Told | None] = [None] * len(pieces) + [Told("")]
    for start in reversed(range(len(pieces))):
        for end in range(start + 1, min(len(pieces), start + 6) + 1):
            after = rest[end]
            if after is not None and (found := _whole(" ".join(pieces[start:end]), language)) is not None:
                rest[start] = _best(rest[start], _joined([one for one in (found, after) if one.text], " "))
    return rest[0]


def _clauses(text: str, language: str) -> Told | None:
    """Half sentences between semicolons, `and 3 more` after the last; None unless every one is known."""
    parts = text.split("; ")
    if not 1 < len(parts) <= MOST_PARTS:
        return None
    told = [_told(part, language) for part in parts]
    return _joined([one for one in told if one is not None], "; ") if None not in told else None


def _row(text: str, language: str, *, names: bool = False) -> Told | None:
    """`a, b and c` with every part looked up. With `names`, what is not known is somebody's own word and stays."""
    parts = BETWEEN.split(text)
    if not 1 < len(parts) <= MOST_PARTS:
        return None
    spoken = tongue(language)
    told = [
        Told(spoken.between(part)) if at % 2 else _whole(part, language) or (Told(part, len(part)) if names and _name(part) else None)
        for at, part in enumerate(parts)
    ]
    return _joined([one for one in told if one is not None], "") if None not in told else None


def _closed(value: str) -> bool:
    """No cut goes through brackets."""
    return all(value.count(opened) == value.count(shut) for opened, shut in ("()", "[]"))


def _name(part: str) -> bool:
    return AS_IT_IS.fullmatch(part) is not None or len(part.split()) <= LONGEST_NAME


def _joined(told: list[Told], between: str) -> Told | None:
    return Told(between.join(one.text for one in told), sum(one.left for one in told)) if told else None


@dataclass(frozen=True)
class Pattern:
    """One sentence of the catalogue that has slots."""

    weight: int  # letters that are not slots: of two patterns that fit, the one with more says more
    parts: tuple[tuple[str, str | None, str | None], ...]
    fits: re.Pattern[str]
    told: str

    @classmethod
    def of(cls, english: str, told: str) -> Pattern:
        parts = tuple(slots(english))
        regex = "".join(re.escape(literal) + (f"(?:{SHAPES.get(kind or '', '.*?')})" if name else "") for literal, name, kind in parts)
        return cls(len(SLOT.sub("", english)), parts, re.compile(regex, re.DOTALL), told)

    def may_fit(self, text: str) -> bool:
        """Is its shape that of `text`? What is asked first costs least."""
        return text.startswith(self.parts[0][0]) and text.endswith(self.parts[-1][0]) and self.fits.fullmatch(text) is not None

    def ends(self, text: str, part: int, at: int) -> Iterator[int]:
        """Where the slot of this part, which begins at `at`, may end: before the literal after it, or after a word."""
        after = self.parts[part + 1][0]
        if part + 2 == len(self.parts):
            yield from [end] if (end := len(text) - len(after)) >= at else []
            return
        room = sum(len(literal) for literal, _, _ in self.parts[part + 1 :])
        places = range(at, len(text) - room + 1)
        if after:
            yield from (end for end in places if text.startswith(after, end))
        else:
            # Of two slots beside one another the second is often empty.
            yield from (end for end in reversed(places) if end == at or not text[end : end + 1].isalnum())


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
        self.first_words = {word.partition(" ")[0].rstrip(":,;.") for word in self.words}
        # Those that begin with a slot, by whether what stands there must be known.
        self.by_first_slot: dict[bool, list[Pattern]] = {True: [], False: []}
        for pattern in sorted(patterns, key=lambda p: -p.weight):
            literal, _, kind = pattern.parts[0]
            first, space, _ = literal.partition(" ")
            if space and first:
                self.by_first_word.setdefault(first, []).append(pattern)
            else:
                self.by_first_slot[kind == "said" and not literal].append(pattern)
        self.first_words |= set(self.by_first_word)

    def exact(self, text: str) -> str | None:
        """Without slots. A word that stands inside a sentence may be known by its capital, and the other way round."""
        if (known := self.words.get(text) or self.words.get(text[:1].upper() + text[1:])) is not None:
            return known
        known = self.words.get(text[:1].lower() + text[1:])
        return known and known[:1].upper() + known[1:]

    def plain(self, text: str) -> str | None:
        return text if AS_IT_IS.fullmatch(text) else self.exact(text) or self.as_number(text) or self.as_day(text)

    def filled(self, text: str) -> Told | None:
        """By the pattern that leaves the least as it stands; of equals by the one that says the most itself."""
        first = text.partition(" ")[0]
        firsts = dict.fromkeys((first, first[:1].upper() + first[1:], first[:1].lower() + first[1:]))
        candidates = [(pattern, one + text[len(first) :]) for one in firsts for pattern in self.by_first_word.get(one, ())]
        candidates += [(pattern, text) for pattern in self.by_first_slot[False]]
        # What must be known begins with a word we know, or with a number.
        if not first[:1].isalpha() or any(one.rstrip(":,;.") in self.first_words for one in firsts) or AS_IT_IS.match(first):
            candidates += [(pattern, text) for pattern in self.by_first_slot[True]]
        best: Told | None = None
        for pattern, one in sorted(candidates, key=lambda candidate: -candidate[0].weight):
            if (best is None or best.left) and pattern.may_fit(one):
                best = _best(best, self.filling(pattern, one))
        # A word that stood inside an English sentence may begin a German one.
        return best._replace(text=best.text[:1].upper() + best.text[1:]) if best and text[:1].isupper() else best

    def filling(self, pattern: Pattern, text: str) -> Told | None:
        """The pattern told with what stands in its slots. Where a text can be cut in several ways, the cut that leaves the least."""
        tries = MOST_TRIES
        best: Told | None = None

        def cut(part: int, at: int, read: dict[str, str], told: dict[str, str], left: int) -> None:
            nonlocal tries, best
            literal, name, kind = pattern.parts[part]
            if not text.startswith(literal, at):
                return
            at += len(literal)
            if name is None:
                if at == len(text):
                    best = _best(best, Told(SLOT.sub(lambda m: told[m[1]], pattern.told), left))
                return
            for end in pattern.ends(text, part, at):
                value = text[at:end]
                if not tries or (best is not None and best.left <= left):
                    return
                if not _closed(value):
                    continue
                tries -= 1
                if read.get(name, value) == value and (known := self.slot(value, kind)) is not None:
                    cut(part + 1, end, read | {name: value}, told | {name: known.text}, left + known.left)

        cut(0, 0, {}, {}, 0)
        return best

    def slot(self, value: str, kind: str | None) -> Told | None:
        """What stands in a slot, as the reader reads it; None where it should be known and is not."""
        if kind in ("number", "day"):
            plain = self.as_number(value) if kind == "number" else self.as_day(value)
            return None if plain is None else Told(plain)
        if kind in ONE_WORD:
            return Told(value) if ONE_WORD[kind].fullmatch(value) else None
        if kind is None or (not value and kind == "list"):
            return Told(value, len(value)) if value else None
        known = _told(value, self.language) if value else Told(value)
        if kind == "said" or known is not None:
            return known
        return _row(value, self.language, names=True) or (Told(value, len(value)) if _name(value) else None)

    def between(self, sign: str) -> str:
        return self.words.get(sign.strip(), sign.strip()).join((" ", " ")) if sign.strip() != "," else sign

    def as_number(self, text: str) -> str | None:
        """73.4% is 73,4 % with a space that does not break, and 10,000 is 10.000."""
        if not re.fullmatch(NUMBER, text):
            return None
        return text.translate({ord(","): ".", ord("."): ","}).replace("%", "\u00a0%")

    def as_day(self, text: str) -> str | None:
        """22 Nov 2026, 14:31 UTC is 22. Nov. 2026, 14:31 UTC, and 2026-11-22 is 22.11.2026."""
        if ISO_DAY.fullmatch(text):
            year, month, number = text.split("-")
            return f"{int(number)}.{int(month)}.{year}"
        if not re.fullmatch(DAY, text):
            return None
        number, month, year = text.split(" ", 2)
        return f"{number}. {self.words.get(month[:3], month)} {year}"


@cache
def tongue(language: str) -> Tongue:
    return Tongue(language)
