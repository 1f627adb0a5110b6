"""What an embedding process does for the service: functions of a model and of what came."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from affectspace.audio import AudioFile, Channel, Content
from affectspace.errors import AudioError
from affectspace.model import AffectModel
from affectspace.tables.text import csv_text, json_lines, plain_rows
from affectspace.web.embedders import NotEmbeddedError

Form = Literal["application/json", "text/csv", "application/x-ndjson"]

MOST_VALUES = 2**28  # samples of all channels, decoded: 1 GiB of memory
BRIEF = 0.05  # s, read to count channels


class Embedded(NamedTuple):
    """What came of a request.

    Attributes:
        body: the answer.
        statuses: how many rows have each status.
        seconds: of sound that was scored.
    """

    body: bytes
    statuses: dict[str, int]
    seconds: float


def embed_contents(
    model: AffectModel,
    contents: Sequence[Content],
    segment: str,
    channel: Channel | None,
    form: Form,
    max_seconds: float,
) -> Embedded:
    """Embed recordings in memory; the rows are those of `affectspace embed`.

    Args:
        model: embeds them.
        contents: the recordings, whose names differ.
        segment: what becomes a row.
        channel: which is heard; None is the model's rule.
        form: of the answer.
        max_seconds: that they may last together.

    Raises:
        NotEmbeddedError: when they last longer.
    """
    check_extent(contents, max_seconds)
    table = model.embed(list(contents), segment=segment, channel=channel, jobs=1, cache=False)
    statuses = Counter(table["status"].astype(str))
    seconds = float(table["duration"].where(table["status"].eq("ok")).sum())
    return Embedded(_written(table, form), dict(statuses), seconds)


def check_extent(contents: Sequence[Content], max_seconds: float) -> None:
    """Look at headers before anything is decoded.

    Raises:
        NotEmbeddedError: when recordings last too long together, or one needs too much memory.
    """
    total = 0.0
    for content in contents:
        try:
            with AudioFile(io.BytesIO(content.data)) as audio:
                start, end = audio.extent()
                samples, rate = audio.read(start, min(end, start + BRIEF))
        except AudioError:
            continue  # its row will say so
        total += end - start
        if total > max_seconds or (end - start) * rate * samples.shape[1] > MOST_VALUES:
            raise NotEmbeddedError(
                f"The recordings of a request may last {max_seconds:g} s together, and hold "
                f"{MOST_VALUES:,} samples in all channels of one: send shorter parts, or use the "
                "command `affectspace embed`",
                "too_long",
            )


def embed_window(
    model: AffectModel, name: str, samples: bytes, sampling_rate: int, start: float, end: float
) -> dict[str, Any]:
    """Embed a window of a stream.

    Args:
        model: embeds it.
        name: of the stream.
        samples: 16-bit little-endian, mono.
        sampling_rate: in Hz.
        start: of the window in the stream, in seconds.
        end: likewise.

    Returns:
        The row that `affectspace embed` gives for this window of a recording.
    """
    values = np.frombuffer(samples, "<i2")
    table = model.embed((values, sampling_rate), jobs=1, cache=False)
    return {**plain_rows(table)[0], "file": name, "start": start, "end": end}


def _written(table: pd.DataFrame, form: Form) -> bytes:
    if form == "text/csv":
        return csv_text(table).encode("utf-8", "backslashreplace")
    if form == "application/x-ndjson":
        return json_lines(table).encode("utf-8", "backslashreplace")
    answer = {"model": table.attrs["affectspace"], "rows": plain_rows(table)}
    return json.dumps(answer, allow_nan=False, default=str).encode("ascii")
