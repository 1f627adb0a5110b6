"""`embed_many`: recordings by the million to a folder of shards, resumed and reconciled."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import IO, Literal

from affectspace.audio import Channel
from affectspace.errors import AffectspaceError
from affectspace.model import AffectModel, adopt, load_model
from affectspace.model.embed import facts
from affectspace.progress import progress_bar
from affectspace.scale.cluster import load_ray, run_ray
from affectspace.scale.folder import Folder, open_folder
from affectspace.scale.local import Job, run_local
from affectspace.scale.plan import Plan, PlannedRows, check_settings, shard_name
from affectspace.scale.planning import make_plan, settings_of, wait_for_plan
from affectspace.scale.reconcile import Account, reconcile, write_manifest
from affectspace.scale.shards import PASSING, Layout, Record, read_record
from affectspace.segments import Segmentation
from affectspace.tables.frames import listed

SHARD_SIZE = 10_000
Engine = Literal["local", "ray"]

_LOG = logging.getLogger(__name__)


def embed_many(
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    model: AffectModel | str = "default",
    segment: str | Segmentation = "none",
    channel: Channel | None = None,
    shard_size: int = SHARD_SIZE,
    engine: Engine = "local",
    address: str | None = None,
    share: tuple[int, int] = (1, 1),
    retry_failed: bool = False,
    jobs: int | None = None,
    progress: bool = False,
    stdin: IO[bytes] | None = None,
) -> Account:
    """Embed recordings into a folder of Parquet shards, however many they are.

    The rows are those of [`AffectModel.embed`][affectspace.model.AffectModel.embed]. A run that was
    interrupted, killed, or lost a worker goes on where it was when it is started again in the same
    way, and so may several at once; at the end every planned row is accounted for exactly once.

    Args:
        inputs: one or several, as [`stream_utterances`][affectspace.tables.stream_utterances]
            takes them; and tars in WebDataset's layout, whose recordings become rows called
            `tar://MEMBER::ARCHIVE.tar`, with the text of a `.json` beside them in a column `json`.
        folder: where shards, plan and manifest go: a path, or an address as fsspec writes to it
            (extra `remote`).
        model: the model, or what [`load_model`][affectspace.model.load_model] takes.
        segment: as for `AffectModel.embed`.
        channel: as for `AffectModel.embed`.
        shard_size: rows of the input per shard. Memory grows with it, and not with their number.
        engine: `local`, worker processes here; `ray`, a Ray cluster (extra `ray`).
        address: of the Ray cluster; None starts one on this machine.
        share: `(i, n)`: compute the i-th of n shares of the parts, from 1 on.
        retry_failed: compute rows again that are `missing`, `unreadable`, `needs_av` or `failed`.
        jobs: workers; None is one per core.
        progress: show progress bars on stderr.
        stdin: what the input `-` is.

    Returns:
        The account of all shards that are there, of this share and of others.

    Raises:
        AffectspaceError: if the folder holds a run with other settings, a shard can't be written,
            or workers can't start.
        ContractError: as for `AffectModel.embed`.
        MissingExtraError: if an engine or an address needs an extra that isn't installed.
        TableError: if an input can't be read, or none holds a row.
        ValueError: if a setting is out of range.
    """
    which, shares = share
    if not 1 <= which <= shares:
        raise ValueError(f"a share is one of 1/{shares} to {shares}/{shares}, not {which}/{shares}")
    if shard_size < 1:
        raise ValueError(f"a shard has at least 1 row, not {shard_size}")
    if engine == "ray":
        load_ray()  # before the work
    started = _now()
    inputs = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    segment = segment if isinstance(segment, Segmentation) else Segmentation.parse(segment)
    loaded = adopt(load_model(model) if isinstance(model, str) else model)
    place = open_folder(folder)
    place.tidy()
    plan = _planned(
        place, loaded, inputs, segment, channel, shard_size, progress=progress, stdin=stdin
    )
    layout = Layout(loaded, plan, PlannedRows(place, plan).schema)
    mine = range(which - 1, plan.parts, shares)
    job = Job(loaded, place.place, retry_failed)
    wanted = list(_unfinished(place, plan, mine, retry_failed=retry_failed))
    for attempt in range(2):  # the second time, what turned out to be damaged
        records = _run(engine, job, wanted, jobs, address)
        _follow(records, place, plan, wanted, progress=progress)
        account = _reconciled(place, plan, layout, progress=progress)
        wanted = [number for number in account.wrong if number in mine]
        if not wanted or attempt:
            break
        _LOG.warning("%d shards are missing or damaged: they are computed again", len(wanted))
        job = Job(loaded, place.place)
    write_manifest(place, plan, account, started=started, finished=_now())
    return account


def _planned(
    folder: Folder,
    model: AffectModel,
    inputs: Sequence[str | os.PathLike[str]],
    segment: Segmentation,
    channel: Channel | None,
    shard_size: int,
    *,
    progress: bool,
    stdin: IO[bytes] | None,
) -> Plan:
    """The folder's plan, if it is the one that is wanted; or a new one."""
    spec = model.spec
    rule = str(channel if channel is not None or spec is None else spec.channel)
    rule = "first" if rule == "0" else rule
    settings = settings_of(model, inputs, segment=str(segment), channel=rule, shard_size=shard_size)
    foreign = sorted(folder.others())
    plan = wait_for_plan(folder)
    if plan is None:
        if foreign:
            raise AffectspaceError(
                f"{folder.place} holds {listed(foreign)}, which no run has put there: name a "
                "folder that is empty or not there yet"
            )
        words = {**facts(model), "segment": str(segment), "channel": rule}
        with progress_bar(None, "Planning", show=progress) as advance:
            plan = make_plan(folder, settings, words, inputs, stdin=stdin, advance=advance)
        if plan.duplicates:
            _LOG.warning("rows that came before are left out: %d", plan.duplicates)
    check_settings(plan, settings, folder.place)
    return plan


def _unfinished(
    folder: Folder, plan: Plan, parts: Iterable[int], *, retry_failed: bool
) -> Iterator[int]:
    """Yield the parts that have no shard, or one that is to be tried again."""
    there = folder.names()
    for number in parts:
        record = read_record(folder, number, plan) if shard_name(number) in there else None
        if record is None or (retry_failed and not record["statuses"].keys().isdisjoint(PASSING)):
            yield number


def _run(
    engine: Engine, job: Job, parts: Sequence[int], jobs: int | None, address: str | None
) -> Iterator[Record]:
    if not parts:
        return iter(())
    if engine == "ray":
        return run_ray(job, parts, jobs=jobs, address=address)
    return run_local(job, parts, jobs=jobs)


def _follow(
    records: Iterator[Record], folder: Folder, plan: Plan, parts: Sequence[int], *, progress: bool
) -> None:
    """Run to the end, with a bar over the planned rows."""
    planned = PlannedRows(folder, plan)
    total = sum(map(planned.count, parts))
    with progress_bar(total, "Embedding", show=progress and total > 0) as advance:
        for record in records:
            advance(record["inputs"])


def _reconciled(folder: Folder, plan: Plan, layout: Layout, *, progress: bool) -> Account:
    total = plan.rows + plan.archives
    with progress_bar(total, "Reconciling", show=progress) as advance:
        return reconcile(folder, plan, layout.schema, range(plan.parts), advance=advance)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
