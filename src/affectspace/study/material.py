"""What a model is trained on: the rows of several corpora, as recorded and in degraded copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.audio.degrade import Degradation
from affectspace.errors import TableError
from affectspace.evaluation.transfer import LABELS
from affectspace.features import FeatureSpec, extract, registry
from affectspace.features.backend import Backend
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
        teacher_spec: the contract of what a teacher hears, where that is another set.
        teacher_values: what it hears, of the n rows as recorded, shape (n, g); NaN where the set
            has no answer.
    """

    spec: FeatureSpec
    values: npt.NDArray[np.float32]
    rows: pd.DataFrame
    teacher_spec: FeatureSpec | None = None
    teacher_values: npt.NDArray[np.float32] | None = None

    @property
    def as_recorded(self) -> npt.NDArray[np.float32]:
        """The features without degradation, shape (n, f)."""
        return self.values[: len(self.rows)]

    @property
    def for_teacher(self) -> tuple[FeatureSpec, npt.NDArray[np.float32]]:
        """What a teacher hears of the rows as recorded, shape (n, g), and its contract."""
        if self.teacher_spec is None or self.teacher_values is None:
            return self.spec, self.as_recorded
        return self.teacher_spec, self.teacher_values

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
    teacher_features: str | None = None,
    progress: bool = False,
) -> Material:
    """Put the usable rows of corpora together, and extract what else a recipe needs of them.

    Args:
        corpora: read with the same extraction; ratings as the columns `activation` and `valence`.
        extraction: the feature set, and how to extract it.
        degradations: each gives one more copy of every row.
        teacher_features: the set that a teacher hears; None: the same as the network.
        progress: show progress bars on stderr.

    Raises:
        ContractError: if the corpora's features are of different contracts.
        TableError: if a copy or another set is wanted of a corpus whose recordings aren't there.
        MissingExtraError: if the teacher's set needs an extra that isn't installed.
    """
    teacher = None
    if teacher_features not in (None, extraction.features):
        teacher = _backend(replace(extraction, features=teacher_features))
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
        worse = Degraded(_backend(extraction), degradation)
        copies += [
            _further(part, worse, "degraded copies", extraction, progress) for part in usable
        ]
    values = np.concatenate(copies)
    if teacher is None:
        return Material(spec, values, rows)
    heard = [_further(part, teacher, teacher.spec.name, extraction, progress) for part in usable]
    return Material(spec, values, rows, teacher.spec, np.concatenate(heard))


def _backend(extraction: Extraction) -> Backend:
    return registry.backend(extraction.features, channel=extraction.channel, level=extraction.level)


def _further(
    rows: pd.DataFrame, backend: Backend, what: str, extraction: Extraction, progress: bool
) -> npt.NDArray[np.float32]:
    table = extract(
        rows[[]],
        features=backend,
        jobs=extraction.jobs,
        cache=extraction.cache,
        progress=progress,
    )
    if not table.ok.any():
        raise TableError(
            f"{rows['source'].iloc[0]}: the recipe trains on {what}, which need the recordings; "
            f"the first, {rows.index[0][0]}, is {table.rows['status'].iloc[0]}"
        )
    return table.values.to_numpy()
