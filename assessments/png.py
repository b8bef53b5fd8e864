"""Pixels as a PNG file: the few lines of the format (RFC 2083) that a small picture needs."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

COLOUR_TYPES = {1: 0, 3: 2, 4: 6}  # channels: grey, red-green-blue, and that with opacity


def png(pixels: Any) -> bytes:
    """The file of one image (channels, height, width) from 0 to 1; what lies outside is cut off."""
    channels, height, width = pixels.shape
    levels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8).transpose(1, 2, 0).reshape(height, width * channels)
    # Every line begins with the number of its filter: none.
    lines = np.hstack([np.zeros((height, 1), np.uint8), levels]).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
