"""openSMILE, called with as little around it as can be: samples in, an array out.

The `opensmile` package, an extra, brings the library and its configurations. Of its code only
`core/lib.py`, the thin wrapper around the library, is loaded: importing the whole package costs
each process 0.9 s and 100 MB (pandas, pyarrow), and running through its `process_signal` 3 ms a
signal.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE
from affectspace.errors import MissingExtraError

LONGEST_KEPT = 10 * SAMPLING_RATE
"""Samples after which an instance isn't used again: its buffers have grown, and stay so."""

_SINK, _SOURCE = "extsink", "extsource"

# Instances ready to be used again, per configuration and level. To reset one takes 6 ms, to make a
# new one 11 ms, where a signal of 2 s takes 50 ms; what comes out is the same bit by bit.
_IDLE: dict[tuple[str, str], list[Any]] = {}


def version() -> str:
    """Return the version of the `opensmile` package.

    Raises:
        MissingExtraError: without the extra `opensmile`.
    """
    try:
        return metadata.version("opensmile")
    except metadata.PackageNotFoundError:
        raise _missing() from None


def run(config: str, level: str, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run one of openSMILE's configurations over a signal.

    Args:
        config: its name, for instance `egemaps/v02/eGeMAPSv02`.
        level: what to take from it: `func` for functionals, `lld` for descriptors.
        samples: shape (n,), 16 kHz, in [-1, 32767/32768].

    Returns:
        Shape (frames, features); no frames where the signal is too short for one.
    """
    frames: list[bytes] = []

    def collect(data: Any, size: int, _: Any) -> int:
        frames.append(ctypes.string_at(data, 4 * size))
        return 1

    # to 16 bits as opensmile-python does it, but of samples that can't wrap
    pcm = (samples * np.float32(32768)).astype(np.int16)
    idle = _IDLE.setdefault((config, level), [])
    smile = idle.pop() if idle else _start(config, level)
    try:
        _listen(smile, collect)
        smile.external_audio_source_write_data(_SOURCE, pcm.tobytes())
        smile.external_audio_source_set_eoi(_SOURCE)
        smile.run()
        keep = len(samples) <= LONGEST_KEPT
        if keep:
            smile.reset()
    except BaseException:
        smile.free()
        raise
    if keep:
        idle.append(smile)
    else:
        smile.free()
    if not frames:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(frames), np.float32).reshape(len(frames), -1)


@cache
def names(config: str, level: str) -> tuple[str, ...]:
    """Return the names of what a configuration gives, in order."""
    smile = _start(config, level)
    try:
        count = smile.external_sink_get_num_elements(_SINK)
        return tuple(smile.external_sink_get_element_name(_SINK, i) for i in range(count))
    finally:
        smile.free()


def _start(config: str, level: str) -> Any:
    """Set openSMILE up."""
    library, folder = _library()
    shared = folder / "shared"
    smile = library.OpenSMILE()
    smile.initialize(
        config_file=str(folder / f"{config}.conf"),
        options={
            "source": shared / "standard_external_wave_input.conf.inc",
            "sink": shared / "standard_external_data_output_single.conf.inc",
            "sinkLevel": level,
            "bufferModeRbConf": shared / "BufferModeRb.conf.inc",
            "frameModeFunctionalsConf": shared / "FrameModeFunctionals.conf.inc",
            "sampleRate": SAMPLING_RATE,
            "nBits": 16,
        },
        loglevel=0,
    )
    return smile


def _listen(smile: Any, collect: Any) -> None:
    """Set the callback, past `external_sink_set_callback`, which builds an array per frame."""
    library, _ = _library()
    callback = library.ExternalSinkCallback(collect)
    smile._callbacks[:] = [callback]  # keeps it alive while openSMILE runs
    library.smileapi.smile_extsink_set_data_callback(
        smile._smileobj, _SINK.encode(), callback, None
    )


def _missing() -> MissingExtraError:
    sets = "egemaps, compare or egemaps-lld; the set native does without"
    return MissingExtraError("opensmile", "opensmile", f"A feature set of openSMILE's ({sets})")


@cache
def _library() -> tuple[ModuleType, Path]:
    """Load `opensmile/core/lib.py` alone; return it and the folder of configurations."""
    found = importlib.util.find_spec("opensmile")
    if found is None or not found.submodule_search_locations:
        raise _missing()
    core = Path(found.submodule_search_locations[0]) / "core"
    name = "affectspace.features._opensmile_lib"
    spec = importlib.util.spec_from_file_location(name, core / "lib.py")
    assert spec is not None  # noqa: S101  (the path ends in .py)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module, core / "config"
