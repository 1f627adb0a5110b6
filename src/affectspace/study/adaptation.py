"""From a model and a table to an adapted model folder, with utterances to rate next."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from affectspace.adapt import Adaptation, adapt, adapted_card, suggest
from affectspace.adapt.adaptation import Goal, check_ratings
from affectspace.adapt.expectation import as_records
from affectspace.errors import TableError
from affectspace.features import FeatureTable
from affectspace.features.table import stored_spec
from affectspace.model import AffectModel, check_output, load_model, save_model
from affectspace.model.alignment import check_alignable
from affectspace.model.contract import adopt
from affectspace.study.inputs import Extraction, read_corpus, read_rows
from affectspace.tables import write_table
from affectspace.tables.frames import known_name

SUGGESTIONS = "suggestions.csv"


class AdaptedFolder(NamedTuple):
    """What was written: the adaptation, suggested rows as an utterance table, and warnings.

    Attributes:
        adaptation: to the ratings.
        suggestions: the rows.
        warnings: what to mind.
    """

    adaptation: Adaptation
    suggestions: pd.DataFrame
    warnings: tuple[str, ...] = ()


def adapt_model(
    model: str | Path | AffectModel,
    data: str | Path,
    *,
    output: str | Path,
    name: str | None = None,
    columns: Mapping[str, str] | None = None,
    suggestions: int = 0,
    align: bool = False,
    goal: Goal = "agreement",
    jobs: int | None = None,
    cache: str | bool | None = None,
    progress: bool = False,
) -> AdaptedFolder:
    """Adapt a model to a table of utterances, and write its folder.

    Args:
        model: the model, or what `load_model` takes.
        data: an utterance table or feature table with the ratings as columns, and `speaker` where
            known; or a corpus's folder, with its name; or a folder of recordings, to align with or
            to suggest from. Rows without ratings are welcome.
        output: the model folder. With suggestions, `suggestions.csv` is written there too.
        name: of the corpus, where `data` is one that the package knows.
        columns: for labels of the model, the columns of their ratings; None takes those that are
            called like a label, but for the estimates of an embedding table.
        suggestions: how many utterances to suggest for rating.
        align: put the estimates on the data's own scale first, see
            [`AffectModel.aligned`][affectspace.model.AffectModel.aligned].
        goal: see [`adapt`][affectspace.adapt.adapt].
        jobs: worker processes of the extraction; None is one per core.
        cache: folder of the feature cache; None is the platform's; False is no cache.
        progress: show a progress bar on stderr.

    Raises:
        TableError: if there is neither a rating nor anything else to do, or a rating isn't from 1
            to 5.
        ModelError: if `output` holds other things.
        AffectspaceError: if an input can't be used.
    """
    check_output(output)  # before the work, not after it
    start = model if isinstance(model, AffectModel) else load_model(model)
    if align:
        check_alignable(start)
    path, named, name = Path(data), name is not None, name or Path(data).stem
    ready = path.is_file() and start.spec is not None and stored_spec(path) == start.spec
    if ready:
        table = FeatureTable.read(path)
        rows = table.rows
    else:
        start = adopt(start)
        extraction = _extraction(start, jobs, cache)
        name, rows = read_rows(name, path, extraction=extraction, recordings=not named)
    ratings = _ratings(start, rows, columns)  # what is wrong is said before anything is extracted
    rated = np.isfinite(check_ratings(start, ratings, len(ratings))).any(axis=1)
    if not (rated.any() or suggestions or align):
        raise TableError(
            f"{data} has no ratings of {' or '.join(start.labels)} (estimates of an embedding "
            "table are none), so there is nothing to adapt to: name their columns with --labels, "
            "ask for suggestions, or align"
        )
    if not ready:
        table = read_corpus(
            name, path, extraction=extraction, recordings=not named, progress=progress
        ).table
    if align:
        start = start.aligned(table)
    speakers = table.rows["speaker"].to_numpy(dtype=object) if "speaker" in table.rows else None
    adaptation = adapt(start, table, ratings, speakers=speakers, goal=goal)
    suggested = table.rows.iloc[:0]
    if suggestions:
        suggested = table.rows.iloc[suggest(start, table, suggestions, already=rated)]
    suggested = suggested[[column for column in ("speaker",) if column in suggested]]
    save_model(
        adaptation.model,
        output,
        card=adapted_card(adaptation) if adaptation.changed or align else None,
        metrics=as_records(adaptation.expected) if rated.any() else [],
    )
    if suggestions:
        blank = dict.fromkeys(start.labels, np.nan)
        write_table(suggested.assign(**blank), Path(output) / SUGGESTIONS)
    warnings = _known(start, name, rows)
    if columns is None and (own := _estimated(start, rows)):
        warnings += (
            f"In this table {' and '.join(own)} are estimates and were not read as ratings; if "
            f"they are ratings, say so: --labels {own[0]}={own[0]}",
        )
    return AdaptedFolder(adaptation, suggested, warnings)


def _extraction(model: AffectModel, jobs: int | None, cache: str | bool | None) -> Extraction:
    assert model.spec is not None  # noqa: S101  (adopt has refused models without a contract)
    return Extraction(
        features=model.spec.name,
        channel=model.spec.channel,
        level=model.spec.level,
        jobs=jobs,
        cache=cache,
    )


def _known(model: AffectModel, name: str, rows: pd.DataFrame) -> tuple[str, ...]:
    """Warn where the data's corpus is one that the model was trained on, after its own record."""
    here = {name, *(rows["corpus"].dropna().astype(str) if "corpus" in rows else ())}
    met = [source for source in model.record.get("sources", ()) if source in here]
    if not met:
        return ()
    return (
        f"The model was trained on {', '.join(met)}: it knows these utterances and speakers, so "
        "what it gains on them says little about speech that it hasn't heard.",
    )


def _estimated(model: AffectModel, rows: pd.DataFrame) -> list[str]:
    """The labels whose columns are estimates: their table is one of embeddings."""
    return [
        label
        for label in model.labels
        if {label, f"{label}_low", "unusualness"} <= set(rows.columns)
    ]


def _ratings(
    model: AffectModel, rows: pd.DataFrame, columns: Mapping[str, str] | None
) -> pd.DataFrame:
    """A column per label of the model, NaN where unrated."""
    if columns is None:
        own = _estimated(model, rows)
        columns = {label: label for label in model.labels if label in rows and label not in own}
    columns = {
        label: column if column in rows else known_name(column) for label, column in columns.items()
    }
    for label, column in columns.items():
        if label not in model.labels:
            raise TableError(f"the model estimates {', '.join(model.labels)}, not {label}")
        if column not in rows:
            raise TableError(f"there is no column {column!r} for {label} in the table")
    for label in model.labels:
        if label in columns or label in rows:
            continue
        if close := get_close_matches(label, map(str, rows.columns), n=1, cutoff=0.8):
            raise TableError(
                f"there is no column {label!r} in the table, but {close[0]!r}: correct it, or name "
                f"the columns with --labels, such as {label}={close[0]}"
            )
    found = {label: rows[column] for label, column in columns.items()}
    return pd.DataFrame(found, index=rows.index).reindex(columns=list(model.labels))
