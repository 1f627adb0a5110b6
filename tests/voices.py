"""Signals for the tests: a voice-like buzz, noises, and files of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile


def voice(
    seconds: float = 1.0, sampling_rate: int = 16_000, *, pitch: float = 120.0, seed: int = 0
) -> np.ndarray:
    """Make pulses with a moving pitch through three formants, a little noise; peak 0.5."""
    count = round(seconds * sampling_rate)
    time = np.arange(count) / sampling_rate
    phase = np.cumsum(pitch * (1 + 0.1 * np.sin(2 * np.pi * 2 * time))) / sampling_rate
    pulses = np.diff(np.floor(phase), prepend=0.0)
    length = round(0.03 * sampling_rate)
    decay = np.arange(length) / sampling_rate
    tract = sum(
        gain * np.exp(-np.pi * 90 * decay) * np.sin(2 * np.pi * formant * decay)
        for formant, gain in ((600, 1.0), (1300, 0.5), (2400, 0.25))
    )
    voiced = np.convolve(pulses, tract)[:count]
    voiced += 0.002 * np.random.default_rng(seed).standard_normal(count)
    return (0.5 * voiced / np.abs(voiced).max()).astype(np.float32)


def noise(seconds: float, *, pink: bool = False, seed: int = 0) -> np.ndarray:
    """Make white or pink noise at -20 dBFS, 16 kHz."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * 16_000))
    if pink:
        spectrum = np.fft.rfft(white)
        white = np.fft.irfft(
            spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), len(white)
        )
    return (0.1 * white / white.std()).astype(np.float32)


def write(path: Path, samples: np.ndarray, sampling_rate: int = 16_000, **options: str) -> str:
    """Write an audio file; return its path as text."""
    soundfile.write(path, samples, sampling_rate, **options)
    return str(path)


def in_bytes(samples: np.ndarray, sampling_rate: int = 16_000, **options: str) -> bytes:
    """Return the bytes of an audio file, WAV unless `format` says another."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sampling_rate, **{"format": "WAV", **options})
    return buffer.getvalue()


def encoded(samples: np.ndarray, sampling_rate: int, container: str, codec: str) -> bytes:
    """Return the bytes of a file that PyAV writes; samples (channels, n)."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        stream = out.add_stream(codec, rate=sampling_rate)
        layout = "mono" if len(samples) == 1 else "stereo"
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), format="fltp", layout=layout)
        frame.rate = sampling_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)
    return buffer.getvalue()


def spans_in(samples: np.ndarray, segmentation, **limits: float) -> list[tuple[float, float]]:
    """Cut samples at 16 kHz; return start and end of each span, in seconds."""
    from affectspace.segments import segment

    memory = {"signal": (samples, 16_000)}
    spans, _ = segment(["signal"], segmentation, sources=memory, jobs=1, cache=False, **limits)
    levels = (spans.index.get_level_values(level) for level in ("start", "end"))
    return list(zip(*(level.total_seconds() for level in levels), strict=True))
