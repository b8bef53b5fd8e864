"""How alike two batches of images are. Images are (n, height, width) or (n, height, width, channels), any number type."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import correlate1d

from attacks.access import Array


def ssim(a: Array, b: Array, data_range: float) -> Array:
    """Structural similarity (n,) of a and b pair by pair (Wang et al. 2004): 11 x 11 Gaussian window, sigma 1.5, only
    where it lies inside the image, K1 = 0.01, K2 = 0.03; mean over window positions and channels.

    `data_range` is the span of the scale (255, or 1.0). Images under 11 pixels get the largest odd window that fits.
    """
    a, b = _images(a), _images(b)
    if a.shape != b.shape:
        raise ValueError(f"Image pairs must have one shape, got {a.shape} and {b.shape}.")
    if a.ndim not in (3, 4):
        raise ValueError(f"Images must be (n, height, width) or (n, height, width, channels), got {a.shape}.")
    if not data_range > 0:
        raise ValueError(f"The span of the pixel scale must be positive, got {data_range}.")
    chunk = max(1, 2_000_000 // max(1, a[:1].size))
    parts = [_ssim(a[i : i + chunk].astype(float), b[i : i + chunk].astype(float), data_range) for i in range(0, len(a), chunk)]
    return np.concatenate(parts) if parts else np.zeros(0)


def residual_correlation(images: Array, references: Array, mean_image: Array) -> Array:
    """Pearson correlation (n,) of image and reference after the public mean image is taken from both.

    What an attacker knew before, the average face, earns nothing. 0 where either residual is flat.
    """
    images, references = _images(images), _images(references)
    mean = np.asarray(mean_image, dtype=float)
    if images.shape != references.shape or images.shape[1:] != mean.shape:
        raise ValueError(f"Images, references and mean must share one shape, got {images.shape}, {references.shape}, {mean.shape}.")
    left, right = _centred(images - mean), _centred(references - mean)
    scale = np.sqrt((left**2).sum(1) * (right**2).sum(1))
    flat = scale < 1e-12 * max(1.0, float(np.abs(mean).max(initial=0.0)) ** 2)
    return np.where(flat, 0.0, np.clip((left * right).sum(1) / np.where(flat, 1.0, scale), -1.0, 1.0))


def nearest_distance(images: Array, gallery: Array) -> Array:
    """Euclidean distance (n,) from each image to the nearest of the gallery (m, ...), over all pixels."""
    images, gallery = _images(images), _images(gallery)
    if not len(gallery):
        raise ValueError("The nearest image of an empty gallery does not exist.")
    if images.shape[1:] != gallery.shape[1:]:
        raise ValueError(f"Images and gallery must share one shape, got {images.shape[1:]} and {gallery.shape[1:]}.")
    flat = gallery.reshape(len(gallery), -1).astype(float)
    centre = flat.mean(0)
    flat = flat - centre
    norms = (flat**2).sum(1)
    chunk = max(1, 8_000_000 // max(len(gallery), flat.shape[1]))
    nearest = np.empty(len(images))
    for i in range(0, len(images), chunk):
        batch = images[i : i + chunk].reshape(-1, flat.shape[1]).astype(float) - centre
        winner = (norms - 2 * batch @ flat.T).argmin(1)
        # The expanded square only picks the winner: it cancels too badly to tell a copy from a neighbour.
        nearest[i : i + chunk] = np.sqrt(((batch - flat[winner]) ** 2).sum(1))
    return nearest


def _ssim(a: Array, b: Array, data_range: float) -> Array:
    window = min(11, *(size - (size + 1) % 2 for size in a.shape[1:3]))
    taps = np.exp(-((np.arange(window) - window // 2) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    edge = window // 2
    inside = np.s_[:, edge : a.shape[1] - edge, edge : a.shape[2] - edge]

    def blur(x: Array) -> Array:
        return np.asarray(correlate1d(correlate1d(x, taps, axis=1), taps, axis=2)[inside])

    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    alike = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return np.asarray(alike.reshape(len(a), -1).mean(1))


def _centred(images: Array) -> Array:
    flat = images.reshape(len(images), math.prod(images.shape[1:]))
    return np.asarray(flat - flat.mean(1, keepdims=True))


def _images(images: Array) -> Array:
    images = np.asarray(images)
    if images.ndim < 2:
        raise ValueError(f"A batch of images is expected, got an array of shape {images.shape}.")
    if not np.isfinite(images).all():
        raise ValueError("An image holds NaN or infinity.")
    return images
