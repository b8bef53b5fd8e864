"""The whole path for one attack on one case: set up, ask, judge. The product runs the same three steps in two processes.

case = table_case(train, population, schema, Settings())
outcome = evaluate(Csmia(), target, case, feature="marital", settings=Settings())
outcome.judgement.verdict, outcome.judgement.rows
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from attacks.access import Access, Budget, Knowledge, Metered, Objective, Target
from attacks.blocks import BLOCK, Block, Parts, blocks_of, merged, part_of
from attacks.case import Case, ImageCase, TableCase
from attacks.errors import AccessDenied, BudgetTooSmall, NotApplicable
from attacks.located import located
from attacks.practice import SILENT, Lessons, seeds_of
from attacks.registry import registered
from attacks.result import Guess, Judgement, RunVerdict
from attacks.schema import Role
from attacks.settings import Settings, stream
from attacks.targets.sanity import Silent

Guesses = dict[str, list[Guess]]
# Which columns an objective is asked about, one run each; the others take a case as a whole.
ABOUT_ONE_COLUMN = {Objective.ATTRIBUTE_INFERENCE: Role.SENSITIVE, Objective.DISPARITY: Role.PROTECTED}
# Verdicts that rest on a comparison with outsiders.
COMPARING = {
    Objective.ATTRIBUTE_INFERENCE: (RunVerdict.MEMORISED, RunVerdict.MODEL_ADDS),
    Objective.MEMBERSHIP_INFERENCE: (RunVerdict.NOTHING, RunVerdict.POPULATION_ONLY),
}
Progress = Callable[[int, int, int], None]  # steps done, steps in all, questions asked


@dataclass(frozen=True)
class Outcome:
    judgement: Judgement
    queries: int


def stage_of(objective: Objective) -> Any:
    """The module that sets up and judges runs of `objective`; loaded only when such a run starts."""
    return import_module(f"attacks.{objective.value}.stage")


def check_applicable(attack: Any, case_kind: str, granted: Access) -> None:
    """Raise NotApplicable, in words for the report, where this attack cannot run on this kind of data or at this rung."""
    model = attack.threat_model
    if model.objective is Objective.MODEL_INVERSION and case_kind != "images":
        raise NotApplicable("Reconstructs images; these data are a table.")
    if model.objective in (Objective.ATTRIBUTE_INFERENCE, Objective.DISPARITY) and case_kind != "table":
        raise NotApplicable("Needs columns; these data are images.")
    if model.access > granted:
        raise AccessDenied(f"Needs {model.access.seen}, {granted.seen} were granted. Grant {model.access.seen} in a new plan to run it.")


def ruled_out(target: Metered) -> dict[str, str]:
    """The registered attacks that this kind of model rules out, each with why. Asks nothing."""
    found = {}
    for name, attack in registered().items():
        check = getattr(attack, "check_target", None)
        if check is None:
            continue
        try:
            check(attack(), target)
        except NotApplicable as refusal:
            found[name] = str(refusal)
    return found


def check_feature(attack: Any, case: Case, feature: str | None) -> None:
    """Raise NotApplicable where the attack is about one column and `feature` is none, or none of the inputs."""
    role = ABOUT_ONE_COLUMN.get(attack.threat_model.objective)
    if role is None or not isinstance(case, TableCase):
        return
    if feature is None:
        raise NotApplicable(f"schema.yaml gives no column the role {role}; name one to run this attack.")
    if feature not in case.train.inputs:
        raise NotApplicable(f"There is no input column {feature!r}.")


def check_input(attack: Any, feature: str | None, inputs: Collection[str] | None) -> None:
    """Raise NotApplicable where the attack tries values of `feature` on a model that does not take it.

    `inputs` are the columns the model takes, None where its file does not name them. Who holds an answer about the whole record
    may still learn from it what goes along with the column.
    """
    model = attack.threat_model
    if model.objective is not Objective.ATTRIBUTE_INFERENCE or Knowledge.OUTPUT_VECTOR in model.knows:
        return
    if feature is not None and inputs is not None and feature not in inputs:
        raise NotApplicable(
            f"The model does not take {feature!r}, so no value tried changes its answer; "
            "only attackers who hold its answers can learn something."
        )


def kind_of(case: Case) -> str:
    return "images" if isinstance(case, ImageCase) else "table"


def views(attack: Any, case: Case, feature: str | None, settings: Settings, disclosed: Any = None) -> Mapping[str, Any]:
    """What the attacker holds, per arm; never the truth. `disclosed` is what `disclosures` found, where the attack needs it."""
    return dict(stage_of(attack.threat_model.objective).views(case, feature, attack, settings, disclosed))


def needs_disclosures(attack: Any) -> bool:
    """Does this attacker hold something that the model once said about whole records?"""
    return bool(attack.threat_model.knows & {Knowledge.OUTPUT_VECTOR, Knowledge.PERFORMANCE})


def disclosures(attack: Any, target: Target, case: Case, settings: Settings) -> Any:
    """The target's answers about whole records, where the attack's threat model lets the attacker hold some; else None."""
    if not needs_disclosures(attack):
        return None
    return stage_of(attack.threat_model.objective).disclose(target, case, settings)


def ask(
    attack: Any,
    target: Target,
    held: Mapping[str, Any],
    *,
    feature: str | None,
    granted: Access,
    budget: Budget,
    settings: Settings,
    progress: Progress | None = None,
    block: int = BLOCK,
) -> tuple[Guesses, int]:
    """Guesses per arm, one for each attack seed, and how many questions were asked. Needs no truth."""
    blocks = blocks_of(attack, {arm: guesses_about(view) for arm, view in held.items()}, block)
    pieces = ((b, part_of(held[b.arm], b)) for b in blocks)
    parts, asked = ask_blocks(
        attack, target, pieces, len(blocks), feature=feature, granted=granted, budget=budget, settings=settings, progress=progress
    )
    return merged(parts, blocks, seeds_of(attack, settings)), asked


def ask_blocks(
    attack: Any,
    target: Target,
    pieces: Iterable[tuple[Block, Any]],
    count: int,
    *,
    feature: str | None,
    granted: Access,
    budget: Budget,
    settings: Settings,
    progress: Progress | None = None,
) -> tuple[Parts, int]:
    """Guesses about each of `count` blocks, which come with their part of the view, one at a time."""
    parts: Parts = {}
    # Some arms are another, simpler attacker that the referee sets beside this one.
    companions = getattr(stage_of(attack.threat_model.objective), "COMPANIONS", {})
    lessons, seeds = Lessons(attack, feature, granted, budget, settings), seeds_of(attack, settings)
    asked, done = 0, 0
    for block, view in pieces:
        silent = block.arm == SILENT
        answers = Silent(target.classes) if silent else target
        if silent:  # what it holds besides was kept once for all arms, with the target's own answers
            view = view.silenced()
        # All seeds of a block one after the other: a target that remembers its answers pays once for them.
        for s in range(seeds):
            share = block.share(budget)
            metered = Metered(answers, granted, share, threads=settings.threads)
            rng = stream(settings.seed, attack.name, feature or "", block.arm, str(s), *block.streams())
            try:
                learned = lessons.of(s, answers, view, silent)
                guess = companions.get(block.arm, attack).run(metered, view, budget=share, rng=rng, **learned)
            except BudgetTooSmall as refusal:
                raise BudgetTooSmall(_in_proportion(str(refusal), block)) from None
            parts[block.arm, s, block.number] = guess
            asked, done = asked + (0 if silent else metered.queries), done + 1
            if progress:
                progress(done, seeds * count, asked + lessons.queries)
    return parts, asked + lessons.queries


def _in_proportion(refusal: str, block: Block) -> str:
    if len(block) == block.of:
        return refusal
    return f"For {len(block):,} of the {block.of:,} records, with as large a part of the questions: {refusal}"


def guesses_about(view: Any) -> int:
    """How many guesses a view asks for: one per record, or per class."""
    return int(view.n_classes) if hasattr(view, "n_classes") else len(view)


def judge(attack: Any, case: Case, feature: str | None, guesses: Mapping[str, Any], settings: Settings) -> Judgement:
    """The referee's judgement with gates G1 and G2; needs no model."""
    stage = stage_of(attack.threat_model.objective)
    judged: Judgement = stage.judge(case, feature, attack, guesses, settings)
    gates = {**stage.gates(case, feature, attack, settings), **judged.gates}
    good = judged.verdict in (RunVerdict.NOTHING, RunVerdict.POPULATION_ONLY)
    # An attack that misses a planted leak has not shown that there is none.
    open_still = gates["G2"]["state"] == "failed" and good
    if gates.get("G1", {}).get("state") == "failed" and attack.threat_model.objective in COMPARING:
        # Members and outsiders differ by themselves: what lies between them is neither memory nor the lack of it.
        open_still = open_still or judged.verdict in COMPARING[attack.threat_model.objective]
        judged = replace(judged, train_gap=False)
    where = located(case, attack.threat_model.objective, feature, settings) if judged.per_record else {}
    verdict = RunVerdict.NOT_RESOLVABLE if open_still else judged.verdict
    return replace(judged, gates=gates, verdict=verdict, per_record={**judged.per_record, **where})


def evaluate(
    attack: Any,
    target: Target,
    case: Case,
    *,
    feature: str | None = None,
    settings: Settings | None = None,
    granted: Access = Access.WEIGHTS,
    budget: Budget | None = None,
) -> Outcome:
    """One attack on one case in this process. Raises the errors of attacks.errors."""
    settings, budget = settings or Settings(), budget or Budget()
    check_applicable(attack, kind_of(case), granted)
    check_feature(attack, case, feature)
    check_input(attack, feature, getattr(target, "columns", None))
    held = views(attack, case, feature, settings, disclosures(attack, target, case, settings))
    guesses, queries = ask(attack, target, held, feature=feature, granted=granted, budget=budget, settings=settings)
    return Outcome(judge(attack, case, feature, guesses, settings), queries)
