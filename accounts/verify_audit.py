"""Checks an exported audit trail without this program's database: `python -m accounts.verify_audit EXPORT [--head DIGEST]`.

Needs Python alone. Ends with 0 where the trail is intact, with 1 where it is not, and with 2 where EXPORT cannot be read. A
trail that somebody shortened, or wrote anew from some entry on, is whole in itself: only a head kept elsewhere, such as the
one printed in a signed report, shows that. Give it with --head; an older head than the newest is found on the way.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from accounts.chain import GENESIS, Link

FORM = "inversight.audit/1"
DIGEST = re.compile(r"[0-9a-f]{64}")
KINDS: dict[str, tuple[type, ...]] = {
    "organisation": (int,),
    "number": (int,),
    "at": (str,),
    "actor": (int, type(None)),
    "action": (str,),
    "object": (str,),
    "detail": (str,),
    "previous": (str,),
    "digest": (str,),
}
LONGEST_LINE = 10_000_000


class Unreadable(Exception):
    """The file is no exported trail; the message says where."""


class Broken(Exception):
    """The trail is not what was written; the message names the entry."""


@dataclass
class Promise:
    """What the export says of itself in its first line."""

    entries: int
    head: str


@dataclass
class Followed:
    """How far the chain was followed."""

    entries: int = 0
    head: str = GENESIS
    organisation: int | None = None


def verified(path: Path, head: str = "") -> Followed:
    """Follow the trail in `path` from its first entry to its last; raises Unreadable or Broken."""
    promise: Promise | None = None
    followed, seen_head = Followed(), head in ("", GENESIS)
    for line, entry in _lines(path):
        if line == 1 and "form" in entry:
            promise = _promise(entry)
            continue
        link, digest = _link(entry, line)
        _follow(path, followed, link, digest)
        seen_head = seen_head or digest == head
    if promise is not None and followed.entries < promise.entries:
        lost = promise.entries - followed.entries
        raise Broken(f"Entry {followed.entries + 1:,} is missing: the last {lost:,} of {promise.entries:,} entries were cut off.")
    if promise is not None and (followed.entries, followed.head) != (promise.entries, promise.head):
        raise Broken(
            f"Entry {followed.entries:,} is not the last one the export names in its first line: entries were added or written anew."
        )
    if not seen_head:
        raise Broken(
            f"No entry up to {followed.entries:,} has the given head: entries were cut off after it, or the trail was written anew."
        )
    return followed


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(encoding="utf-8") as lines:
            number = 0
            while text := lines.readline(LONGEST_LINE):
                number += 1
                try:
                    entry = json.loads(text)
                except (ValueError, RecursionError):
                    raise Unreadable(f"Line {number:,} is no JSON.") from None
                if not isinstance(entry, dict):
                    raise Unreadable(f"Line {number:,} is no entry.")
                yield number, entry
    except UnicodeDecodeError:
        raise Unreadable(f"{path.name} is no text.") from None
    except OSError as problem:
        raise Unreadable(f"{path.name} cannot be read ({problem.strerror}).") from None
    if number == 0:
        raise Unreadable(f"{path.name} is empty.")


def _promise(entry: dict[str, Any]) -> Promise:
    entries, head = entry.get("entries"), entry.get("head")
    if entry["form"] != FORM or type(entries) is not int or not isinstance(head, str):
        raise Unreadable(f"Line 1 is not the beginning of an export of the form {FORM}.")
    return Promise(entries, head)


def _link(entry: dict[str, Any], line: int) -> tuple[Link, str]:
    for name, kinds in KINDS.items():
        if type(entry.get(name)) not in kinds:
            raise Unreadable(f"Line {line:,} is no entry: {name} is missing or of the wrong kind.")
    if entry.keys() - KINDS.keys():
        raise Broken(f"Entry {entry['number']:,} holds more than was written: {sorted(entry.keys() - KINDS.keys())[0]!r}.")
    try:
        at = datetime.fromisoformat(entry["at"])
    except ValueError:
        raise Unreadable(f"Line {line:,} is no entry: at is no time.") from None
    fields = {name: entry[name] for name in KINDS if name not in ("at", "digest")}
    return Link(at=at, **fields), entry["digest"]


def _follow(path: Path, followed: Followed, link: Link, digest: str) -> None:
    expected = followed.entries + 1
    if followed.organisation not in (None, link.organisation):
        raise Broken(f"Entry {link.number:,} comes from the trail of another organisation.")
    if link.number < expected:
        raise Broken(f"Entry {link.number:,} stands after entry {followed.entries:,}: it was moved or doubled.")
    if link.number > expected:
        moved = any(entry.get("number") == expected for _, entry in _lines(path))
        raise Broken(
            f"Entry {link.number:,} stands before entry {expected:,}: the order was changed."
            if moved
            else f"Entry {expected:,} is missing before entry {link.number:,}."
        )
    try:
        recomputed = link.digest()
    except (ValueError, OverflowError):
        recomputed = ""
    if recomputed != digest:
        raise Broken(f"Entry {link.number:,} was changed after it was written.")
    if link.previous != followed.head:
        raise Broken(f"Entry {link.number:,} does not follow the entry before it: one of the two was replaced.")
    followed.entries, followed.head, followed.organisation = link.number, digest, link.organisation


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m accounts.verify_audit", description="Check an exported audit trail.")
    parser.add_argument("export", type=Path, help="the .jsonl file from the audit page")
    parser.add_argument("--head", default="", metavar="DIGEST", help="a digest kept elsewhere, which the trail must hold")
    given = parser.parse_args(arguments)
    head = given.head.strip().lower()
    if head and not DIGEST.fullmatch(head):
        print("The head is 64 characters from 0 to 9 and a to f.", file=sys.stderr)
        return 2
    try:
        followed = verified(given.export, head)
    except Unreadable as problem:
        print(problem, file=sys.stderr)
        return 2
    except Broken as problem:
        print(problem)
        return 1
    print(f"Intact to entry {followed.entries:,}, head {followed.head}.")
    if not head:
        print("Entries cut off the end show only against a head kept elsewhere: compare, or give it with --head.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
