"""Does a reconstruction lie nearer to the images the target was trained on than to equally many others of the class?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attacks.access import Array
from attacks.metrics.images import nearest_distance
from attacks.model_inversion.evaluator import contrast_normalised
from attacks.result import Estimate
from attacks.statistics.rates import around, clopper_pearson


@dataclass(frozen=True)
class Nearness:
    """Per class (k,): `train`, `held_out` distance to the nearest image, mean over the attack seeds, and `signs`: 1.0
    where training is nearer, 0.0 where it is not. NaN for classes with no training or no held-out image. `drawn` counts
    the training images that took part, over all classes.

    Distances are root mean squares per pixel between images brought to mean 0 and standard deviation 1: 0 is the same
    picture, the square root of 2 two unrelated ones.
    """

    train: Array
    held_out: Array
    signs: Array
    drawn: int

    @property
    def compared(self) -> int:
        return int(np.isfinite(self.signs).sum())

    @property
    def nearer(self) -> int:
        return int(np.nansum(self.signs))

    def estimate(self, level: float) -> Estimate:
        """Share of the compared classes that lie nearer to training, minus one half, with the exact sign-test interval."""
        share = clopper_pearson(self.nearer, self.compared, level)
        return around(share.value - 0.5, share.low - 0.5, share.high - 0.5, share.n)


def nearness(
    images: Array, train: Array, train_labels: Array, held_out: Array, held_out_labels: Array, n_classes: int, rng: np.random.Generator
) -> Nearness:
    """Compare each class's `images` (seeds, k, *shape) with m training and m held-out images of that class.

    m is the smaller of the two counts, and one draw of m takes the rest away: only then may the two sets be swapped, so
    that a target which remembers nobody gives each class an even chance, whatever the shape of the distances. A mean over
    many draws would break that balance. Exact ties fall by lot.
    """
    flat = [_unit(part) for part in (train, held_out)]
    found, drawn = np.full((2, n_classes), np.nan), 0
    for k in range(n_classes):
        inside, outside = np.flatnonzero(train_labels == k), np.flatnonzero(held_out_labels == k)
        m = min(len(inside), len(outside))
        if not m:
            continue
        drawn += m
        mine = _unit(images[:, k])
        for arm, rows in enumerate((inside, outside)):
            found[arm, k] = nearest_distance(mine, flat[arm][rng.permutation(rows)[:m]]).mean()
    gap = found[1] - found[0]
    lot = rng.integers(0, 2, n_classes).astype(float)
    signs = np.where(np.isnan(gap), np.nan, np.where(gap == 0, lot, (gap > 0).astype(float)))
    return Nearness(found[0], found[1], signs, drawn)


def _unit(images: Array) -> Array:
    """(n, pixels), so scaled that Euclidean distance is the root mean square difference per normalised pixel."""
    normalised = contrast_normalised(images)
    scaled: Array = normalised / np.sqrt(normalised.shape[1])
    return scaled
