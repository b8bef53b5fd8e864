"""Image likeness against hand-computed cases and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from attacks.metrics.images import nearest_distance, residual_correlation, ssim


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def test_an_image_is_wholly_like_itself():
    batch = noise(5, 28, 20)
    assert ssim(batch, batch, 255) == pytest.approx(np.ones(5))


def test_flat_images_compare_by_their_luminance():
    # No contrast and no structure: (2 ab + C1) / (a^2 + b^2 + C1), C1 = (0.01 * 255)^2
    a, b = np.full((1, 16, 16), 100.0), np.full((1, 16, 16), 150.0)
    assert ssim(a, b, 255) == pytest.approx([(30_000 + 6.5025) / (32_500 + 6.5025)])


def test_ssim_of_one_window_by_hand():
    a, b = noise(1, 11, 11)[0].astype(float), noise(1, 11, 11, seed=1)[0].astype(float)
    y, x = np.mgrid[-5:6, -5:6]
    weight = np.exp(-(x**2 + y**2) / 4.5)
    weight /= weight.sum()
    ma, mb = (weight * a).sum(), (weight * b).sum()
    va, vb, both = (weight * (a - ma) ** 2).sum(), (weight * (b - mb) ** 2).sum(), (weight * (a - ma) * (b - mb)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * ma * mb + c1) * (2 * both + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    assert ssim(a[None], b[None], 255) == pytest.approx([expected])


def test_ssim_averages_windows_and_channels():
    a, b = noise(2, 13, 12, 3), noise(2, 13, 12, 3, seed=1)
    windows = [
        ssim(a[:, y : y + 11, x : x + 11, c], b[:, y : y + 11, x : x + 11, c], 255) for y in range(3) for x in range(2) for c in range(3)
    ]
    assert ssim(a, b, 255) == pytest.approx(np.mean(windows, axis=0))


def test_ssim_does_not_depend_on_the_scale_or_on_the_type():
    a, b = noise(3, 8, 8), noise(3, 8, 8, seed=1)
    assert ssim(a / 255, b / 255, 1.0) == pytest.approx(ssim(a, b, 255))
    assert ssim(a.astype(float), b.astype(float), 255) == pytest.approx(ssim(a, b, 255))


def test_a_negative_is_unlike_its_original():
    a = noise(1, 32, 32)
    assert ssim(a, 255 - a, 255)[0] < -0.9


@pytest.mark.parametrize(
    ("a", "b", "span"),
    [(np.ones((1, 8, 8)), np.ones((1, 8, 9)), 1.0), (np.ones((4, 8)), np.ones((4, 8)), 1.0), (np.ones((1, 8, 8)), np.ones((1, 8, 8)), 0.0)],
)
def test_images_that_cannot_be_compared_are_refused(a, b, span):
    with pytest.raises(ValueError):
        ssim(a, b, span)


def test_images_with_missing_pixels_are_refused():
    broken = np.full((1, 8, 8), np.nan)
    for measure in (
        lambda: ssim(broken, broken, 1),
        lambda: nearest_distance(broken, broken),
        lambda: residual_correlation(broken, broken, broken[0]),
    ):
        with pytest.raises(ValueError, match="NaN"):
            measure()


def test_an_empty_batch_has_no_scores():
    empty = np.zeros((0, 8, 8))
    assert ssim(empty, empty, 1.0).shape == (0,)
    assert nearest_distance(empty, np.zeros((3, 8, 8))).shape == (0,)
    assert residual_correlation(empty, empty, np.zeros((8, 8))).shape == (0,)


def test_the_public_mean_earns_no_residual_correlation():
    faces = noise(6, 10, 10).astype(float)
    mean = faces.mean(0)
    assert residual_correlation(np.repeat(mean[None], 6, 0), faces, mean) == pytest.approx(np.zeros(6))
    assert residual_correlation(faces, faces, mean) == pytest.approx(np.ones(6))
    assert residual_correlation(2 * mean - faces, faces, mean) == pytest.approx(-np.ones(6))


def test_residual_correlation_is_pearsons():
    a, b, mean = noise(4, 7, 9).astype(float), noise(4, 7, 9, seed=1).astype(float), noise(7, 9, seed=2).astype(float)
    expected = [np.corrcoef((x - mean).ravel(), (y - mean).ravel())[0, 1] for x, y in zip(a, b, strict=True)]
    assert residual_correlation(a, b, mean) == pytest.approx(expected)


def test_residuals_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        residual_correlation(np.ones((2, 8, 8)), np.ones((2, 8, 8)), np.ones((8, 9)))


def test_nearest_distance_is_the_smallest_of_all():
    images, gallery = noise(40, 6, 5), noise(70, 6, 5, seed=1)
    direct = np.linalg.norm(images.reshape(40, 1, 30).astype(float) - gallery.reshape(1, 70, 30), axis=2).min(1)
    assert nearest_distance(images, gallery) == pytest.approx(direct)


def test_a_copy_is_at_distance_nought_also_far_from_the_origin():
    gallery = 1e6 + np.random.default_rng(0).normal(size=(50, 12, 12))
    assert nearest_distance(gallery[::-1], gallery).max() == 0
    assert nearest_distance(gallery + 1e-3, gallery) == pytest.approx(np.full(50, 0.012), rel=1e-4)


def test_nothing_is_near_an_empty_gallery():
    with pytest.raises(ValueError, match="empty"):
        nearest_distance(np.ones((2, 4, 4)), np.ones((0, 4, 4)))
    with pytest.raises(ValueError, match="shape"):
        nearest_distance(np.ones((2, 4, 4)), np.ones((3, 4, 5)))
