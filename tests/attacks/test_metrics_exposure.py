"""Exposure held against its law: on a model that knows nobody, x bits or more come with chance 2^-x."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from attacks.metrics.exposure import exposure


def test_by_hand():
    assert exposure(np.array([9.0, 2.0, 0.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx([2.0, np.log2(4 / 3), 0.0])
    assert exposure(np.array([np.inf]), np.full(1023, np.inf)) == pytest.approx([0.0])  # ties count against the score
    assert exposure(np.array([np.inf]), np.zeros(1023)) == pytest.approx([10.0])


def test_nobody_stands_out_of_a_model_that_knows_nobody():
    """Its bits are exponential: on average 1 / ln 2 = 1.4427, and x or more with chance 2^-x."""
    rng = np.random.default_rng(7)
    found = np.concatenate([exposure(rng.random(1), rng.random(4095)) for _ in range(4_000)])
    assert found.mean() == pytest.approx(1.4427, abs=4 * 1.4427 / np.sqrt(4_000))
    assert stats.kstest(found, stats.expon(scale=1 / np.log(2)).cdf).pvalue > 1e-3
    for bits in (1, 2, 4):
        assert (found >= bits).mean() == pytest.approx(2.0**-bits, abs=4 * np.sqrt(2.0**-bits / 4_000))


@pytest.mark.parametrize(("scores", "outsiders"), [([1.0], []), ([np.nan], [1.0]), ([1.0], [np.nan, 1.0])])
def test_a_missing_score_is_refused(scores, outsiders):
    with pytest.raises(ValueError, match="Exposure needs outsiders"):
        exposure(np.array(scores), np.array(outsiders))
