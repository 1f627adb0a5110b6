"""Voices whose every period is known: pulses at any times through a tract of three resonances."""

from __future__ import annotations

import numpy as np

RATE = 16_000


def pulse_times(f0: np.ndarray) -> np.ndarray:
    """Return when pulses come, in seconds, for a fundamental frequency given at each sample."""
    phase = np.cumsum(f0) / RATE
    return np.interp(np.arange(1, int(phase[-1])), phase, np.arange(len(f0)) / RATE)


def pulses(times: np.ndarray, seconds: float, amplitudes: np.ndarray | float = 1.0) -> np.ndarray:
    """Make a voice of pulses at these times, between samples too; peak 0.5."""
    signal = np.zeros(round(seconds * RATE))
    for time, amplitude in zip(times, np.broadcast_to(amplitudes, times.shape), strict=True):
        first = int(np.ceil(time * RATE))
        past = np.arange(first, min(first + 480, len(signal))) / RATE - time
        for formant, gain in ((600, 1.0), (1300, 0.5), (2400, 0.25)):
            response = np.exp(-np.pi * 120 * past) * np.sin(2 * np.pi * formant * past)
            signal[first : first + len(past)] += amplitude * gain * response
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


def harmonics(f0: np.ndarray, levels: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Make a sum of harmonics with these levels in dB and random phases; peak 0.5."""
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    starts = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(levels))
    parts = [
        10 ** (level / 20) * np.cos(number * phase + start)
        for number, (level, start) in enumerate(zip(levels, starts, strict=True), start=1)
        if number * f0.max() < 0.45 * RATE
    ]
    signal = np.sum(parts, axis=0)
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


def noisy(signal: np.ndarray, ratio: float, *, seed: int = 0) -> np.ndarray:
    """Add white noise, at a ratio of signal to noise in dB."""
    noise = np.random.default_rng(seed).standard_normal(len(signal))
    noise *= np.sqrt(np.mean(signal**2) / 10 ** (ratio / 10))
    return (signal + noise).astype(np.float32)


def at_frames(values: np.ndarray) -> np.ndarray:
    """Return what values given at each sample are at the centre of each frame."""
    return values[80::160][: len(values) // 160]
