"""A study from paths and wishes: begun, or opened and changed."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from affectspace.annotation import folder, material
from affectspace.annotation.folder import StudyFolder
from affectspace.annotation.raters import add_rater, all_raters
from affectspace.annotation.schema import items
from affectspace.annotation.settings import StudySettings
from affectspace.annotation.store import read_settings, write_settings
from affectspace.errors import StudyError
from affectspace.tables import read_table

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wishes:
    """What somebody wants of a study, beside its settings.

    Attributes:
        audio: files, folders or tables with what is to be rated; none when a study goes on.
        practice: items to practise on, likewise.
        practice_count: or so many of the items, drawn at random.
        only: a table of the items to rate from now on, such as `adapt` suggests.
        raters: names; those who are new are added.
        copy: whether the recordings are copied into the study's folder.
        keep_unusable: whether what can be heard is taken, though `embed` could make nothing of it.
        database: the URL of a PostgreSQL database.
        progress: whether a bar on stderr says how far the recordings are checked.
    """

    audio: Sequence[str] = ()
    practice: Sequence[str] = ()
    practice_count: int = 0
    only: str | None = None
    raters: Sequence[str] = ()
    copy: bool = False
    keep_unusable: bool = False
    database: str | None = None
    progress: bool = False


def prepare_study(
    path: str | Path, wishes: Wishes, *, changes: Mapping[str, Any] | None = None
) -> StudyFolder:
    """Begin a study in a folder, or open the one that is there, and change it as wished.

    Args:
        path: the folder.
        wishes: what is wanted.
        changes: settings that are to be others than the default's, or than they were.

    Returns:
        The opened study.

    Raises:
        StudyError: if it can't be done; a study that was there is then as it was.
        TableError: if a table can't be read.
    """
    if folder.is_study(path):
        return _resume(Path(path), wishes, changes or {})
    if not wishes.audio:
        raise StudyError(f"{path} holds no study; name recordings with --audio to begin one")
    return _begin(Path(path), wishes, StudySettings().changed(**(changes or {})))


def _begin(path: Path, wishes: Wishes, settings: StudySettings) -> StudyFolder:
    found = _found(wishes, settings)
    if wishes.copy:
        found = folder.copy_audio(found, path)
        root = path.absolute() / folder.AUDIO
    else:
        root = folder.common_folder(found)
    study = folder.make_folder(path, root, database=wishes.database)
    try:
        with study.store.writing() as connection:
            if connection.execute(sa.select(sa.func.count()).select_from(items)).scalar():
                raise StudyError("the database holds a study already; name another")
            write_settings(connection, settings)
            material.add_items(connection, found, root, seed=settings.seed)
            _choose(connection, study, wishes, begun=True)
    except Exception:
        study.store.close()
        (path / folder.FACTS).unlink(missing_ok=True)
        raise
    return study


def _resume(path: Path, wishes: Wishes, changes: Mapping[str, Any]) -> StudyFolder:
    moved = bool(wishes.audio) and folder.audio_of(path) is None
    if moved and (len(wishes.audio) != 1 or not Path(wishes.audio[0]).is_dir()):
        raise StudyError("the recordings are gone: name the folder where they are now by --audio")
    study = folder.open_folder(
        path, audio=wishes.audio[0] if moved else None, database=wishes.database
    )
    try:
        with study.store.writing() as connection:
            settings = read_settings(connection).changed(**changes)
            write_settings(connection, settings)
            added = 0
            if (wishes.audio and not moved) or wishes.practice:
                found = _found(wishes, settings)
                added = material.add_items(connection, found, study.audio, seed=settings.seed)
                _LOG.info("items added: %d", added)
            _choose(connection, study, wishes, begun=added > 0)
        _check_there(study)
    except Exception:
        study.store.close()
        raise
    return study


def _found(wishes: Wishes, settings: StudySettings) -> list[material.Item]:
    """Find what is to be rated, and what is to be practised on."""
    find = functools.partial(
        material.find_items, keep_unusable=wishes.keep_unusable, progress=wishes.progress
    )
    found = find(wishes.audio) if wishes.audio else []
    if wishes.practice:
        practice = [replace(item, practice=True) for item in find(wishes.practice)]
        apart = {(item.file, item.start, item.end) for item in practice}
        rest = [item for item in found if (item.file, item.start, item.end) not in apart]
        if found and not rest:
            raise StudyError("all items are practice items; there is nothing left to rate")
        return practice + rest
    return material.set_apart(found, wishes.practice_count, seed=settings.seed)


def _choose(connection: sa.Connection, study: StudyFolder, wishes: Wishes, *, begun: bool) -> None:
    """Open a round where one is asked for or needed, and add raters who are new."""
    if wishes.only is not None:
        table = read_table(wishes.only)
        folders = [study.audio, Path(wishes.only).absolute().parent]
        material.open_round(connection, material.match_items(connection, table, folders))
    elif begun:
        material.open_round(connection)
    there = {rater.name.casefold() for rater in all_raters(connection)}
    for name in wishes.raters:
        if " ".join(name.split()).casefold() not in there:
            there.add(add_rater(connection, name).name.casefold())


def _check_there(study: StudyFolder) -> None:
    """Say so at once if recordings are missing: a rater would meet it later."""
    with study.store.reading() as connection:
        files = connection.execute(sa.select(items.c.file).distinct()).scalars().all()
    missing = [file for file in files if not os.path.exists(study.file(file))]  # noqa: PTH110
    if len(missing) == len(files):
        raise StudyError(
            f"none of the {len(files)} recordings is in {study.audio}; say where with --audio"
        )
    if missing:
        _LOG.warning("recordings that are missing: %d, first %s", len(missing), missing[0])
