"""What a study has collected: as ratings tables, and written in the formats of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from affectspace.annotation.agreement import agree
from affectspace.annotation.assess import write_statistics
from affectspace.annotation.folder import StudyFolder
from affectspace.annotation.formats import Ratings, write_label_file
from affectspace.annotation.ratings import LABEL, RATER, check_ratings, labels_of
from affectspace.annotation.schema import assignments, events, items, raters, ratings
from affectspace.annotation.tidy import tidy
from affectspace.annotation.utterances import gold_table, relocated
from affectspace.errors import StudyError
from affectspace.tables import INDEX, replaced_at_once, utterance_index, write_table

RATED = ("activation", "valence", "dominance")


@dataclass(frozen=True)
class Format:
    """Something that can be written of a study.

    Attributes:
        title: in words.
        suffix: of the file.
    """

    title: str
    suffix: str


FORMATS: Mapping[str, Format] = {
    "table": Format("Gold standard and all raters, for adapt and audformat (CSV)", ".csv"),
    "table-parquet": Format("The same (Parquet)", ".parquet"),
    "ratings": Format("Every rating, with repeats, categories, comments and times (CSV)", ".csv"),
    "agreement": Format("How far the raters agree, all statistics (CSV)", ".csv"),
    "labels": Format("Label file of the paper: file name, activation, valence (CSV)", ".csv"),
    "log": Format("Everything that raters did, what they took back too (JSON lines)", ".jsonl"),
}


def collect(connection: sa.Connection) -> Ratings:
    """Return all ratings that count: no practice, and none that was taken back.

    Returns:
        The ratings table, hidden repeats marked, and all items of the study, rated or not, with
        what is known of them. Files are relative to the study's audio folder.
    """
    rows = _rows(connection)
    parts = [rows.assign(label=label, value=rows[label].astype("float64")) for label in RATED]
    long = pd.concat(parts, ignore_index=True)
    return Ratings(check_ratings(long), _items(connection))


def every_rating(connection: sa.Connection) -> pd.DataFrame:
    """Return one row per rating, with all that was said, in the order of time."""
    rows = _rows(connection).sort_values("rated", kind="stable", ignore_index=True)
    return rows[
        [
            *(*INDEX, "rater", *RATED, "category", "cannot_judge", "comment", "repeat", "order"),
            *("replays", "seconds", "duration", "rated"),
        ]
    ]


def write_collected(
    study: StudyFolder, name: str, path: str | Path, *, root: str | Path | None = None
) -> None:
    """Write what a study has collected.

    Args:
        study: the study.
        name: of `FORMATS`.
        path: the file, with that format's suffix. In tables, files are relative to it, as
            everywhere; `ratings` and `log` have them relative to the study's audio folder.
        root: take this folder for the audio folder, where the file will be moved beside it.

    Raises:
        StudyError: if there is no such format, or nothing is rated yet.
        TableError: if the format has no place for what there is.
    """
    path = Path(path)
    if name not in FORMATS:
        raise StudyError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    if path.suffix.lower() != FORMATS[name].suffix:
        raise StudyError(
            f"{name} goes to a file that ends in {FORMATS[name].suffix}, not {path.name}"
        )
    with study.store.reading() as connection:
        if name == "log":
            _write_log(connection, path)
            return
        if name == "ratings":
            _write_ratings(every_rating(connection), path)
            return
        collected = collect(connection)
    if collected.table.empty:
        raise StudyError("nothing is rated yet")
    if name == "agreement":
        write_statistics(statistics_of(collected.table), path)
        return
    table = gold_table(collected)
    if name == "labels":
        write_label_file(table, path)
    else:
        old = study.audio if root is None else root
        write_table(relocated(table, old=old, new=path.absolute().parent), path)


def statistics_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return all statistics of the labels that two or more raters rated.

    Raises:
        StudyError: if there is none.
    """
    counts = {label: table[table[LABEL] == label][RATER].nunique() for label in labels_of(table)}
    shared = [label for label, count in counts.items() if count > 1]
    if not shared:
        raise StudyError("only one rater has rated; agreement needs two or more")
    return tidy(agree(table, label) for label in shared)


def _rows(connection: sa.Connection) -> pd.DataFrame:
    """All ratings but those of practice, as plain columns."""
    found = connection.execute(
        sa.select(
            items.c.file,
            items.c.start,
            items.c.end,
            items.c.seconds.label("duration"),
            raters.c.name.label("rater"),
            assignments.c.repetition,
            assignments.c.position.label("order"),
            ratings,
        )
        .join(assignments, assignments.c.id == ratings.c.assignment_id)
        .join(items, items.c.id == assignments.c.item_id)
        .join(raters, raters.c.id == assignments.c.rater_id)
        .where(~assignments.c.practice)
        .order_by(raters.c.id, assignments.c.position)
    )
    columns = list(found.keys())
    rows = pd.DataFrame([tuple(row) for row in found], columns=columns)
    taken = rows["milliseconds"].astype("float64") / 1000
    rows["seconds"] = taken.where(taken > 0)
    rows["repeat"] = rows["repetition"] > 0
    return rows.drop(columns=["assignment_id", "repetition", "milliseconds"])


def _items(connection: sa.Connection) -> pd.DataFrame:
    columns = items.c.file, items.c.start, items.c.end, items.c.about
    found = connection.execute(
        sa.select(*columns).where(~items.c.practice).order_by(items.c.id)
    ).all()
    index = utterance_index(
        [row.file for row in found], [row.start for row in found], [row.end for row in found]
    )
    about: list[dict[str, Any]] = [json.loads(row.about) for row in found]
    return pd.DataFrame(about, index=index)


def _write_ratings(rows: pd.DataFrame, path: Path) -> None:
    rows = rows.assign(comment=[_harmless(text) for text in rows["comment"]])
    with replaced_at_once(path) as beside:
        rows.to_csv(beside, index=False, encoding="utf-8")


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a rater's words for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _write_log(connection: sa.Connection, path: Path) -> None:
    found = connection.execute(
        sa.select(
            events.c.at, raters.c.name, events.c.kind, items.c.file, items.c.start, events.c.content
        )
        .join(raters, raters.c.id == events.c.rater_id)
        .join(items, items.c.id == events.c.item_id)
        .order_by(events.c.id)
    )
    with replaced_at_once(path) as beside, beside.open("w", encoding="utf-8") as file:
        for row in found:
            said = json.loads(row.content)
            told = {"at": row.at, "rater": row.name, "did": row.kind, "file": row.file}
            file.write(json.dumps({**told, "start": row.start, **said}, ensure_ascii=False) + "\n")
