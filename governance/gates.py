"""The validity gates as pure functions of plain values: may anything be concluded from a run at all?

G1 members and outsiders comparable, G2 the attack itself works (measured by the caller), G3 enough records,
G4 repeatable, G5 the attacker is as strong as the release allows, G6 a recovery of personal data confirmed by a person.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance import numbers
from governance.measured import Gate, GateState, Measured
from governance.numbers import Unit

# What an attacker of the released model can see, and how a sentence says it; each rung includes those before it.
RUNGS = {
    "none": "nothing",
    "label": "labels",
    "top_k": "the likeliest classes",
    "scores": "scores",
    "logits": "logits",
    "activations": "inner layers",
    "gradients": "gradients",
    "weights": "the weights",
}
COUNTED = {
    "members": "training records",
    "control": "outsiders",
    "identities": "identities",
    "reconstructions_each": "reconstructions of each identity",
    "group": "records in the group",
    "reference": "records in the reference group",
}


def blind_gate(value: float, low: float, high: float, *, limit: float) -> Gate:
    """G1 from the blind AUC (value and interval): fails only when low > 0.5 and value > `limit`."""
    shown = numbers.interval(value, low, high, Unit.NUMBER, against=limit)
    if low > 0.5 and value > limit:
        return Gate("G1", GateState.FAILED, f"A test that never sees the model tells training people from outsiders ({shown}).")
    return Gate("G1", GateState.PASSED, f"A test that never sees the model does not tell training people from outsiders ({shown}).")


def size_gate(found: Mapping[str, int | None], minimum: Mapping[str, int]) -> Gate:
    """G3: every count that `minimum` names is known and large enough."""
    for what, needed in minimum.items():
        have = found.get(what)
        if have is None:
            return Gate(
                "G3", GateState.NOT_MEASURED, f"The number of {COUNTED[what]} was not recorded; {numbers.count(needed)} are needed."
            )
        if have < needed:
            detail = f"There are {numbers.count(have)} {COUNTED[what]}; {numbers.count(needed)} are needed."
            return Gate("G3", GateState.FAILED, detail)
    return Gate("G3", GateState.PASSED, "There are enough records.")


def size_gate_of(measured: Measured, minimum: Mapping[str, int]) -> Gate:
    """G3 of one measurement."""
    return size_gate({what: measured.size(what) for what in minimum}, minimum)


def repeat_gate(seeds: int, *, hashes_recorded: bool, needed: int) -> Gate:
    """G4: at least `needed` attack seeds, and the hashes of model, data and plan on record."""
    if not hashes_recorded:
        return Gate("G4", GateState.FAILED, "The hashes of model, data and plan were not recorded, so the run cannot be repeated.")
    if seeds < needed:
        return Gate("G4", GateState.FAILED, f"The attack ran with {seeds} of the {needed} seeds needed to tell its luck from its skill.")
    return Gate("G4", GateState.PASSED, f"The attack ran with {seeds} seeds; model, data and plan are hashed.")


def access_gate(access: str, release: str) -> Gate:
    """G5: the attacker tested sees at least what the release shows. Raises ValueError for a word that is no rung."""
    ladder = list(RUNGS)
    for rung in (access, release):
        if rung not in RUNGS:
            raise ValueError(f"{rung!r} is no rung of access; choose one of {', '.join(RUNGS)}.")
    if ladder.index(access) < ladder.index(release):
        return Gate("G5", GateState.FAILED, f"The attacker tested saw {RUNGS[access]}; the released model shows {RUNGS[release]}.")
    return Gate("G5", GateState.PASSED, f"The attacker tested saw {RUNGS[access]}; the released model shows {RUNGS[release]}.")


def recovery_gate(confirmed: int) -> Gate:
    """G6: no person has confirmed that personal data of a training subject were recovered."""
    if confirmed:
        what = "a recovery" if confirmed == 1 else f"{numbers.count(confirmed)} recoveries"
        return Gate("G6", GateState.FAILED, f"A person confirmed {what} of real personal data from the training data.")
    return Gate("G6", GateState.PASSED, "No recovery of personal data was confirmed by a person.")
