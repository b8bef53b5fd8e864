"""MI-FACE: Fredrikson, Jha & Ristenpart, "Model inversion attacks that exploit confidence information", CCS 2015, section 5.

Gradient descent from a black image on a cost that falls as the model grows surer of the class, with a `Process` step
after each move. All classes descend in one batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from attacks.access import Access, Array, Budget, Knowledge, Metered, Objective, ThreatModel
from attacks.model_inversion.view import InversionView
from attacks.registry import register
from attacks.result import InversionGuess

# Adam (Kingma & Ba 2015): decay of the mean gradient and of its mean square.
MEAN_DECAY, SQUARE_DECAY = 0.5, 0.9
# A cost that falls by less counts as standing still.
LEAST_GAIN = 1e-3


@register
@dataclass(frozen=True, kw_only=True)
class MiFace:
    """Minimise, per class c, -log f_c(x) + `total_variation` TV(x) + `l2` mean(x^2), clipped to the pixel range.

    -log f_c and the paper's 1 - f_c fall together, but the logarithm keeps its slope where f_c is tiny, so a class that
    the black image says nothing about still gets going. TV (mean absolute step between neighbours) and L2, with x scaled
    to [0, 1], are this library's Process. `step` and `start_noise` are in units of the pixel range.

    A class stops once its confidence reaches `threshold`, or once its cost has stood still for `window` steps; its
    cheapest image is kept. Every `check_every` steps the confidence is asked for, one question per image beside the one
    that each gradient costs. A budget too small for all `steps` buys as many as it can, at least one.
    """

    name: ClassVar[str] = "model_inversion.mi_face"
    summary: ClassVar[str] = "draws, by the model's gradients, the image that each class is surest about"
    threat_model: ClassVar[ThreatModel] = ThreatModel(Objective.MODEL_INVERSION, Access.GRADIENTS, frozenset({Knowledge.CLASS_NAMES}))

    steps: int = 200
    step: float = 0.05
    start_noise: float = 0.05
    threshold: float = 0.9999
    window: int = 30
    check_every: int = 5
    total_variation: float = 0.02
    l2: float = 0.2

    def run(self, target: Metered, view: InversionView, *, budget: Budget, rng: np.random.Generator) -> InversionGuess:
        budget.require(target.queries + 2 * view.n_classes)
        search = _Search(self, target, view, rng)
        for number in range(1, self.steps + 1):
            # One move and the check that must follow it: an image nobody looked at is worth nothing.
            if not search.active.size or (budget.queries is not None and target.queries + 2 * search.active.size > budget.queries):
                break
            search.move()
            if number % self.check_every == 0:
                search.check()
        search.check()
        return InversionGuess(search.scaled(search.best), np.arange(view.n_classes), search.best_confidence)


@register
@dataclass(frozen=True, kw_only=True)
class MiFacePlain(MiFace):
    """MI-FACE whose Process only clips."""

    name: ClassVar[str] = "model_inversion.mi_face_plain"
    summary: ClassVar[str] = "draws the image each class is surest about, with no idea of what images look like"

    total_variation: float = 0.0
    l2: float = 0.0


class _Search:
    """One descent of every class. Images are kept in [0, 1]; `active` (a,) are the classes still moving."""

    def __init__(self, attack: MiFace, target: Metered, view: InversionView, rng: np.random.Generator) -> None:
        self.attack, self.target, self.view = attack, target, view
        self.images = np.clip(attack.start_noise * rng.standard_normal((view.n_classes, *view.shape)), 0.0, 1.0)
        self.mean, self.square = np.zeros_like(self.images), np.zeros_like(self.images)
        self.active = np.arange(view.n_classes)
        self.best, self.best_confidence = self.images.copy(), np.zeros(view.n_classes)
        self.best_cost, self.improved_at = np.full(view.n_classes, np.inf), np.zeros(view.n_classes, dtype=int)
        self.moves = self.moves_checked = 0

    def scaled(self, images: Array) -> Array:
        return (self.view.low + (self.view.high - self.view.low) * images).astype(np.float32)

    def move(self) -> None:
        """One Adam step of every active class, then the clip."""
        self.moves += 1
        now = self.active
        slope = (self.view.high - self.view.low) * self.target.loss_gradient(self.scaled(self.images[now]), now)
        slope = slope + self._prior_gradient(self.images[now])
        self.mean[now] += (1 - MEAN_DECAY) * (slope - self.mean[now])
        self.square[now] += (1 - SQUARE_DECAY) * (slope**2 - self.square[now])
        mean, square = self.mean[now] / (1 - MEAN_DECAY**self.moves), self.square[now] / (1 - SQUARE_DECAY**self.moves)
        self.images[now] = np.clip(self.images[now] - self.attack.step * mean / (np.sqrt(square) + 1e-8), 0.0, 1.0)

    def check(self) -> None:
        """Ask how sure the model is; keep each class's cheapest image; stop the classes that are done."""
        if self.moves == self.moves_checked:
            return
        self.moves_checked, now, attack = self.moves, self.active, self.attack
        confidence = self.target.predict_proba(self.scaled(self.images[now]))[np.arange(len(now)), now]
        cost = -np.log(np.maximum(confidence, 1e-300)) + self._prior(self.images[now])
        self.improved_at[now] = np.where(cost < self.best_cost[now] - LEAST_GAIN, self.moves, self.improved_at[now])
        cheaper = cost < self.best_cost[now]
        self.best[now[cheaper]] = self.images[now[cheaper]]
        self.best_confidence[now[cheaper]] = confidence[cheaper]
        self.best_cost[now] = np.minimum(cost, self.best_cost[now])
        done = (confidence >= attack.threshold) | (self.moves - self.improved_at[now] >= attack.window)
        self.active = now[~done]

    def _prior(self, images: Array) -> Array:
        """(a,) what Process adds to the cost."""
        flat = images.reshape(len(images), -1)
        cost: Array = self.attack.total_variation * total_variation(images) + self.attack.l2 * (flat**2).mean(axis=1)
        return cost

    def _prior_gradient(self, images: Array) -> Array:
        pixels = images[0].size
        slope: Array = self.attack.total_variation * total_variation_gradient(images) + self.attack.l2 * 2 / pixels * images
        return slope


def total_variation(images: Array) -> Array:
    """(n,) mean absolute step down plus mean absolute step right; 0 for records that are no pictures (n, d)."""
    total = np.zeros(len(images))
    for _, steps in _steps(images):
        total += np.abs(steps).reshape(len(images), -1).mean(axis=1)
    return total


def total_variation_gradient(images: Array) -> Array:
    """Slope of `total_variation` by every pixel, of the images' shape."""
    gradient = np.zeros_like(images)
    for axis, steps in _steps(images):
        signs = np.moveaxis(np.sign(steps), axis, -1) / steps[0].size
        moved = np.moveaxis(gradient, axis, -1)
        moved[..., 1:] += signs
        moved[..., :-1] -= signs
    return gradient


def _steps(images: Array) -> list[tuple[int, Array]]:
    """(axis, differences of neighbours along it), for the axes of a picture that have neighbours."""
    if images.ndim < 3:
        return []
    return [(axis, np.diff(images, axis=axis)) for axis in (-2, -1) if images.shape[axis] > 1]
