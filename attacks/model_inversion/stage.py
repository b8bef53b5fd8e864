"""How a model-inversion run is set up from a case, and handed to its referee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from attacks.access import Access, Array, Budget, Metered
from attacks.case import ImageCase
from attacks.data import Images
from attacks.model_inversion.baselines import BestPublic
from attacks.model_inversion.referee import judge_inversion
from attacks.model_inversion.sanity import planted_network, silent_network
from attacks.model_inversion.view import InversionView
from attacks.result import InversionGuess, Judgement
from attacks.settings import Settings, stream
from attacks.statistics.rates import clopper_pearson
from attacks.verdict import gate

FLOOR = "floor"
# With two classes one reconstruction each would prove nothing, so gate G2 repeats the attack until it has this many.
FEWEST_REBUILT = 20
# Beside every attack: the attacker who only picks among public images by the model's score.
COMPANIONS = {FLOOR: BestPublic()}


def views(case: ImageCase, feature: str | None, attack: Any, settings: Settings, disclosed: Any = None) -> dict[str, InversionView]:
    """The attacker knows the shape of an image and the classes; its simpler companion also holds public images."""
    shape, classes = tuple(case.train.pixels.shape[1:]), len(case.train.classes)
    held = {"classes": InversionView(shape, classes)}
    public = _public(case)
    if len(public):
        held[FLOOR] = InversionView(shape, classes, public=public.pixels)
    return held


def _public(case: ImageCase) -> Images:
    return case.memo.once("public", lambda: case.population.take(case.split.public))


def judge(
    case: ImageCase, feature: str | None, attack: Any, guesses: Mapping[str, Sequence[InversionGuess]], settings: Settings
) -> Judgement:
    """The referee's judgement by an evaluator learned from images the target never saw."""
    evaluator = case.memo.once("evaluator images", lambda: case.population.take(case.split.evaluator))
    return judge_inversion(
        guesses["classes"],
        train_images=case.train.pixels,
        train_labels=case.train.labels,
        held_out_images=case.control.pixels,
        held_out_labels=case.control.labels,
        evaluator_images=evaluator.pixels,
        evaluator_labels=evaluator.labels,
        public_images=_public(case).pixels,
        n_classes=len(case.train.classes),
        class_names=[str(c) for c in case.train.classes],
        level=settings.level,
        margin=settings.margin,
        rng=stream(settings.seed, "inversion", attack.name),
        floor=guesses.get(FLOOR, ()),
    )


def gates(case: ImageCase, feature: str | None, attack: Any, settings: Settings) -> dict[str, dict[str, str]]:
    """G2: the attack rebuilds images planted in a network and nothing from a silent one. G1 is the referee's own."""
    return {"G2": case.memo.once(("G2", attack.name), lambda: sanity(case, attack, settings))}


def sanity(case: ImageCase, attack: Any, settings: Settings) -> dict[str, str]:
    """Gate G2, by the independent evaluator."""
    from attacks.model_inversion.evaluator import train_evaluator

    images = case.population.take(case.split.evaluator)
    k, shape = len(case.train.classes), tuple(case.train.pixels.shape[1:])
    evaluator = train_evaluator(images.pixels, images.labels, k)
    n, counted = k * ceil(FEWEST_REBUILT / k), []
    for network in (planted_network(case.train.pixels, case.train.labels, case.train.classes), silent_network(shape, case.train.classes)):
        rebuilt = [_rebuilt(attack, network, shape, settings, str(again)) for again in range(n // k)]
        counted.append(sum(int(evaluator.hits(guess.images, guess.classes).sum()) for guess in rebuilt))
    caught, chance = (clopper_pearson(hits, n) for hits in counted)
    told = f"of {n} rebuilt images the evaluator recognises {counted[0]} planted in a network, and {counted[1]} of a silent network"
    # Clearly above one guess in k from the planted network, not from the silent one. No fixed share would do: on faces the
    # evaluator itself recognises only some single images.
    if caught.low > 1 / k >= chance.low:
        return dict(gate("passed", f"The test itself works: {told}."))
    return dict(gate("failed", f"The test itself does not work here: {told}."))


def _rebuilt(
    attack: Any, network: tuple[dict[str, Array], dict[str, Any]], shape: tuple[int, ...], settings: Settings, again: str
) -> InversionGuess:
    from attacks.targets.torch_network import target_from

    target = target_from(*network)
    view = InversionView(shape, len(target.classes))
    guess: InversionGuess = attack.run(
        Metered(target, Access.GRADIENTS), view, budget=Budget(), rng=stream(settings.seed, "sanity", attack.name, again)
    )
    return guess
