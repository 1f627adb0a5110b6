"""`extract`: many recordings -> `FeatureTable`, on all cores, cached by content and contract."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from affectspace.audio import SAMPLING_RATE, Channel, Status
from affectspace.errors import ContractError
from affectspace.features import registry
from affectspace.features.backend import Backend
from affectspace.features.batch import as_utterances, run_tasks, tasks_of
from affectspace.features.composite import parts_of
from affectspace.features.spec import AS_RECORDED
from affectspace.features.work import Compute, Result, Source, read_span
from affectspace.progress import progress_bar

if TYPE_CHECKING:
    import pandas as pd

    from affectspace.features.table import FeatureTable


def extract(
    utterances: pd.DataFrame | str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    features: str | Backend = "native",
    channel: Channel = "first",
    level: str = AS_RECORDED,
    sources: Mapping[str, Source] | None = None,
    jobs: int | None = None,
    cache: str | os.PathLike[str] | bool | None = None,
    progress: bool = False,
) -> FeatureTable:
    """Extract the features of many recordings.

    No recording ends the run: each row comes back with a status from the closed list
    [`Status`][affectspace.audio.Status], and with NaN where there is no answer.

    Args:
        utterances: an utterance table (index `file, start, end`); or one path: a file, a folder, or
            what else [`find_utterances`][affectspace.tables.find_utterances] takes; or a list of
            files: paths, or addresses such as `s3://bucket/a.wav` (extra `remote`, and the package
            that fsspec names for the kind of storage). A row may come twice; it is computed once.
        features: a set's name, one of `features.names()`, of which `native` needs no extra; or
            `hf:PATH_OR_ID` or `hf:PATH_OR_ID:LAYER`, a speech encoder; or several joined by `+`; or
            a [`Backend`][affectspace.features.Backend] of your own, which then brings its channel
            and level rule.
        channel: `first`, `mean` of all channels, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL` to scale every signal to a level in dBFS.
        sources: the recordings of those files that are in memory, by their name in the table: a
            file's bytes, or samples with their sampling rate.
        jobs: worker processes; None is one per core, or none at all for up to 4 rows. With 1 all
            happens in this process, where a crash of a library isn't survived.
        cache: the folder of the cache; None is `AFFECTSPACE_CACHE` or the platform's place for
            caches; False is no cache.
        progress: show a progress bar on stderr.

    Returns:
        One row per utterance, in the order they came, with their columns.

    Raises:
        ContractError: when the set or a rule isn't known.
        AudioError: when an address is of a kind that can't be opened here.
        MissingExtraError: when the set, or an address, needs an extra that isn't installed.
        TableError: when the table has another index.
        AffectspaceError: when worker processes can't start.

    Examples:
        >>> table = extract(["nowhere.wav"], cache=False)
        >>> table.rows["status"].to_list(), table.spec.name
        (['missing'], 'native')
    """
    from affectspace.features.table import table_of_results

    backend = _backend(features, channel, level)
    table = as_utterances(utterances)
    parts = parts_of(backend)
    which, tasks = tasks_of(table.index, sources, parts=len(parts))
    ends = np.cumsum([len(part.spec.features) for part in parts])
    count = int(which.max()) + 1 if len(which) else 0
    values = np.full((count, ends[-1]), np.nan, np.float32)
    found = [[Result(Status.FAILED)] * len(parts) for _ in range(count)]

    def keep(slot: int, part: int, result: Result) -> None:
        if result.values is not None:
            values[slot, ends[part] - len(result.values) : ends[part]] = result.values
        found[slot][part] = result._replace(values=None)

    with progress_bar(count * len(parts), "Extracting", show=progress) as advance:
        run_tasks(
            tasks,
            Compute(partial(read_span, channel=backend.spec.channel), parts),
            keep,
            contracts=[part.spec for part in parts],
            jobs=jobs,
            cache=cache,
            advance=advance,
        )
    results = [_worst(replies) for replies in found]
    values[[result.status != Status.OK for result in results]] = np.nan
    if count < len(which):
        values = values[which]
    return table_of_results(table, backend.spec, values, [results[slot] for slot in which])


def _worst(results: Sequence[Result]) -> Result:
    """Of what came of a slot in each part, return the first that isn't `ok`, if any."""
    return next((result for result in results if result.status != Status.OK), results[0])


def _backend(features: str | Backend, channel: Channel, level: str) -> Backend:
    if isinstance(features, str):
        return registry.backend(features, channel=channel, level=level)
    if features.spec.sampling_rate != SAMPLING_RATE:
        raise ContractError(
            f"signals have {SAMPLING_RATE} Hz, {features.spec} wants {features.spec.sampling_rate}"
        )
    return features
