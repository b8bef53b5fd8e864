"""By how many bits one score stands out among the scores of outsiders."""

from __future__ import annotations

import numpy as np

from attacks.access import Array


def exposure(scores: Array, outsiders: Array) -> Array:
    """(m,) bits of each of (m,) `scores` beside (n,) `outsiders`: log2(n + 1) - log2(rank), 1 being the rank above everybody.

    Carlini et al. 2019 (The Secret Sharer, definition 5), with outsiders in the place of all secrets that might have been. A
    score that is one more outsider's has x bits or more with chance 2^-x; log2(n + 1) is the most that n outsiders can
    show. Ties count against the score. Raises ValueError for a missing score, or no outsiders.
    """
    if not len(outsiders) or np.isnan(scores).any() or np.isnan(outsiders).any():
        raise ValueError("Exposure needs outsiders, and a score for everybody.")
    rank = 1 + len(outsiders) - np.searchsorted(np.sort(outsiders), scores, side="left")
    return np.asarray(np.log2(len(outsiders) + 1) - np.log2(rank))
