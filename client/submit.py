"""From files to an assessment: sent, opened by a worker, registered, handed in. Run again, it goes on where it was.

The same files with the same choices are the same assessment, because the word that makes handing in happen once (Idempotency-Key)
is made of them; `anew` asks for another one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .errors import Problem, Refused
from .files import Local, local, text_of
from .find import find
from .upload import opened, send
from .watch import NOTHING_MEASURED
from .wire import Wire

PROFILES = ("screening", "full")
RELEASES = ("label", "scores", "gradients", "weights")
EVERY = 1.0  # seconds between two questions what became of it
UNSEEN = 422


@dataclass(frozen=True)
class Case:
    """What is handed in. `system` is the AI system the model belongs to, by default one of its own name; an empty `release` is what
    that system says."""

    model: Path
    train: Path
    population: Path
    schema: Path
    name: str
    system: str = ""
    release: str = ""
    profile: str = PROFILES[0]

    @property
    def files(self) -> dict[str, tuple[Path, str]]:
        return {"model": (self.model, "model"), "train": (self.train, "data"), "population": (self.population, "data")}


@dataclass(frozen=True)
class Handed:
    """`known`: it was handed in before, with the same files and choices."""

    id: str
    number: str
    address: str
    known: bool


class Listener(Protocol):
    """Who shows how far it is."""

    def sending(self, name: str, size: int) -> None: ...
    def moved(self, name: str, held: int) -> None: ...
    def says(self, sentence: str) -> None: ...


class Silent:
    """Nobody looks."""

    def sending(self, name: str, size: int) -> None:
        return None

    def moved(self, name: str, held: int) -> None:
        return None

    def says(self, sentence: str) -> None:
        return None


def submit(wire: Wire, case: Case, listener: Listener | None = None, *, anew: bool = False) -> Handed:
    """The assessment that the case became. Raises Problem; nothing is asked of the server while a file is missing here."""
    shown = listener or Silent()
    schema = text_of(case.schema)
    files = {part: local(path, kind) for part, (path, kind) in case.files.items()}
    system = _system(wire, case)
    uploads = {part: _sent(wire, file, shown) for part, file in files.items()}
    for part, file in files.items():
        opened(wire, uploads[part], file.path.name, shown.says)
    model = {"upload": uploads["model"], "system": system, "name": case.name}
    asked = {"model_version": wire.post("model-versions/", model)["id"], "profile": case.profile}
    for part in ("train", "population"):
        data = {"upload": uploads[part], "name": f"{case.name} {part}", "schema": schema}
        asked[part] = wire.post("dataset-versions/", data)["id"]
    if case.release:
        asked["release"] = case.release
    return _handed_in(wire, asked, shown, anew)


def _sent(wire: Wire, file: Local, shown: Listener) -> str:
    name = file.path.name
    shown.sending(name, file.size)
    return send(wire, file, lambda held: shown.moved(name, held))


def _system(wire: Wire, case: Case) -> int:
    """The id of the AI system of that name, added where there is none."""
    name = case.system or case.name
    for _ in range(2):
        if found := wire.get("systems/", name=name)["results"]:
            return int(found[0]["id"])
        try:
            return int(wire.post("systems/", {"name": name, "release": case.release or "scores"})["id"])
        except Refused as refused:
            if refused.status != UNSEEN:
                raise
            problem = refused  # a sibling added it, or the answer to a first try was lost
    raise problem


def _handed_in(wire: Wire, asked: dict[str, Any], shown: Listener, anew: bool) -> Handed:
    word = secrets.token_hex(16) if anew else hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    told = wire.post("assessments/", asked, **{"Idempotency-Key": word})
    known = told["status"] != "checking"
    if told["status"] == "refused" and not anew:
        return _handed_in(wire, asked, shown, anew=True)  # what was refused back then may do today
    while told["status"] == "checking":
        shown.says(told["sentence"])
        time.sleep(EVERY)
        told = wire.get(f"submissions/{told['id']}/")
    if told["status"] == "refused":
        raise Problem(told["sentence"])
    found = find(wire, told["id"])
    if known and found["state"] in NOTHING_MEASURED:
        shown.says(NOTHING_MEASURED[found["state"]].format(code=found["code"]) + " Handing in anew.")
        return _handed_in(wire, asked, shown, anew=True)
    return Handed(found["id"], found["code"], f"{wire.server.url}/assessments/{found['id']}/", known)
