"""What the tests of large runs share: recordings, archives, and models that kill their process."""

from __future__ import annotations

import io
import os
import signal
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from multiprocessing import parent_process
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

import affectspace
from affectspace.features import FeatureSpec, backend
from affectspace.model import AffectModel
from affectspace.scale.local import Job
from voices import in_bytes, voice, write

DEADLY = 0.45  # s, of a recording that kills


def recordings(folder: Path, count: int, *, seconds: float = 0.3) -> Path:
    """Make a folder of short voices, `v00.wav`, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        write(folder / f"v{number:02d}.wav", voice(seconds, pitch=100 + 7 * number, seed=number))
    return folder


def archive(path: Path, members: dict[str, bytes]) -> Path:
    """Write a tar, in the order of the members; of a name with `#` the part before it counts."""
    mode = "w:gz" if path.suffix in (".gz", ".tgz") else "w"
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name.partition("#")[0])
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def clip(number: int, seconds: float = 0.3) -> bytes:
    """Return a short voice as a WAV file's bytes."""
    return in_bytes(voice(seconds, pitch=100 + 7 * number, seed=number))


def shards(folder: Path) -> dict[str, bytes]:
    """Return the shards of a run, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*.parquet"))}


def assert_equal_rows(folder: Path, expected: pd.DataFrame) -> None:
    """Check that a run has the rows of a table, in whatever order, and no other.

    Features may differ in their last bits with what is computed together.
    """
    found = pd.read_parquet(folder)
    assert not found.index.duplicated().any()
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index())


@dataclass
class Deadly:
    """The model's features, of recordings that don't kill."""

    spec: FeatureSpec
    diary: Path
    times: int

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        if round(len(samples) / 16_000, 2) == DEADLY and self._deaths() < self.times:
            with self.diary.open("a") as diary:
                diary.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        compute: Callable[[np.ndarray], np.ndarray] = backend("native")
        return compute(samples)

    def _deaths(self) -> int:
        return len(self.diary.read_text()) if self.diary.exists() else 0


@dataclass(frozen=True, repr=False)
class DeadlyModel(AffectModel):
    """A model whose features kill the process at a recording of `DEADLY` seconds, some times.

    One that is `always` deadly kills a worker whatever it shall embed, as a machine without memory.
    """

    diary: Path = Path()
    times: int = 1
    always: bool = False

    def embed(self, recordings: Any, **settings: Any) -> pd.DataFrame:
        assert self.spec is not None
        if self.always and len(recordings) and parent_process() is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        deadly = Deadly(self.spec, self.diary, self.times)
        with mock.patch("affectspace.model.embed._backend", return_value=deadly):
            return super().embed(recordings, **settings)


def deadly_model(diary: Path, times: int = 0, *, always: bool = False) -> DeadlyModel:
    """Make the default model deadly."""
    model = affectspace.load_model()
    known = {field.name: getattr(model, field.name) for field in fields(AffectModel)}
    return DeadlyModel(**known, diary=diary, times=times, always=always)


class Unloadable(Job):
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (5,)
