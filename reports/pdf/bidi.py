"""Names in Hebrew and Arabic, for a page whose text runs left to right.

A small part of the Unicode bidirectional algorithm (UAX #9): one embedding level, weak numbers, mirrored brackets; and
Arabic joining (Unicode core specification, section 9.2) by the presentation forms the font holds. Enough for names and
short sentences, not for typesetting a book.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

RIGHT = {"R", "AL"}
NUMBER = {"EN", "AN"}
FORMS = ("<isolated>", "<final>", "<initial>", "<medial>")
MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
LAM, ALEFS = "\u0644", "\u0622\u0623\u0625\u0627"


def has_right_to_left(text: str) -> bool:
    """Whether `text` holds a letter that runs right to left."""
    return any(unicodedata.bidirectional(c) in RIGHT for c in text)


def visual(text: str) -> str:
    """`text` in the order its characters are drawn from left to right, Arabic letters joined."""
    if not has_right_to_left(text):
        return text
    classes = [unicodedata.bidirectional(c) for c in text]
    out, i = [], 0
    while i < len(text):
        if classes[i] not in RIGHT:
            out.append(text[i])
            i += 1
            continue
        end = _run_end(text, classes, i)
        out.append(_mirrored_run(joined(text[i:end])))
        i = end
    return "".join(out)


def _run_end(text: str, classes: list[str], start: int) -> int:
    """One past the last right-to-left letter, number or closed bracket reachable from `start` without crossing a left-to-right letter."""
    last = start
    for i in range(start, len(classes)):
        if classes[i] == "L":
            break
        closes = text[i] in ")]}" and _opened(text[start : last + 1], text[i])
        if classes[i] in RIGHT or classes[i] in NUMBER or classes[i] == "NSM" or closes:
            last = i
    return last + 1


def _opened(run: str, closing: str) -> bool:
    """Whether `run` holds a bracket that `closing` closes."""
    return run.count(closing.translate(MIRRORED)) > run.count(closing)


def _mirrored_run(run: str) -> str:
    """A right-to-left run reversed: marks stay behind their letter, numbers keep their order, brackets turn."""
    clusters = re.findall(r"\d[\d.,:/]*\d|\d|.(?:[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670])*", run, flags=re.DOTALL)
    return "".join(cluster.translate(MIRRORED) for cluster in reversed(clusters))


@cache
def _presentation() -> dict[str, dict[str, str]]:
    """Base letter(s) to form to presentation character, read from the Unicode database."""
    table: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFBFF), *range(0xFE80, 0xFEFD)):
        form, *base = unicodedata.decomposition(chr(code)).split() or [""]
        if form in FORMS:
            table.setdefault("".join(chr(int(b, 16)) for b in base), {}).setdefault(form, chr(code))
    return table


def _joins_next(letter: str) -> bool:
    return "<initial>" in _presentation().get(letter, {})


def _joins_previous(letter: str) -> bool:
    return "<final>" in _presentation().get(letter, {})


def joined(text: str) -> str:
    """`text` in logical order with every Arabic letter in the form its neighbours ask for."""
    letters = _with_lam_alef(text)
    bare = [i for i, c in enumerate(letters) if unicodedata.bidirectional(c[0]) != "NSM"]
    out = list(letters)
    for position, i in enumerate(bare):
        before = letters[bare[position - 1]] if position else ""
        after = letters[bare[position + 1]] if position + 1 < len(bare) else ""
        forms = _presentation().get(letters[i])
        if forms is None:
            continue
        left = _joins_next(before) and _joins_previous(letters[i])
        right = _joins_next(letters[i]) and _joins_previous(after)
        wanted = FORMS[3] if left and right else FORMS[1] if left else FORMS[2] if right else FORMS[0]
        out[i] = forms.get(wanted) or forms.get(FORMS[0]) or letters[i]
    return "".join(out)


def _with_lam_alef(text: str) -> list[str]:
    """Characters of `text`, lam followed by an alef taken together (their ligature is obligatory)."""
    letters: list[str] = []
    for character in text:
        if character in ALEFS and letters and letters[-1] == LAM:
            letters[-1] = LAM + character
        else:
            letters.append(character)
    return letters
