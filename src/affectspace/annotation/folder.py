"""A study as a folder: what it knows, where its recordings are, and copies of it while it runs.

`study.json` says where audio and database are, `ratings.sqlite` holds the study, `secret` signs the
links. Paths are kept from the folder, so that it can be moved together with its recordings, or
zipped with them inside.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from affectspace.annotation.material import Item
from affectspace.annotation.store import Store, sqlite_url
from affectspace.errors import StudyError
from affectspace.tables import replaced_at_once

FACTS = "study.json"
DATABASE = "ratings.sqlite"
SECRET = "secret"  # noqa: S105  (a file's name)
AUDIO = "audio"
FORMAT = 1


@dataclass(frozen=True)
class StudyFolder:
    """An opened study.

    Attributes:
        path: the folder.
        audio: where its recordings are; the items' paths start there.
        store: its database.
    """

    path: Path
    audio: Path
    store: Store

    @property
    def secret(self) -> Path:
        """The file with what signs the links."""
        return self.path / SECRET

    def file(self, name: str) -> str:
        """Return the path of an item's recording."""
        return os.path.normpath(self.audio / name)


def is_study(path: str | Path) -> bool:
    """Tell whether a folder holds a study."""
    return (Path(path) / FACTS).is_file()


def make_folder(path: str | Path, audio: str | Path, *, database: str | None = None) -> StudyFolder:
    """Make a study's folder, without items yet.

    Args:
        path: the folder; made if need be.
        audio: the folder of the recordings.
        database: the URL of a PostgreSQL database; None keeps the study in the folder.

    Raises:
        StudyError: if there is a study already, or the database can't be used.
    """
    path = Path(path).absolute()
    if is_study(path):
        raise StudyError(f"{path} holds a study already")
    path.mkdir(parents=True, exist_ok=True)
    store = Store(database or sqlite_url(path / DATABASE))
    _write_facts(path, Path(audio), database)
    return StudyFolder(path, Path(audio).absolute(), store)


def open_folder(
    path: str | Path, *, audio: str | Path | None = None, database: str | None = None
) -> StudyFolder:
    """Open a study's folder.

    Args:
        path: the folder.
        audio: where its recordings are now, if they aren't where they were; it is remembered.
        database: the URL, where the study is in PostgreSQL and the URL needs a password, which is
            never stored.

    Raises:
        StudyError: if there is no study, or its recordings or its database can't be found.
    """
    path = Path(path).absolute()
    if not is_study(path):
        raise StudyError(f"{path} holds no study; name recordings with --audio to begin one")
    facts = _read_facts(path)
    url = database or facts["database"]
    if url == DATABASE:
        if not (path / DATABASE).is_file():
            raise StudyError(f"{path / DATABASE} is missing: it holds the study")
        url = sqlite_url(path / DATABASE)
    if audio is None:
        places = Path(os.path.normpath(path / facts["audio"])), Path(facts["audio_absolute"])
        there = next((place for place in places if place.is_dir()), None)
        if there is None:
            raise StudyError(
                f"the recordings of {path} are no longer in {places[0]}; say where they are "
                "with --audio FOLDER"
            )
    else:
        there = Path(audio).absolute()
        _write_facts(path, there, None if facts["database"] == DATABASE else facts["database"])
    return StudyFolder(path, there, Store(url))


def audio_of(path: str | Path) -> Path | None:
    """Return where a study's recordings are; None where they are gone."""
    facts = _read_facts(Path(path).absolute())
    places = Path(os.path.normpath(Path(path).absolute() / facts["audio"])), facts["audio_absolute"]
    return next((Path(place) for place in places if Path(place).is_dir()), None)


def common_folder(found: Sequence[Item]) -> Path:
    """Return the folder that holds all items' recordings."""
    return Path(os.path.commonpath([os.path.dirname(item.file) for item in found]))  # noqa: PTH120


def copy_audio(found: Sequence[Item], path: str | Path) -> list[Item]:
    """Copy recordings into a study's folder, below `audio`, each once.

    Returns:
        The items, with the paths of the copies.
    """
    root = common_folder(found)
    copies = Path(path).absolute() / AUDIO
    moved = []
    for item in found:
        copy = copies / os.path.relpath(item.file, root)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(item.file, copy)
        moved.append(replace(item, file=str(copy)))
    return moved


def back_up(study: StudyFolder, target: str | Path) -> None:
    """Write a zip file from which the study can go on, while it may be running.

    It holds the study's folder as of one moment, with the recordings only where they are inside.
    Whoever has it can open all links.

    Args:
        study: the study, in SQLite.
        target: a path that ends in `.zip`.

    Raises:
        StudyError: if the study is in PostgreSQL, which has its own tools, or the name is another.
    """
    target = Path(target)
    if target.suffix.lower() != ".zip":
        raise StudyError(f"a backup's name ends in .zip, not {target.name!r}")
    if not study.store.is_sqlite:
        raise StudyError("the study is in PostgreSQL; back it up with pg_dump")
    with replaced_at_once(target) as beside, tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / DATABASE
        copy_database(study.path / DATABASE, copy)
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(copy, DATABASE)
            for name in (FACTS, SECRET):
                if (study.path / name).is_file():
                    archive.write(study.path / name, name)
            inside = study.path / AUDIO
            for file in sorted(inside.rglob("*")) if inside.is_dir() else []:
                archive.write(file, file.relative_to(study.path))
        beside.chmod(0o600)  # it holds the secret


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as of one moment, while others read and write it.

    Raises:
        StudyError: if it can't be read.
    """
    try:
        reading = sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=30)
        writing = sqlite3.connect(target)
        try:
            reading.backup(writing)
        finally:
            writing.close()
            reading.close()
    except sqlite3.Error as error:
        raise StudyError(f"{source} can't be copied: {error}") from None


def _read_facts(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads((path / FACTS).read_text(encoding="utf-8"))
        complete = all(
            isinstance(facts[key], str) for key in ("audio", "audio_absolute", "database")
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path / FACTS} can't be read: {error}") from None
    if facts.get("format") != FORMAT or not complete:
        raise StudyError(f"{path / FACTS} is of format {facts.get('format')}, not {FORMAT}")
    return facts


def _write_facts(path: Path, audio: Path, database: str | None) -> None:
    facts = {
        "format": FORMAT,
        "audio": os.path.relpath(audio, path),
        "audio_absolute": str(audio.absolute()),
        "database": DATABASE if database is None else _without_password(database),
    }
    with replaced_at_once(path / FACTS) as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _without_password(url: str) -> str:
    return sa.make_url(url).set(password=None).render_as_string()
