"""From a path to features with labels: a corpus's folder, an utterance table, or ready features."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from affectspace import corpora, features, tables
from affectspace.audio import Channel
from affectspace.errors import ContractError, CorpusError, TableError
from affectspace.features import FeatureTable
from affectspace.features.spec import AS_RECORDED
from affectspace.features.table import sets_among, stored_spec

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How recordings become features; the defaults are those of `features.extract`.

    Attributes:
        features: the feature set, as `features.extract` takes it.
        channel: `first`, `mean`, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL`.
        jobs: worker processes; None is one per core.
        cache: folder of the cache; None is the platform's; False is no cache.
    """

    features: str = "native"
    channel: Channel = "first"
    level: str = AS_RECORDED
    jobs: int | None = None
    cache: str | bool | None = None


@dataclass(frozen=True)
class Corpus:
    """A corpus that came in.

    Attributes:
        name: as in the results table.
        path: where it came from.
        digest: SHA-256 of what was read: the feature table, or every recording and label.
        table: its features, with the labels as columns of `rows`.
    """

    name: str
    path: Path
    digest: str
    table: FeatureTable

    def summary(self) -> dict[str, object]:
        """One row about the corpus: rows, those with features, speakers, rated rows."""
        rows = self.table.rows
        problems = rows["status"][~self.table.ok].value_counts()
        return {
            "corpus": self.name,
            "rows": len(rows),
            "usable": int(self.table.ok.sum()),
            "speakers": _count(rows, "speaker"),
            "emotions": _count(rows, "emotion"),
            "activation": int(rows["activation"].notna().sum()) if "activation" in rows else 0,
            "valence": int(rows["valence"].notna().sum()) if "valence" in rows else 0,
            "left out": ", ".join(f"{count} {status}" for status, count in problems.items()),
        }


def read_corpus(
    name: str,
    path: str | Path,
    *,
    extraction: Extraction | None = None,
    labels: str | Path | None = None,
    recordings: bool = False,
    progress: bool = False,
) -> Corpus:
    """Read a corpus, and extract its features where they aren't there yet.

    Args:
        name: of a corpus that the package can read (see `affectspace corpora list`), or any name
            where the path is a table.
        path: the corpus's folder; an utterance table (CSV or Parquet, files relative to it); or a
            feature table that holds the set's columns.
        extraction: the feature set, and how to extract it.
        labels: ratings to add: the folder of the paper's label files, of which the corpus's own is
            taken, or any CSV. A corpus without a file there keeps the ratings it brings.
        recordings: take a folder under a name that is no corpus's for the recordings in it; else it
            is refused, as a name may be misspelt.
        progress: show a progress bar on stderr.

    Raises:
        CorpusError: if the path is missing, or the folder is another corpus's.
        TableError: if a table or the labels can't be read.
        ContractError: if a feature table holds another set.
        MissingExtraError: if the set needs an extra that isn't installed.
    """
    extraction, path = extraction or Extraction(), Path(path)
    known, opened = _opened(name, path, extraction, labels, recordings=recordings)
    if isinstance(opened, FeatureTable):
        return Corpus(known, path, _digest([path]), opened)
    return _extracted(known, path, opened, extraction, progress=progress)


def read_rows(
    name: str,
    path: str | Path,
    *,
    extraction: Extraction | None = None,
    recordings: bool = False,
) -> tuple[str, pd.DataFrame]:
    """Read what is known of a corpus's utterances, as `read_corpus` does, and open no recording.

    Returns:
        The corpus's name in the registry's spelling, and its rows with labels.

    Raises:
        AffectspaceError: as `read_corpus` does.
    """
    extraction = extraction or Extraction()
    known, opened = _opened(name, Path(path), extraction, None, recordings=recordings)
    return known, opened.rows if isinstance(opened, FeatureTable) else opened


def _opened(
    name: str,
    path: Path,
    extraction: Extraction,
    labels: str | Path | None,
    *,
    recordings: bool,
) -> tuple[str, FeatureTable | pd.DataFrame]:
    """A corpus's name, and its features where they are there, or else its utterances."""
    # at first, as it may need an extra
    spec = features.spec(extraction.features, channel=extraction.channel, level=extraction.level)
    if labels is not None and not Path(labels).exists():
        raise TableError(f"there are no labels at {labels}")
    if path.is_dir():
        if recordings and known_name(name) not in corpora.names():
            return name, tables.find_utterances([path])
        known = corpora.get(name).name
        return known, corpora.read(known, path, labels=labels)
    if not path.is_file():
        raise CorpusError(f"{name}: there is no folder and no table at {path}")
    known = known_name(name)
    if set(spec.features) <= set(tables.read_frame(path).columns):
        table = FeatureTable.read(path, extraction.features)
        spec.check(table.spec)
        return known, replace(table, rows=_labelled(known, table.rows, labels))
    _refuse_other_sets(path, spec.name)
    return known, _labelled(known, tables.read_table(path, resolve=True), labels)


def read_corpora(
    paths: Iterable[tuple[str, str | Path]],
    *,
    extraction: Extraction | None = None,
    labels: str | Path | None = None,
    progress: bool = False,
) -> dict[str, Corpus]:
    """Read several corpora, by name and path; see [`read_corpus`][affectspace.study.read_corpus].

    Raises:
        CorpusError: if a corpus comes twice, under whatever spelling.
    """
    found: dict[str, Corpus] = {}
    for name, path in paths:
        corpus = read_corpus(name, path, extraction=extraction, labels=labels, progress=progress)
        if corpus.name in found:
            raise CorpusError(f"{corpus.name} was given twice; each corpus takes part once")
        found[corpus.name] = corpus
    return found


def known_name(name: str) -> str:
    """Return the registry's spelling of a corpus's name; a name that isn't there, as it is."""
    try:
        return corpora.get(name).name
    except CorpusError:
        return name


def _labelled(name: str, rows: pd.DataFrame, labels: str | Path | None) -> pd.DataFrame:
    """A table's rows in the words of its corpus, with the ratings that came apart."""
    known = name in corpora.names()
    if known:
        rows = corpora.standardise(rows, name)
        return rows if labels is None else corpora.add_ratings(rows, name, labels)
    if labels is not None and Path(labels).is_file():
        rows = tables.add_labels(rows, tables.read_labels(labels))
    for rating in set(tables.RATINGS) & set(rows.columns):
        values = pd.to_numeric(rows[rating])
        if not values.dropna().between(1, 5).all():
            raise TableError(
                f"{name}: {rating} should be from 1 to 5, and goes from {values.min():g} to "
                f"{values.max():g}"
            )
    return rows


def _refuse_other_sets(path: Path, wanted: str) -> None:
    """A feature table of another set must not be taken for a list of recordings."""
    stored = stored_spec(path)
    for held in sets_among(tables.read_frame(path).columns) if stored is None else [stored]:
        if held.name != wanted:
            raise ContractError(f"{path} holds features of {held.name}, not of {wanted}")


def _extracted(
    name: str, path: Path, utterances: pd.DataFrame, extraction: Extraction, *, progress: bool
) -> Corpus:
    table = features.extract(
        utterances,
        features=extraction.features,
        channel=extraction.channel,
        level=extraction.level,
        jobs=extraction.jobs,
        cache=extraction.cache,
        progress=progress,
    )
    if not table.ok.any():
        reasons = table.rows["status"].value_counts().to_dict()
        raise TableError(
            f"{name}: not one of {len(table)} rows could be used: {reasons}; the first was "
            f"{table.rows.index[0][0]}"
        )
    if not table.ok.all():
        left_out = table.rows[~table.ok]
        reasons = left_out["status"].value_counts().to_dict()
        first = f"{left_out.index[0][0]}: {left_out['message'].iloc[0]}"
        _LOG.warning(
            "%s: %d of %d rows are left out, %s; first %s",
            name,
            len(left_out),
            len(table),
            reasons,
            first,
        )
    files = dict.fromkeys(utterances.index.get_level_values("file"))
    written = utterances.reset_index(drop=True).to_csv().encode()
    return Corpus(name, path, _digest(map(Path, files), written), table)


def _digest(files: Iterable[Path], more: bytes = b"") -> str:
    """SHA-256 over the contents of files (a missing one counts as empty) and some more bytes."""
    digest = hashlib.sha256(more)
    for file in files:
        content = file.read_bytes() if file.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def _count(rows: pd.DataFrame, column: str) -> int:
    return int(rows[column].nunique()) if column in rows else 0
