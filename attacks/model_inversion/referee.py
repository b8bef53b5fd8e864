"""The arithmetic of model inversion: reconstructions against real images, one class being one unit.

Arms: `attack` the reconstructions; `baseline` the best attacker who never queries the target; `floor` the best public
image by the target's score; `ceiling` real held-out images. `advantage` = attack - baseline, paired over classes.
`memorisation` = share of classes whose reconstruction lies nearer to training than to held-out images, minus one half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from attacks.access import Array
from attacks.errors import DataProblem
from attacks.metrics.images import residual_correlation, ssim
from attacks.model_inversion.baselines import without_the_model
from attacks.model_inversion.evaluator import LEAST_ACCURACY, Evaluator, train_evaluator
from attacks.model_inversion.nearness import Nearness, nearness
from attacks.result import Arm, Estimate, InversionGuess, Judgement, Row, RunVerdict
from attacks.statistics.outcomes import paired_difference, rate
from attacks.statistics.power import minimum_detectable_gain
from attacks.statistics.rates import around, mean_interval
from attacks.verdict import Answer, answers, gate, one_verdict

OBJECTIVE = "model_inversion"
ENDPOINT = "top1"
TOP = {"top1": 1, "top5": 5}
NAMED = 10
PROTOTYPE = "What is shown is a class prototype: the typical look of a class, put together from many training images."


@dataclass(frozen=True)
class Gallery:
    """The real images only the referee holds. `train` made the target; the other three it never saw. All disjoint."""

    train: Array
    train_labels: Array
    held_out: Array
    held_out_labels: Array
    evaluator: Array
    evaluator_labels: Array
    public: Array
    n_classes: int


@dataclass(frozen=True)
class Contest:
    """Per class, in [0, 1]: how often each arm's image was recognised among the first `top` guesses."""

    attack: Array
    baseline: Array
    floor: Array | None
    ceiling: Array

    def advantage(self, level: float) -> Estimate:
        return paired_difference(self.attack, self.baseline, level=level)


def judge_inversion(
    guesses: Sequence[InversionGuess],
    *,
    train_images: Array,
    train_labels: Array,
    held_out_images: Array,
    held_out_labels: Array,
    evaluator_images: Array,
    evaluator_labels: Array,
    public_images: Array,
    n_classes: int,
    class_names: Sequence[str],
    level: float,
    margin: float,
    rng: np.random.Generator,
    floor: Sequence[InversionGuess] = (),
) -> Judgement:
    """The judgement of one inversion attack over its seeds (one guess per seed, one image per class in each).

    Images are (n, *shape) in [0, 1]; labels (n,) class positions. `floor` are guesses of `BestPublic`. Raises DataProblem
    when a guess is not one finite image per class, or a set that is needed is empty.
    """
    gallery = Gallery(
        train_images, train_labels, held_out_images, held_out_labels, evaluator_images, evaluator_labels, public_images, n_classes
    )
    baseline_rng, nearness_rng, blind_rng = rng.spawn(3)
    _require_images(gallery)
    images, floors = _by_class(guesses, gallery), _by_class(floor, gallery) if floor else None
    evaluator = train_evaluator(evaluator_images, evaluator_labels, n_classes)
    quality = rate(evaluator.hits(train_images, train_labels), level=level)
    without = without_the_model(public_images, n_classes, baseline_rng)
    best = max(without, key=lambda name: recognised(evaluator, without[name]).mean())
    contests = {name: _contest(evaluator, images, without[best], floors, gallery, top) for name, top in TOP.items() if top < n_classes}
    near = near_training(images, gallery, nearness_rng)
    blind = _blind_gate(gallery, level, blind_rng)
    verdict, gap = _verdict(contests[ENDPOINT], near, quality, blind["state"] == "passed", margin, level)
    return Judgement(
        rows=(*_recognition_rows(contests, quality, level), *_likeness_rows(images, without[best], near, gallery, level, baseline_rng)),
        verdict=verdict,
        endpoint=ENDPOINT,
        power=_power(contests[ENDPOINT], n_classes),
        train_gap=gap,
        notes=_notes(contests[ENDPOINT], near, len(train_images), quality, best, verdict, class_names),
        gates={"G1": blind},
        per_record=_by_class_kept(contests[ENDPOINT], near, evaluator, images[0], without[best][0], gallery),
    )


def _by_class_kept(
    contest: Contest, near: Nearness, evaluator: Evaluator, shown: Array, without: Array, gallery: Gallery
) -> dict[str, Array]:
    """What is kept of each class: how it was judged, and what stands beside the reconstruction of the first seed in a gallery.

    `class_average` is NaN for classes without training images. The evaluator's words (`read_as`, `without_read_as`) are positions
    of classes.
    """
    average = np.full((gallery.n_classes, *gallery.train.shape[1:]), np.nan, dtype=np.float32)
    for k in np.unique(gallery.train_labels):
        average[k] = gallery.train[gallery.train_labels == k].mean(axis=0)
    return {
        "top1": contest.attack,
        "baseline": contest.baseline,
        "nearer_to_training": near.signs,
        "train_distance": near.train,
        "held_out_distance": near.held_out,
        "class_average": average,
        "without_model": without.astype(np.float32),
        "read_as": evaluator.ranking(shown)[:, 0],
        "without_read_as": evaluator.ranking(without)[:, 0],
    }


def _require_images(gallery: Gallery) -> None:
    for images, what in ((gallery.train, "training"), (gallery.held_out, "held-out"), (gallery.public, "public")):
        if not len(images):
            raise DataProblem(f"There are no {what} images, so reconstructions cannot be judged.")


def recognised(evaluator: Evaluator, images: Array, top: int = 1) -> Array:
    """(k,) share of the images (m, k, *shape) of each class that the evaluator takes for that class."""
    m, k = images.shape[:2]
    hits = evaluator.hits(images.reshape(m * k, *images.shape[2:]), np.tile(np.arange(k), m), top)
    share: Array = hits.reshape(m, k).mean(axis=0)
    return share


def near_training(images: Array, gallery: Gallery, rng: np.random.Generator) -> Nearness:
    """`nearness` of images (m, k, *shape) to the gallery's training and held-out images."""
    return nearness(images, gallery.train, gallery.train_labels, gallery.held_out, gallery.held_out_labels, gallery.n_classes, rng)


def _by_class(guesses: Sequence[InversionGuess], gallery: Gallery) -> Array:
    """(seeds, k, *shape), images in the order of the classes."""
    wanted, shape = np.arange(gallery.n_classes), gallery.train.shape[1:]
    if not guesses:
        raise DataProblem("There is no reconstruction to judge.")
    for guess in guesses:
        if not np.array_equal(np.sort(guess.classes), wanted) or np.shape(guess.images) != (len(wanted), *shape):
            raise DataProblem(f"An inversion must give one image of shape {shape} for each of the {len(wanted):,} classes.")
        if not np.isfinite(guess.images).all():
            raise DataProblem("A reconstruction holds NaN or infinity.")
    return np.stack([guess.images[np.argsort(guess.classes)] for guess in guesses])


def _contest(evaluator: Evaluator, images: Array, without: Array, floors: Array | None, gallery: Gallery, top: int) -> Contest:
    real = evaluator.hits(gallery.held_out, gallery.held_out_labels, top)
    per_class = [real[gallery.held_out_labels == k] for k in range(gallery.n_classes)]
    return Contest(
        attack=recognised(evaluator, images, top),
        baseline=recognised(evaluator, without, top),
        floor=None if floors is None else recognised(evaluator, floors, top),
        ceiling=np.array([hits.mean() for hits in per_class if hits.size]),
    )


def _verdict(contest: Contest, near: Nearness, quality: Estimate, alike: bool, margin: float, level: float) -> tuple[RunVerdict, bool]:
    """The run verdict over the one endpoint, and whether only the train gap shows.

    Without a yes on memorisation an advantage stays `model_adds`: a class prototype is what it proves, whether or not
    the number of classes would have sufficed to prove more.
    """
    if quality.value < LEAST_ACCURACY:
        return RunVerdict.NOT_RESOLVABLE, False
    a = answers([contest.advantage], margin, level)[0]
    m = answers([near.estimate], margin, level)[0] if alike and near.compared else Answer.UNRESOLVED
    if a is Answer.YES and m is not Answer.YES:
        return RunVerdict.MODEL_ADDS, False
    return one_verdict(a, m, rate(contest.attack, level=level).low > 1 / len(contest.attack))


def _blind_gate(gallery: Gallery, level: float, rng: np.random.Generator) -> dict[str, str]:
    """Gate G1: images that the target never saw must lie as near to the held-out as to the training images.

    One evaluator image per class stands where a reconstruction would. A failure means that the two sets differ by
    themselves, so nearness to training says nothing about the model.
    """
    chosen = [rng.choice(np.flatnonzero(gallery.evaluator_labels == k)) for k in range(gallery.n_classes)]
    real = gallery.evaluator[chosen][None]
    blind = near_training(real, gallery, rng)
    if not blind.compared:
        return dict(gate("not_measured", "No class has both training and held-out images."))
    e = blind.estimate(level)
    told = f"{blind.nearer:,} of {blind.compared:,} unseen images lie nearer to training than to held-out images"
    if e.low > 0 or e.high < 0:
        return dict(gate("failed", f"Training and held-out images differ by themselves: {told}."))
    return dict(gate("passed", f"Training and held-out images look alike: {told}."))


def _recognition_rows(contests: Mapping[str, Contest], quality: Estimate, level: float) -> list[Row]:
    rows = []
    for name in TOP:
        contest, reason = contests.get(name), "no query-only attacker was run"
        if contest is None:
            reason = "with five classes or fewer every guess is among the first five"
        elif quality.value < LEAST_ACCURACY:
            contest, reason = None, _weak_evaluator(quality)
        for arm, estimate in _recognition(contest, level).items():
            rows.append(Row(f"{OBJECTIVE}.{name}", arm, estimate, reason="" if estimate else reason))
    return rows


def _recognition(contest: Contest | None, level: float) -> dict[Arm, Estimate | None]:
    if contest is None:
        return dict.fromkeys((Arm.ATTACK, Arm.BASELINE, Arm.FLOOR, Arm.CEILING, Arm.ADVANTAGE))
    return {
        Arm.ATTACK: rate(contest.attack, level=level),
        Arm.BASELINE: rate(contest.baseline, level=level),
        Arm.FLOOR: None if contest.floor is None else rate(contest.floor, level=level),
        Arm.CEILING: rate(contest.ceiling, level=level),
        Arm.ADVANTAGE: contest.advantage(level),
    }


def _likeness_rows(images: Array, without: Array, near: Nearness, gallery: Gallery, level: float, rng: np.random.Generator) -> list[Row]:
    """How alike the reconstructions are to the real images, for the attack and for the best attacker without the model."""
    rows = []
    for arm, shown in ((Arm.ATTACK, images), (Arm.BASELINE, without)):
        seen = near if arm is Arm.ATTACK else near_training(shown, gallery, rng)
        correlation, structure = _to_class_means(shown, gallery)
        for name, values, floor, ceiling in (
            ("residual_correlation", correlation, -1.0, 1.0),
            ("ssim", structure, -1.0, 1.0),
            ("nearest_train_distance", seen.train, 0.0, 2.0),
            ("nearest_held_out_distance", seen.held_out, 0.0, 2.0),
        ):
            rows.append(_mean_row(f"{OBJECTIVE}.{name}", arm, values, floor, ceiling, level))
    reason = "no class has both training and held-out images"
    share = near.estimate(level) if near.compared else None
    rows.append(Row(f"{OBJECTIVE}.nearer_to_training", Arm.MEMORISATION, share, reason="" if share else reason))
    return rows


def _to_class_means(shown: Array, gallery: Gallery) -> tuple[Array, Array | None]:
    """(k,) residual correlation and SSIM of images (m, k, *shape) with the mean training image of their class.

    NaN for classes without training images; SSIM is None for records that are no pictures.
    """
    with_images = np.isin(np.arange(gallery.n_classes), gallery.train_labels)
    means = np.stack([gallery.train[gallery.train_labels == k].mean(axis=0) for k in np.flatnonzero(with_images)])
    mine, public = shown[:, with_images].astype(np.float64), gallery.public.mean(axis=0)
    correlation, structure = np.full(gallery.n_classes, np.nan), np.full(gallery.n_classes, np.nan)
    correlation[with_images] = np.mean([residual_correlation(part, means, public) for part in mine], axis=0)
    if means.ndim < 3:
        return correlation, None
    structure[with_images] = np.mean([ssim(channels_last(part), channels_last(means), 1.0) for part in mine], axis=0)
    return correlation, structure


def channels_last(images: Array) -> Array:
    """(n, c, h, w) as (n, h, w, c); grey (n, h, w) as it is."""
    return np.moveaxis(images, 1, -1) if images.ndim == 4 else images


def _mean_row(measure: str, arm: Arm, values: Array | None, floor: float, ceiling: float, level: float) -> Row:
    if values is None:
        return Row(measure, arm, None, reason="the records are no pictures")
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return Row(measure, arm, None, n=len(known), reason="needs at least two classes with training and held-out images")
    e = mean_interval(known, level)
    return Row(measure, arm, around(e.value, max(e.low, floor), min(e.high, ceiling), e.n))


def _power(contest: Contest, n_classes: int) -> dict[str, object]:
    """What this many classes could have shown over the best attacker without the model."""
    detectable = minimum_detectable_gain(n_classes, float(contest.baseline.mean()))
    sentence = f"With {n_classes:,} classes no gain would have shown (80 % power, one-sided 5 %)."
    if detectable is not None:
        sentence = (
            f"With {n_classes:,} classes a gain of {detectable * 100:.1f} points or more would have shown (80 % power, one-sided 5 %)."
        )
    return {"n": n_classes, "detectable": detectable, "sentence": sentence}


def _weak_evaluator(quality: Estimate) -> str:
    return (
        f"the evaluator recognises {quality.value:.1%} of real training images and {LEAST_ACCURACY:.0%} are needed; "
        "more images per class that the target never saw would settle it"
    )


def _notes(
    contest: Contest, near: Nearness, trained_on: int, quality: Estimate, best: str, verdict: RunVerdict, class_names: Sequence[str]
) -> tuple[str, ...]:
    if quality.value < LEAST_ACCURACY:
        return (f"No verdict: {_weak_evaluator(quality)}.",)
    notes = [
        f"An evaluator that never saw the training images recognises {quality.value:.1%} of them "
        f"[{quality.low:.1%}, {quality.high:.1%}], which is what reconstructions are held against.",
        f"The best attacker without the model shows a {best} of the public images.",
    ]
    always = [str(name) for name, found in zip(class_names, contest.attack, strict=True) if found == 1]
    if always:
        rest = f" and {len(always) - NAMED:,} more" if len(always) > NAMED else ""
        notes.append(f"Recognised with every attack seed: {', '.join(always[:NAMED])}{rest}.")
    if near.compared:
        notes.append(
            f"{near.nearer:,} of {near.compared:,} reconstructions lie nearer to training images than to equally many held-out ones."
        )
    if near.compared and near.drawn < trained_on:
        notes.append(
            f"{near.drawn:,} of {trained_on:,} training images took part in that comparison, as many as there are held-out ones; "
            "a person on one of the others may be remembered without showing here."
        )
    if near.compared < len(contest.attack):
        notes.append(
            f"{len(contest.attack) - near.compared:,} classes lack training or held-out images and were left out of that comparison."
        )
    if verdict is RunVerdict.MODEL_ADDS:
        notes.append(PROTOTYPE)
    return tuple(notes)
