"""One model on whole corpora, as a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from affectspace.errors import TableError
from affectspace.evaluation.transfer import LABELS
from affectspace.model import OBJECTIVES, AffectModel, check_output, save_model
from affectspace.study.inputs import Extraction, read_corpora
from affectspace.study.run import versions
from affectspace.training import Recipe, Run, check_device, train


def train_model(
    sources: Mapping[str, str | Path],
    *,
    output: str | Path,
    objective: str = "joint",
    labels: str | Path | None = None,
    extraction: Extraction | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = False,
) -> AffectModel:
    """Train a model on all rows of one or several corpora, and write its folder.

    Pairs of the metric loss are formed within a corpus. Corpora or rows without ratings help the
    reconstruction only.

    Args:
        sources: names and paths, see [`read_corpus`][affectspace.study.inputs.read_corpus].
        output: the model folder.
        objective: one of [`OBJECTIVES`][affectspace.model.OBJECTIVES].
        labels: ratings that came apart, see `read_corpus`.
        extraction: the feature set, and how to extract it.
        recipe: how to train; None for the published recipe.
        seed: of the initial weights, the noise and the order of the rows.
        device: where torch computes.
        progress: show progress bars on stderr.

    Returns:
        The model, as `load_model(output)` gives it.

    Raises:
        TableError: if none of the corpora has the ratings that the objective needs.
        ModelError: if `output` holds other things, which a model would overwrite.
        AffectspaceError: if an input can't be used.
    """
    extraction, recipe = extraction or Extraction(), recipe or Recipe()
    check_device(device)
    check_output(output)  # before the work, not after it
    read = read_corpora(sources.items(), extraction=extraction, labels=labels, progress=progress)
    corpora = list(read.values())
    values = pd.concat([corpus.table.values[corpus.table.ok] for corpus in corpora])
    rows = pd.concat(
        [corpus.table.rows[corpus.table.ok].assign(source=corpus.name) for corpus in corpora]
    )
    ratings = {
        label: pd.to_numeric(rows.get(label, pd.Series(np.nan, rows.index))).to_numpy(np.float64)
        for label in LABELS
    }
    unrated = [x for x in OBJECTIVES[objective].axes if np.isnan(ratings[x]).all()]
    if unrated:
        raise TableError(
            f"objective {objective!r} needs {' and '.join(unrated)}, but no row of "
            f"{', '.join(sources)} is rated; give ratings with --labels"
        )
    spec = corpora[0].table.spec
    run = Run(objective=OBJECTIVES[objective], rows=np.arange(len(values)), seed=seed)
    (model,) = train(
        values.to_numpy(),
        ratings,
        [run],
        recipe=recipe,
        groups=rows["source"].to_numpy(),
        feature_names=spec.features,
        spec=spec,
        device=device,
        progress=progress,
    )
    record = {
        **model.record,
        "sources": {corpus.name: corpus.summary() for corpus in corpora},
        "sha256": {corpus.name: corpus.digest for corpus in corpora},
        "extraction": asdict(replace(extraction, cache=None)),
        "versions": versions(),
    }
    model = replace(model, record=record)
    save_model(model, output)
    return model
