"""Changing the policy: which numbers a person may change, what each means, and a new version out of what was typed.

Shares and points are typed as hundredths, a ratio as it is; a comma does for a point.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import Organisation, User
from accounts.roles import Permission
from accounts.selectors import may
from accounts.services import record
from governance import numbers
from governance.errors import PolicyProblem
from governance.models import PolicyVersion
from governance.numbers import Unit
from governance.policy import Policy, default_policy, policy_from
from governance.rules import UNITS
from governance.schema import digest
from governance.selectors import policies_of, policy_of

LONGEST_NUMBER = 12
MOST_DECIMALS = 6
MOST_COUNTED = 1_000_000
# What meeting each limit means.
MEANINGS: Mapping[str, str] = {
    "R-AIA": "Of the room left above the best guess without the model, the attacker takes at most this share.",
    "R-AIA-MEM": "Right guesses about people in the training data exceed those about outsiders by at most this much.",
    "R-MIA-ADV": ("The share of training records the attack names exceeds the share of outsiders it names by at most this much."),
    "R-MIA-TPR": "While 1 outsider in 1,000 is wrongly named, the attack names at most this share of the training people.",
    "R-INV": "An evaluator recognises at most this much more of the reconstructions than of pictures made without it.",
    "R-DI": "The rate at which a group is selected, divided by that of the best group, is at least this.",
    "R-DPV": "The attack gains at most this much more on one group than on everyone else.",
}
COARSER_MEANINGS: Mapping[str, str] = {
    "R-MIA-TPR": "While 1 outsider in 100 is wrongly named, the attack names at most this share of the training people.",
}
FEWER = "The same with fewer records"
LEVEL = "Every interval is drawn so that this share of such intervals holds the true value."
MARGIN = "A gain smaller than this is not worth a verdict: the attack then showed nothing."
GROUP = "Groups of fewer people are not shown."
POSITIVES = "Groups in which fewer people have the guessed value are not shown."
SEEDS = "Every attack is repeated with at least as many seeds."
COUNTED: Mapping[str, str] = {
    "members": "training records attacked",
    "control": "outsiders compared with",
    "identities": "classes rebuilt",
    "reconstructions_each": "reconstructions of each class",
    "group": "records in a group",
    "reference": "records in the best group",
}


@dataclass(frozen=True)
class Field:
    """One number of the policy. `unit` None is a count; `low` and `high` bound it as it is stored."""

    path: tuple[str, ...]
    label: str
    meaning: str
    value: float
    unit: Unit | None = None
    low: float = 0.0
    high: float = 1.0
    title: str = ""

    @property
    def key(self) -> str:
        """Its name in a form."""
        return "-".join(self.path)

    @property
    def printed(self) -> str:
        return numbers.count(int(self.value)) if self.unit is None else numbers.limit(self.value, self.unit)

    @property
    def typed(self) -> str:
        """The number as a person would type it."""
        return _plain(self.value, self.unit)

    @property
    def sign(self) -> str:
        return {Unit.SHARE: "%", Unit.POINTS: "points"}.get(self.unit, "") if self.unit else ""


@dataclass(frozen=True)
class Change:
    """One number that was given another value."""

    field: Field
    after: Field


@dataclass(frozen=True)
class Asked:
    """What somebody typed: the changes it makes, and per field what is wrong with it."""

    changes: tuple[Change, ...]
    problems: Mapping[str, str]


def limits_in(policy: Policy) -> list[Field]:
    """One field per rule, in the rules' order; a second where the rule has a limit for fewer records."""
    found = []
    for rule, limit in policy.limits.items():
        unit = UNITS[rule]
        label = f"{rule} limit"
        found.append(Field(("limits", rule, "value"), label, MEANINGS.get(rule, limit.title), limit.value, unit, title=limit.title))
        if limit.coarser:
            path, label = ("limits", rule, "coarser", "value"), f"{rule} limit with fewer records"
            found.append(Field(path, label, COARSER_MEANINGS[rule], limit.coarser.value, unit, title=FEWER))
    return found


def settings_in(policy: Policy) -> list[Field]:
    """What every test of the organisation is done with."""
    return [
        Field(("level",), "interval level", LEVEL, policy.level, Unit.SHARE, 0.9, 0.99),
        Field(("margin",), "smallest gain that counts", MARGIN, policy.margin, Unit.POINTS, 0.0001, 0.5),
        Field(("min_group",), "smallest group", GROUP, policy.min_group, None, 1, MOST_COUNTED),
        Field(("min_positives",), "fewest people with a value", POSITIVES, policy.min_positives, None, 1, MOST_COUNTED),
        Field(("attack_seeds",), "attack seeds", SEEDS, policy.attack_seeds, None, 1, 100),
    ]


def minimums_in(policy: Policy) -> list[Field]:
    """The data below which a rule gives no verdict."""
    return [
        Field(("limits", rule, "minimum", what), f"{rule} minimum", COUNTED[what], least, None, 1, MOST_COUNTED)
        for rule, limit in policy.limits.items()
        for what, least in limit.minimum.items()
    ] + [
        Field(
            ("limits", rule, "coarser", "minimum", what), f"{rule} minimum with fewer records", COUNTED[what], least, None, 1, MOST_COUNTED
        )
        for rule, limit in policy.limits.items()
        if limit.coarser
        for what, least in limit.coarser.minimum.items()
    ]


def fields_of(policy: Policy) -> list[Field]:
    return [*limits_in(policy), *settings_in(policy), *minimums_in(policy)]


def asked(policy: Policy, typed: Mapping[str, Any]) -> Asked:
    """What typing this into the form of `policy` would change. A field that is not there stays as it is."""
    changes, problems = [], {}
    for field in fields_of(policy):
        text = str(typed.get(field.key, field.typed))
        try:
            value = _read(field, text)
        except PolicyProblem as problem:
            problems[field.key] = str(problem)
            continue
        if value != field.value:
            changes.append(Change(field, Field(field.path, field.label, field.meaning, value, field.unit)))
    return Asked(tuple(changes), problems)


@transaction.atomic
def change_policy(*, by: User, organisation: Organisation, typed: Mapping[str, Any], reason: str, seen: int) -> PolicyVersion:
    """A new version with what was typed; plans frozen before keep theirs. `seen`: the version the person changed.

    Raises PolicyProblem, PermissionDenied.
    """
    if not may(by, organisation, Permission.CHANGE_POLICY):
        raise PermissionDenied(f"Only a privacy officer of {organisation.name} may change the policy.")
    Organisation.objects.select_for_update().get(pk=organisation.pk)
    before, found = changeable(organisation, typed, reason, seen)
    number = max(before.version, default_policy().version) + 1
    document = _with(before, found.changes, number)
    made = PolicyVersion(organisation=organisation, number=number, document=document, sha256=digest(document), by=by, reason=reason.strip())
    policy_from(document, str(made))
    made.save(force_insert=True)
    told = {c.field.key: [c.field.printed, c.after.printed] for c in found.changes}
    record(
        organisation, by, "changed the policy", made, {"version": number, "sha256": made.sha256, "before": before.sha256, "changed": told}
    )
    return made


def changeable(organisation: Organisation, typed: Mapping[str, Any], reason: str, seen: int) -> tuple[Policy, Asked]:
    """The policy now and what would change; raises PolicyProblem with the first thing that stands in the way."""
    now = policy_of(organisation)
    if now.version != seen:
        newest = policies_of(organisation).first()
        who = newest.by.name if newest else ""
        raise PolicyProblem(
            f"{who} made version {now.version} of the policy while you were changing version {seen}. Compare both, then save again."
        )
    found = asked(now, typed)
    if found.problems:
        raise PolicyProblem(next(iter(found.problems.values())))
    if not found.changes:
        raise PolicyProblem("No limit was changed, so there is nothing to save.")
    if not reason.strip():
        raise PolicyProblem("Say why the policy changes; an auditor will ask.")
    if len(reason.strip()) > 1_000:
        raise PolicyProblem("The reason has more than 1,000 characters. Shorten it.")
    return now, found


def _with(policy: Policy, changes: tuple[Change, ...], number: int) -> dict[str, Any]:
    """The policy's text with the changes. A limit that is no longer the installed one says that the organisation chose it."""
    document = copy.deepcopy({**default_policy().document, **policy.document})
    document["limits"] = copy.deepcopy({**default_policy().document["limits"], **document["limits"]})
    document["version"] = number
    for change in changes:
        place = document
        for step in change.field.path[:-1]:
            place = place[step]
        place[change.field.path[-1]] = change.after.value if change.field.unit else int(change.after.value)
    for rule, limit in document["limits"].items():
        installed = default_policy().document["limits"][rule]
        if _held_to(limit) == _held_to(installed):
            limit.update({key: installed[key] for key in ("source", "note", "status") if key in installed})
        elif _held_to(limit) != _held_to(policy.document["limits"].get(rule, installed)):
            limit.pop("status", None)
            was = " and ".join(numbers.limit(value, UNITS[rule]) for value in _held_to(installed))
            limit.update(
                source="POLICY",
                note=f"Chosen by the organisation in version {number}; the installed limit is {was}.",
            )
    return document


def _held_to(limit: Mapping[str, Any]) -> list[float]:
    """The limit as written, and the one for fewer records where there is one."""
    return [limit["value"], *([limit["coarser"]["value"]] if "coarser" in limit else [])]


def _read(field: Field, text: str) -> float:
    """The number in `text` as it is stored; raises PolicyProblem with one sentence."""
    text = text.strip().rstrip("%").strip().replace("\u2212", "-")
    # 1,000 and 1.000 are both a thousand where people are counted.
    text = re.sub(r"(?<=\d)[,.](?=\d{3}(\D|$))", "", text) if field.unit is None else text.replace(",", ".")
    number = _number(text)
    if not text:
        raise PolicyProblem(f"The {field.label} is empty. {_wanted(field)}")
    if number is None:
        raise PolicyProblem(f"The {field.label} “{text[:LONGEST_NUMBER]}” is no number. {_wanted(field)}")
    if field.unit is None and number != number.to_integral_value():
        raise PolicyProblem(f"The {field.label} {text} is no whole number. {_wanted(field)}")
    value = float(number / numbers.SCALE[field.unit]) if field.unit else float(number)
    if not field.low <= value <= field.high:
        side, bound = ("above", field.high) if value > field.high else ("below", field.low)
        percent = "%" if field.unit is Unit.SHARE else ""
        raise PolicyProblem(f"The {field.label} {text}{percent} is {side} {_plain(bound, field.unit)}{percent}. {_wanted(field)}")
    return value


def _number(text: str) -> Decimal | None:
    if len(text) > LONGEST_NUMBER or not text.isascii():
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    return number if isinstance(exponent, int) and -MOST_DECIMALS <= exponent <= LONGEST_NUMBER else None


def _wanted(field: Field) -> str:
    """Enter a ratio between 0 and 1."""
    what = {Unit.SHARE: "a percentage", Unit.POINTS: "points", None: "a whole number"}.get(field.unit, "a ratio")
    return f"Enter {what} between {_plain(field.low, field.unit)} and {_plain(field.high, field.unit)}."


def _plain(value: float, unit: Unit | None) -> str:
    """0.05 as 5 where it is a share, 0.8 as 0.8 where it is a ratio."""
    if unit is None:
        return numbers.count(int(value))
    return f"{(Decimal(repr(float(value))) * numbers.SCALE[unit]).normalize():f}"
