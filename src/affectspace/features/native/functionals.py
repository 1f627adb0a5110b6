"""From descriptors per frame to numbers per signal.

Everything here works on one row per signal: values (signals, descriptors, frames) and a mask of the
frames that count, (signals, frames) or (signals, descriptors, frames). What stands elsewhere has no
influence, so a signal's functionals are the same alone and in a batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from affectspace.features.native.arrays import array_namespace, device
from affectspace.features.native.hops import HOP, RATE, Array

FRAME_RATE = RATE / HOP
"""Frames per second."""

_BLOCK = 256  # frames that a contour's swing is first looked at in


def mean_and_deviation(values: Array, mask: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation over the frames of a mask.

    Returns:
        Each of shape (signals, descriptors); 0 where no frame counts.
    """
    xp = array_namespace(values)
    weights = _weights(values, mask)
    count = xp.clip(xp.sum(weights, axis=2), 1.0, None)
    mean = xp.sum(values * weights, axis=2) / count
    away = (values - mean[:, :, None]) * weights
    return mean, xp.sqrt(xp.sum(away * away, axis=2) / count)


def change(values: Array, mask: Array) -> Array:
    """Return the mean absolute change over 20 ms, where all three frames count.

    Returns:
        Shape (signals, descriptors), per 20 ms; 0 where there is no such place.
    """
    xp = array_namespace(values)
    inside = mask[..., :-2] & mask[..., 1:-1] & mask[..., 2:]
    weights = _weights(values[:, :, 2:], inside)
    moved = xp.abs(values[:, :, 2:] - values[:, :, :-2]) * weights
    return xp.sum(moved, axis=2) / xp.clip(xp.sum(weights, axis=2), 1.0, None)


def quantiles(values: Array, mask: Array, shares: Sequence[float]) -> Array:
    """Return quantiles over the frames of a mask, between two frames by linear interpolation.

    Args:
        values: shape (signals, descriptors, frames), finite.
        mask: shape (signals, frames).
        shares: of frames below, 0 to 1.

    Returns:
        Shape (signals, descriptors, shares); 0 where no frame counts.
    """
    xp = array_namespace(values)
    ordered = xp.sort(xp.where(mask[:, None, :], values, math.inf), axis=2)
    count = xp.sum(xp.astype(mask, xp.int64), axis=1)
    some = (count > 0)[:, None, None]
    last = xp.clip(count - 1, 0, None)[:, None]
    steps = xp.asarray(list(shares), dtype=xp.float32, device=device(values))
    at = xp.astype(last, xp.float32) * steps
    low = xp.astype(xp.floor(at), xp.int64)
    into = (at - xp.astype(low, xp.float32))[:, None, :]
    below, above = (
        xp.where(some, xp.take_along_axis(ordered, _for_all(place, ordered), axis=2), 0.0)
        for place in (low, xp.minimum(low + 1, last))
    )
    return below + (above - below) * into


def modulation(contour: Array, mask: Array, there: Array, rates: Sequence[float]) -> Array:
    """Return how much a contour swings at some rates: its spectrum, as a level.

    The contour less its mean, under a Hann window over the signal's own length, is projected on a
    complex oscillation of each rate.

    Args:
        contour: shape (signals, frames), finite.
        mask: shape (signals, frames): the frames that count; the others are taken for the mean.
        there: shape (signals, frames): the frames that a signal has, from the first on.
        rates: in Hz, below 50.

    Returns:
        ln of the power at each rate, shape (signals, rates), where white noise of deviation 1 has
        ln 1 = 0 on average; at least ln 1e-4.
    """
    xp = array_namespace(contour)
    where = device(contour)
    contour, weights, own = (xp.astype(one, xp.float64) for one in (contour, mask, there))
    length = xp.sum(own, axis=1, keepdims=True)
    mean = xp.sum(contour * weights, axis=1, keepdims=True) / xp.clip(
        xp.sum(weights, axis=1, keepdims=True), 1.0, None
    )
    at = xp.arange(contour.shape[1], dtype=xp.float64, device=where)
    window = weights * xp.sin(math.pi * (at[None, :] + 0.5) / length) ** 2
    power = _power_at((contour - mean) * window, rates)
    size = xp.clip(xp.sum(window * window, axis=1, keepdims=True), 1e-3, None)
    return xp.astype(xp.log(power / size + 1e-4), xp.float32)


def _power_at(contour: Array, rates: Sequence[float]) -> Array:
    """The squared magnitude of a contour's Fourier sums at some rates, (signals, rates).

    Block by block, each with the same oscillations, which are turned on to where the block is.
    """
    xp = array_namespace(contour)
    signals, frames = contour.shape
    blocks = -(-frames // _BLOCK)
    fill = xp.zeros((signals, blocks * _BLOCK - frames), dtype=xp.float64, device=device(contour))
    laid = xp.reshape(xp.concat([contour, fill], axis=1), (signals, blocks, _BLOCK))
    within, onwards = (
        _oscillations(count, step, tuple(rates)) for count, step in ((_BLOCK, 1), (blocks, _BLOCK))
    )
    cosine, sine = (xp.asarray(wave, device=device(contour)) for wave in within)
    real, imaginary = laid @ cosine, laid @ sine
    cosine, sine = (xp.asarray(wave, device=device(contour)) for wave in onwards)
    return (
        xp.sum(real * cosine - imaginary * sine, axis=1) ** 2
        + xp.sum(real * sine + imaginary * cosine, axis=1) ** 2
    )


@lru_cache(maxsize=64)
def _oscillations(count: int, step: int, rates: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine at each rate, at `count` frames that lie `step` apart, (count, rates)."""
    turns = np.outer(np.arange(count) * step, rates) * (2 * math.pi / FRAME_RATE)
    return np.cos(turns), np.sin(turns)


def _weights(values: Array, mask: Array) -> Array:
    xp = array_namespace(values)
    return xp.astype(mask if mask.ndim == 3 else mask[:, None, :], values.dtype)


def _for_all(place: Array, values: Array) -> Array:
    """Places of each signal, (signals, n), for each of its descriptors as well."""
    xp = array_namespace(place)
    shape = (values.shape[0], values.shape[1], place.shape[1])
    return xp.broadcast_to(place[:, None, :], shape)
