"""An embedded collection as one self-contained HTML page, for any browser, offline.

The page holds the table, the plots and their library, and asks for nothing but the recordings
beside it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from affectspace.errors import TableError
from affectspace.model.alignment import THE_MODELS
from affectspace.report import listening, page, summary
from affectspace.report.columns import as_json, page_data
from affectspace.tables import INDEX, replaced_at_once

Audio = Literal["none", "link", "embed"]

TITLE = "Activation and valence in speech"

SCRIPTS = (
    *("embedding.rows.js", "embedding.state.js", "page.theme.js", "embedding.colour.js"),
    *("embedding.axes.js", "embedding.tooltip.js", "embedding.doubts.js", "embedding.plane.js"),
    "embedding.histograms.js",
    *("embedding.trajectory.js", "embedding.table.js", "embedding.details.js"),
    *("embedding.filters.js", "embedding.main.js"),
)
"""The page's own scripts, in the order in which they run."""

SHARED = (
    *("page.css", "embedding.css", "embedding.rows.js", "embedding.state.js", "page.theme.js"),
    *("embedding.colour.js", "embedding.axes.js", "embedding.tooltip.js", "embedding.table.js"),
    *("embedding.details.js", "embedding.filters.js", "embedding.doubts.js"),
)
"""Those styles and scripts that also serve where the rows come from a service."""


def embedding_page(
    table: pd.DataFrame,
    *,
    model: Mapping[str, Any],
    settings: Mapping[str, Any],
    title: str = TITLE,
    notice: str = "",
    audio: Audio = "link",
    page_folder: str | Path | None = None,
    budget: int = listening.BUDGET,
) -> str:
    """An embedded collection as one HTML page that loads nothing from anywhere.

    It shows the affect plane, trajectories over time, distributions and all rows, which can be
    searched, filtered and listened to. The page holds the files' paths and every column of the
    table, up to `columns.MOST_INPUT_COLUMNS` that came with the input.

    Args:
        table: the embedding table. Labels, intervals and quality columns that it lacks are left
            out of the page.
        model: facts on the model, shown as they are; `name` and `version` stand at the top.
        settings: what was run, shown as it is. Its `versions`, a mapping of packages to versions,
            are shown apart; without them they are those of this installation.
        title: the page's heading.
        notice: a banner at the top, for instance that the speech is synthetic.
        audio: `link`: play the files where they lie, by addresses relative to `page_folder`;
            `embed`: put the sound of each row into the page; `none`: no sound.
        page_folder: the folder that the page will stand in, for relative addresses.
        budget: how much sound to embed at most, in characters.

    Returns:
        The page. It is ASCII but for title, notice, model and settings.

    Raises:
        TableError: if the table lacks the index levels or the column `status`.
        ValueError: if `audio` isn't one of the three.
    """
    _check(table, audio)
    data = page_data(table)
    clips = _clips(table, audio, budget)
    data |= {"audio": audio, **_addresses(data, audio, page_folder)}
    return page.render(
        "embedding.html",
        styles=("page.css", "embedding.css"),
        scripts=SCRIPTS,
        title=title,
        notice=notice,
        data=as_json(data),
        clips=as_json({"type": listening.MEDIA_TYPE, "clips": clips}) if clips else "",
        sound=_sound_in_words(audio, clips, table),
        sentences=summary.sentences(table),
        statuses=[count for count in summary.status_counts(table) if count.word != "ok"],
        cautions=summary.caution_counts(table),
        labels=summary.estimated(table),
        calibrated=_is_calibrated(table),
        any_scored=bool(summary.scored(table).any()),
        left_out=data["left_out"],
        aligned="" if model.get("scale", THE_MODELS) == THE_MODELS else str(model["scale"]),
        model={str(key): value for key, value in model.items()},
        settings={str(key): value for key, value in settings.items() if key != "versions"},
        versions=settings.get("versions") or page.package_versions(),
    )


def write_embedding_page(
    path: str | Path,
    table: pd.DataFrame,
    *,
    model: Mapping[str, Any],
    settings: Mapping[str, Any],
    title: str = TITLE,
    notice: str = "",
    audio: Audio = "link",
) -> None:
    """Write [`embedding_page`][affectspace.report.embedding.embedding_page] to a file, at once.

    Args:
        path: the page. Its folder is made if need be; the recordings' addresses are relative to it.
        table: the embedding table.
        model: facts on the model.
        settings: what was run.
        title: the page's heading.
        notice: a banner at the top.
        audio: `link`, `embed` or `none`.

    Raises:
        TableError: if the table lacks the index levels or the column `status`.
        OSError: if the page can't be written. What was there stays.
    """
    text = embedding_page(
        table,
        model=model,
        settings=settings,
        title=title,
        notice=notice,
        audio=audio,
        page_folder=Path(path).parent,
    )
    with replaced_at_once(path) as beside:
        beside.write_bytes(text.encode("utf-8", errors="replace"))  # names that aren't UTF-8


def _check(table: pd.DataFrame, audio: str) -> None:
    if audio not in get_args(Audio):
        raise ValueError(f"audio should be one of {', '.join(get_args(Audio))}, and is {audio!r}")
    if tuple(table.index.names) != INDEX:
        raise TableError(
            f"expected an embedding table with the index levels {', '.join(INDEX)}, "
            f"not {', '.join(map(str, table.index.names))}"
        )
    if "status" not in table:
        raise TableError("expected an embedding table with a column status; there is none")


def _addresses(
    data: Mapping[str, Any], audio: Audio, page_folder: str | Path | None
) -> dict[str, Any]:
    """Where the page finds the recordings: an address for each folder, and those of odd files."""
    if audio != "link":
        return {"addresses": [], "odd_addresses": {}}
    folders = [posixpath.join(data["root"], folder) for folder in data["folders"]]
    codes, names = data["files"]["folder"], data["files"]["name"]
    files = [posixpath.join(folders[code], name) for code, name in zip(codes, names, strict=True)]
    return {
        "addresses": listening.folder_addresses(folders, page_folder=page_folder),
        "odd_addresses": listening.odd_addresses(files, page_folder=page_folder),
    }


def _clips(table: pd.DataFrame, audio: Audio, budget: int) -> list[str | None]:
    if audio != "embed":
        return []
    index = table.index
    assert isinstance(index, pd.MultiIndex)  # noqa: S101  # three levels were checked
    return listening.embedded_clips(index, budget=budget)


def _sound_in_words(audio: Audio, clips: Sequence[str | None], table: pd.DataFrame) -> str:
    if audio == "none":
        return "This page holds no sound and doesn't link to any."
    if audio == "link":
        return (
            "Recordings are played from where they lay when the page was made; where page and "
            "recordings are moved, they have to be moved together."
        )
    inside = sum(clip is not None for clip in clips)
    found = f"The sound of {inside:,} of {len(table):,} rows is inside this page."
    if inside < len(table):
        found += " The rest can't be read, or would have made the page too large."
    return found


def _is_calibrated(table: pd.DataFrame) -> bool:
    ends = [f"{label}_low" for label in summary.LABELS]
    return any(end in table and bool(table[end].notna().any()) for end in ends)
