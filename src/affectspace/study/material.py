"""What a model is trained on: the rows of several corpora, as recorded and in degraded copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.audio.degrade import Degradation
from affectspace.errors import TableError
from affectspace.evaluation.transfer import LABELS
from affectspace.features import FeatureSpec, extract, registry
from affectspace.features.degraded import Degraded
from affectspace.study.inputs import Corpus, Extraction


@dataclass(frozen=True, eq=False)
class Material:
    """Rows to train on.

    Attributes:
        spec: the contract of the features.
        values: shape (copies * n, f): the n rows as recorded, then all of them in each degraded
            copy; NaN where a copy could not be made.
        rows: n rows with `source` (the corpus), `language`, `speaker`, `activation`, `valence`,
            `duration`, and whatever else the corpora say.
    """

    spec: FeatureSpec
    values: npt.NDArray[np.float32]
    rows: pd.DataFrame

    @property
    def as_recorded(self) -> npt.NDArray[np.float32]:
        """The features without degradation, shape (n, f)."""
        return self.values[: len(self.rows)]

    @property
    def clean(self) -> npt.NDArray[np.intp]:
        """The position of each row as recorded, shape (copies * n,)."""
        return np.arange(len(self.values)) % len(self.rows)

    def of_copies(self, column: str) -> npt.NDArray[np.object_]:
        """A column of `rows`, once for each copy, shape (copies * n,)."""
        return self.rows[column].to_numpy(dtype=object)[self.clean]

    def without(self, corpora: frozenset[str]) -> npt.NDArray[np.intp]:
        """Positions of the rows that have features, in all copies, but of some corpora."""
        there = np.isfinite(self.values).all(axis=1)
        return np.flatnonzero(there & ~np.isin(self.of_copies("source"), list(corpora)))


def gather(
    corpora: Sequence[Corpus],
    *,
    extraction: Extraction,
    degradations: Sequence[Degradation] = (),
    progress: bool = False,
) -> Material:
    """Put the usable rows of corpora together, and extract the features of degraded copies.

    Args:
        corpora: read with the same extraction; ratings as the columns `activation` and `valence`.
        extraction: the feature set, and how to extract it.
        degradations: each gives one more copy of every row.
        progress: show progress bars on stderr.

    Raises:
        ContractError: if the corpora's features are of different contracts.
        TableError: if a copy is wanted of a corpus whose recordings aren't there.
    """
    spec = corpora[0].table.spec
    for corpus in corpora:
        spec.check(corpus.table.spec)
    usable = [corpus.table.rows[corpus.table.ok].assign(source=corpus.name) for corpus in corpora]
    rows = pd.concat(usable)
    for label in LABELS:
        rows[label] = pd.to_numeric(rows[label]).astype(float) if label in rows else np.nan
    for column in ("language", "speaker"):
        rows[column] = rows.get(column, None)
    copies = [corpus.table.values[corpus.table.ok].to_numpy() for corpus in corpora]
    for degradation in degradations:
        copies += [_degraded(part, degradation, extraction, progress) for part in usable]
    return Material(spec, np.concatenate(copies), rows)


def _degraded(
    rows: pd.DataFrame, degradation: Degradation, extraction: Extraction, progress: bool
) -> npt.NDArray[np.float32]:
    plain = registry.backend(
        extraction.features, channel=extraction.channel, level=extraction.level
    )
    table = extract(
        rows[[]],
        features=Degraded(plain, degradation),
        jobs=extraction.jobs,
        cache=extraction.cache,
        progress=progress,
    )
    if not table.ok.any():
        raise TableError(
            f"{rows['source'].iloc[0]}: the recipe trains on degraded copies, which need the "
            f"recordings; the first, {rows.index[0][0]}, is {table.rows['status'].iloc[0]}"
        )
    return table.values.to_numpy()
