"""Long recordings in chunks: so that several processes share one, and a bar can move."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from affectspace.audio import extent
from affectspace.audio.names import locate
from affectspace.errors import AudioError
from affectspace.features.work import Result, Source, memory_of
from affectspace.segments.spans import FRAME
from affectspace.tables import utterance_index

CHUNK_FRAMES = 18_750  # of a probability: 600 s
SMALL = 2_000_000  # bytes; a file that isn't larger isn't looked at

_CHUNK = round(CHUNK_FRAMES * FRAME * 1e9)  # ns


def chunked(
    index: pd.Index, sources: Mapping[str, Source]
) -> tuple[pd.MultiIndex, NDArray[np.intp]]:
    """Cut the long rows of an utterance index into chunks of about 10 minutes.

    Args:
        index: an utterance index, n rows.
        sources: the recordings of those files that are in memory.

    Returns:
        The index of the chunks, in order; and which row each belongs to. The first chunk of a row
        starts with it, the last ends with it, and all but the last have the same length.
    """
    files: list[str] = []
    starts: list[pd.Timedelta] = []
    ends: list[pd.Timedelta] = []
    rows: list[int] = []
    for row, (file, start, end) in enumerate(index):
        source = sources[file] if file in sources else locate(str(file))
        cuts = [pd.Timedelta(cut, "ns") for cut in _cuts(source, start, end)]
        files += [file] * (len(cuts) + 1)
        starts += [start, *cuts]
        ends += [*cuts, end]
        rows += [row] * (len(cuts) + 1)
    return utterance_index(files, starts, ends), np.array(rows, np.intp)


def _cuts(source: Source, start: pd.Timedelta, end: pd.Timedelta) -> list[int]:
    """Return where to cut between two times, in ns; nowhere if it can't be read, or is far away."""
    try:
        # a Path costs more than it gives
        size = os.path.getsize(source) if isinstance(source, str) else memory_of(source)  # noqa: PTH202
        small = size <= SMALL
        if small or (not pd.isna(end) and end.value - start.value < 1.5 * _CHUNK):
            return []
        first, last = (round(time * 1e9) for time in extent(source, start=start, end=end))
    except (AudioError, OSError):  # whoever reads it will say so
        return []
    return [first + i * _CHUNK for i in range(1, round((last - first) / _CHUNK))]


@dataclass
class Chunks:
    """The results of a row's chunks, as they come.

    Attributes:
        missing: how many are still to come.
        results: by the chunk's number.
    """

    missing: int
    results: dict[int, Result] = field(default_factory=dict)

    def add(self, number: int, result: Result) -> Result | None:
        """Take a chunk's result in; return that of the whole row once all are there."""
        self.results[number] = result
        self.missing -= 1
        return None if self.missing else self._whole()

    def _whole(self) -> Result:
        results = [self.results[number] for number in sorted(self.results)]
        for result in results:
            if result.values is None:
                return result
        *full, last = results
        values = [_fitted(result.values) for result in full]
        return last._replace(
            duration=len(full) * _CHUNK * 1e-9 + last.duration,
            values=np.concatenate([*values, last.values]) if full else last.values,
        )


def _fitted(probabilities: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Make a chunk's probabilities exactly as many as there is time for."""
    values = np.zeros(0, np.float32) if probabilities is None else probabilities[:CHUNK_FRAMES]
    return np.pad(values, (0, CHUNK_FRAMES - len(values)))
