"""Rows of a results dict as people read them: estimates, limits and times. The digits come from governance.numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attacks.statistics.leak_equivalent import FEWEST_LABELLED
from governance import numbers
from governance.rules import RULES

RULE_UNITS = {rule.id: rule.unit for rule in RULES}


def value(estimate: Mapping[str, Any]) -> str:
    """The value of an estimate, or the words that stand in its place."""
    if estimate["value"] is None:
        return absent(estimate)
    if counts_records(estimate):
        return labelled(estimate, "value")
    return numbers.measured(str(estimate["measure"]), str(estimate["arm"]), estimate["value"])


def whole(estimate: Mapping[str, Any]) -> str:
    """Value and interval of an estimate, or the words that stand in their place."""
    if estimate["value"] is None:
        return absent(estimate)
    if counts_records(estimate):
        return f"{labelled(estimate, 'value')} [{labelled(estimate, 'low')}, {labelled(estimate, 'high')}]"
    return numbers.measured(str(estimate["measure"]), str(estimate["arm"]), estimate["value"], estimate["low"], estimate["high"])


def counts_records(estimate: Mapping[str, Any]) -> bool:
    """Whether an estimate is a leak-equivalent sample size, of which `n` is how many labelled records there are."""
    return ".leak_equivalent" in str(estimate["measure"])


def labelled(estimate: Mapping[str, Any], end: str) -> str:
    """The value or a limit (`end`) of a leak-equivalent sample size, to two digits; beyond either end of what was tried: < 50, > 3,001."""
    size, most = estimate[end], estimate["n"]
    if size > most:  # first: there may be fewer than the fewest that are tried
        return f"> {numbers.count(most)}"
    if size < FEWEST_LABELLED:
        return f"< {FEWEST_LABELLED}"
    step = 10 ** max(0, len(str(int(size))) - 2)
    return numbers.count(round(size / step) * step)


def absent(estimate: Mapping[str, Any]) -> str:
    """Why there is no number."""
    return str(estimate.get("reason") or numbers.NO_NUMBER)


def rule_unit(rule: Mapping[str, Any]) -> numbers.Unit:
    """The unit in which a rule's estimate and limit are printed; a rule of another version prints as its measure does."""
    return RULE_UNITS.get(str(rule["rule"])) or numbers.unit_of(str(rule["measure"]), "attack")


def rule_estimate(rule: Mapping[str, Any]) -> str:
    """A rule's estimate with as many digits as its verdict needs, or the words that stand in its place."""
    estimate = rule.get("estimate")
    if not estimate or estimate.get("value") is None:
        return numbers.NO_NUMBER
    return numbers.interval(estimate["value"], estimate["low"], estimate["high"], rule_unit(rule), against=rule.get("limit"))


def rule_limit(rule: Mapping[str, Any]) -> str:
    """A rule's limit, with the side that is good."""
    if rule.get("limit") is None:
        return "no limit set"
    side = "at least" if rule.get("better") == "higher" else "at most"
    return f"{side} {numbers.limit(float(rule['limit']), rule_unit(rule))}"


def level(share: float) -> str:
    """0.95 as 95%."""
    return numbers.limit(share, numbers.Unit.SHARE)


def moment(text: str | None) -> datetime | None:
    """An ISO time of a results dict, in UTC; None where there is none."""
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def date(text: str | None) -> str:
    """`23 Nov 2026` from an ISO time, empty where there is none."""
    when = moment(text)
    return f"{when.day} {when:%b %Y}" if when else ""
