"""How values are printed on every page: verdicts with mark and word, hashes, dates, sizes, counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import json_script

from accounts.sayings import said
from assessments import printed, vocabulary
from assessments.models import Assessment, State
from assessments.pictures import attack_meaning, attack_word, group_word, run_word, rung_word, source_word
from decisions.risks import MOST_OF_A_LEVEL
from governance import numbers
from governance.risk import LEVEL_WORDS

register = template.Library()
# What rooms write in English, in the language of the page (accounts/sayings.py).
register.filter("said", said)
# What static/js says by itself; words.js finds it there.
SCRIPT_WORDS = (
    "copied",
    "You were signed out. Sign in in another tab, then choose the file again: it goes on where it stopped.",
    "The server did not take the file. Try again in a minute.",
    "Sent so far",
    "This browser cannot use security keys here. Use another browser, or open this site by its https address.",
    "This key is added already. Use another one.",
    "Security keys need this site to be opened by its name, not by a number.",
    "No key answered. Plug it in or hold it near, then try again.",
    "Outcome: rate against the best group",
    "Leakage: points more than everyone else",
    "ratio, log scale",
    "points",
    "wrongly named",
    "rightly named",
    "wrongly named, % of outsiders",
    "rightly named, % of training records",
    "not compared",
    "success, %",
    "right guesses, %",
    ", axis starts at 50",
)
DIGEST = re.compile(r"[0-9a-f]{64}")
IDENTIFIER = re.compile(r"[a-z]+(_[a-z]+)*")
MARKS = {
    "satisfied": "✓",
    "inconclusive": "◐",
    "not_satisfied": "✕",
    "not_assessed": "◌",
    "nothing": "▯▯▯",
    "population_only": "▮▯▯",
    "model_adds": "▮▮▯",
    "memorised": "▮▮▮",
    "not_resolvable": "▯?▯",
}


@register.simple_tag
def words_for_scripts() -> str:
    """SCRIPT_WORDS in the reader's language, for words.js; nothing where they are read as they stand."""
    told = {word: said(word) for word in SCRIPT_WORDS if said(word) != word}
    return json_script(told, "script-words") if told else ""


@register.inclusion_tag("components/badge.html")
def run_badge(verdict: str | None) -> dict[str, str]:
    return _badge(verdict, vocabulary.run_label(verdict))


@register.inclusion_tag("components/badge.html")
def rule_badge(verdict: str) -> dict[str, str]:
    return _badge(verdict, vocabulary.rule_label(verdict))


@register.inclusion_tag("components/badge.html")
def control_badge(control: dict[str, Any]) -> dict[str, str]:
    return _badge(control["verdict"], vocabulary.control_label(control))


def _badge(verdict: str | None, label: str) -> dict[str, str]:
    known = verdict if verdict in MARKS else "not_assessed"
    return {"kind": known.replace("_", "-"), "mark": MARKS[known], "label": label}


@register.inclusion_tag("components/state.html")
def state_of(assessment: Assessment) -> dict[str, Any]:
    return {"label": State(assessment.state).label, "state": assessment.state.replace("_", "-")}


@register.filter
def hash8(digest: str | None) -> str:
    """Eight signs in fours: 9f2c 41ab."""
    return f"{digest[:4]} {digest[4:8]}" if digest else "none"


@register.filter
def day(when: date | datetime | None) -> str:
    """22 Nov 2026."""
    if isinstance(when, datetime):
        when = when.astimezone(UTC)
    return said(f"{when.day} {when:%b %Y}" if when else "no date")


@register.filter
def moment(when: datetime | None) -> str:
    """22 Nov 2026, 14:31 UTC."""
    return f"{day(when)}, {when.astimezone(UTC):%H:%M} UTC" if when else said("not yet")


@register.filter
def instant(when: datetime) -> str:
    """22 Nov 2026, 14:31:07, where a heading says that it is UTC."""
    return f"{day(when)}, {when.astimezone(UTC):%H:%M:%S}"


@register.filter
def iso_day(text: str) -> str:
    """An ISO day of a frozen document as `day` prints it."""
    return day(date.fromisoformat(text))


@register.filter
def iso_moment(text: str) -> str:
    return moment(datetime.fromisoformat(text))


@register.filter
def days_left(when: date) -> str:
    days = (when - timezone.now().astimezone(UTC).date()).days
    if days < 0:
        return said(f"{vocabulary.counted(-days, 'day')} ago")
    return said("today" if days == 0 else f"in {vocabulary.counted(days, 'day')}")


@register.filter
def size(n: int) -> str:
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= scale:
            return said(f"{n / scale:.1f} {unit}".replace(".0 ", " "))
    return said(f"{n} bytes")


@register.filter
def duration(seconds: float | None) -> str:
    """`40 s`, `3 min`, `2.5 h`: an estimate has no more digits."""
    if seconds is None:
        return said("unknown")
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else said(f"{seconds / 3600:.1f} h")


@register.filter
def plural(n: int, word: str) -> str:
    """{{ 3|plural:"group" }}: 3 groups; {{ 0|plural:"person,people" }}: no people."""
    one, _, many = word.partition(",")
    return said(vocabulary.counted(n, one, many or None))


@register.filter
def count(n: int | None) -> str:
    return said(numbers.count(n) if n is not None else "unknown")


@register.filter
def of_a_level(n: int) -> str:
    """How many risks decisions.risks.counts_of found: it stops counting where nobody needs to know more."""
    return said(f"more than {MOST_OF_A_LEVEL:,}") if n > MOST_OF_A_LEVEL else count(n)


@register.filter
def plain(identifier: object) -> str:
    return vocabulary.plain(identifier)


@register.filter
def facts_told(detail: str) -> str:
    """What an entry of the trail holds beside its deed: release: scores; runs: 21. One that was tampered with is shown as it stands."""
    try:
        facts = json.loads(detail)
    except ValueError:
        return detail
    if not isinstance(facts, dict):
        return detail
    return "; ".join(f"{vocabulary.plain(name)}: {_fact(value)}" for name, value in facts.items())


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_fact, value))
    if isinstance(value, str):
        return hash8(value) if DIGEST.fullmatch(value) else vocabulary.plain(value) if IDENTIFIER.fullmatch(value) else value
    return json.dumps(value)


@register.filter
def percent(share: float) -> str:
    """A share given in hundredths: 74%."""
    return said(f"{share}%")


def _spoken(word: Callable[[Any], str]) -> Callable[[Any], str]:
    """A word of the vocabulary as the reader reads it."""
    return lambda value: said(word(value))


register.filter("estimate", _spoken(printed.whole))
register.filter("value", _spoken(printed.value))
register.filter("rule_estimate", _spoken(printed.rule_estimate))
register.filter("rule_limit", _spoken(printed.rule_limit))
register.filter("run_word", run_word)
register.filter("attack_word", attack_word)
register.filter("attack_meaning", _spoken(attack_meaning))
register.filter("rung", _spoken(rung_word))
register.filter("group_word", _spoken(group_word))
register.filter("source_word", source_word)
register.filter("measure", _spoken(vocabulary.measure_word))
register.filter("arm", _spoken(lambda arm: vocabulary.ARM_HEADS.get(arm, vocabulary.plain(arm))))
register.filter("knowledge", _spoken(lambda word: vocabulary.KNOWLEDGE.get(word, vocabulary.plain(word))))
register.filter("framework", _spoken(vocabulary.framework_name))
register.filter("limit_source", _spoken(lambda source: vocabulary.LIMIT_SOURCES.get(str(source), str(source))))
register.filter("run_status", _spoken(lambda status: vocabulary.RUN_STATUSES.get(status, vocabulary.plain(status).capitalize())))
register.filter("objective", _spoken(lambda word: vocabulary.OBJECTIVES.get(word, vocabulary.plain(word))))
register.filter("gate_state", _spoken(lambda word: vocabulary.GATE_STATES.get(word, vocabulary.plain(word))))
register.filter("gate", _spoken(lambda word: vocabulary.GATES.get(word, word)))


@register.filter
def control_word(control: dict[str, Any]) -> str:
    return said(vocabulary.control_word(control["framework"], control["control"]))


@register.filter
def cited(framework: str, control: str) -> str:
    """{{ "gdpr"|cited:"32(1)" }}: Art. 32(1)."""
    return said(vocabulary.control_word(framework, control))


@register.filter
def rule_part(key: str) -> str:
    """The rule of a row's key: R-AIA of R-AIA/illness."""
    return key.partition("/")[0]


@register.filter
def run_name(run: Any) -> str:
    """A planned or recorded run: csmia → marital."""
    return run_word({"attack": run.attack, "feature": run.feature})


@register.filter
def bracket(estimate: dict[str, Any]) -> str:
    """The interval of an estimate alone: [99.4, 100.0]."""
    return said("[" + printed.whole(estimate).partition(" [")[2] if " [" in printed.whole(estimate) else "no interval")


@register.filter
def dashed(word: str | None) -> str:
    return (word or "").replace("_", "-")


register.filter("level", _spoken(printed.level))
register.filter("level_word", _spoken(lambda level: LEVEL_WORDS[level]))
register.filter("kind_tag", _spoken(vocabulary.kind_tag))


@register.filter
def get(typed: Any, name: str) -> str:
    """What was typed in a field whose name is no identifier."""
    return str(typed.get(name, "")) if typed else ""


@register.filter
def risk(typed: Any, key: int) -> str:
    return get(typed, f"risk-{key}")


@register.filter
def until(typed: Any, key: int) -> str:
    return get(typed, f"until-{key}")


@register.inclusion_tag("components/cell.html")
def rule_cell(verdict: str | None) -> dict[str, str]:
    """A verdict in a cell of a matrix: its mark, and its word for who cannot see it."""
    return _badge(verdict, vocabulary.rule_label(verdict) if verdict else "Not assessed")
