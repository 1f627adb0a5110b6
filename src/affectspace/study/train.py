"""One model on whole corpora, by a recipe, as a model folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affectspace import features
from affectspace.errors import TableError
from affectspace.evaluation.calibrate import with_training_range
from affectspace.evaluation.transfer import LABELS
from affectspace.model import OBJECTIVES, AffectModel, check_output, load_model, save_model
from affectspace.study.card import measured_card
from affectspace.study.inputs import Corpus, Extraction, read_corpora
from affectspace.study.languages import EVERYTHING, calibrate_and_score, sisters
from affectspace.study.material import Material, gather
from affectspace.study.networks import fit_networks
from affectspace.study.recipes import ModelRecipe
from affectspace.study.run import versions
from affectspace.training import check_device


def train_model(
    sources: Mapping[str, str | Path],
    *,
    output: str | Path,
    recipe: ModelRecipe | None = None,
    labels: str | Path | None = None,
    jobs: int | None = None,
    cache: str | bool | None = None,
    device: str = "cpu",
    progress: bool = False,
) -> AffectModel:
    """Train a model on all rows of one or several corpora, and write its folder.

    Pairs of the metric loss are formed within a corpus. Corpora or rows without ratings help the
    reconstruction only. A recipe that calibrates trains a sister model for every language left out
    as well, and writes what these get right into the folder's card and `metrics.json`.

    Args:
        sources: names and paths, see [`read_corpus`][affectspace.study.inputs.read_corpus].
        output: the model folder.
        recipe: how; None for the published recipe, see
            [`RECIPES`][affectspace.study.recipes.RECIPES].
        labels: ratings that came apart, see `read_corpus`.
        jobs: worker processes of the extraction; None is one per core.
        cache: folder of the feature cache; None is the platform's; False is no cache.
        device: where torch computes.
        progress: show progress bars on stderr.

    Returns:
        The model, as `load_model(output)` gives it.

    Raises:
        TableError: if none of the corpora has the ratings that the objective needs, or too few
            languages are rated to calibrate.
        ModelError: if `output` holds other things, which a model would overwrite.
        AffectspaceError: if an input can't be used.
    """
    recipe = recipe or ModelRecipe()
    check_device(device)
    check_output(output)  # before the work, not after it
    if recipe.teacher_features is not None:
        features.spec(recipe.teacher_features)  # as it may need an extra
    extraction = Extraction(
        features=recipe.features,
        channel=recipe.channel,
        level=recipe.level,
        jobs=jobs,
        cache=cache,
    )
    read = read_corpora(sources.items(), extraction=extraction, labels=labels, progress=progress)
    corpora = list(read.values())
    _check_ratings(corpora, recipe)
    material = gather(
        corpora,
        extraction=extraction,
        degradations=recipe.degradations,
        teacher_features=recipe.teacher_features,
        progress=progress,
    )
    model, results = _fitted(material, recipe, device=device, progress=progress)
    model = with_training_range(model, material.as_recorded, _durations(material))
    model = replace(
        model,
        name=recipe.name,
        version=recipe.version,
        licence=recipe.licence,
        record={**model.record, **_record(corpora, material, recipe)},
    )
    card = None if results is None else measured_card(model, results)
    metrics = None if results is None else _as_json(results)
    save_model(model, output, card=card, metrics=metrics)
    return load_model(output)


def _check_ratings(corpora: list[Corpus], recipe: ModelRecipe) -> None:
    rated = {label for label in LABELS for corpus in corpora if corpus.summary()[label]}
    if unrated := [label for label in OBJECTIVES[recipe.objective].axes if label not in rated]:
        raise TableError(
            f"objective {recipe.objective!r} needs {' and '.join(unrated)}, but no row of "
            f"{', '.join(corpus.name for corpus in corpora)} is rated; give ratings with --labels"
        )


def _fitted(
    material: Material, recipe: ModelRecipe, *, device: str, progress: bool
) -> tuple[AffectModel, pd.DataFrame | None]:
    """Train the model, and its sisters where the recipe calibrates."""
    gone = [EVERYTHING, *(sisters(material) if recipe.calibrate else ())]
    models = fit_networks(material, recipe, gone, device=device, progress=progress)
    if not recipe.calibrate:
        return models[0], None
    by_gone = dict(zip(gone, models, strict=True))
    return calibrate_and_score(by_gone, material, name=recipe.name or recipe.objective)


def _durations(material: Material) -> pd.Series:
    rows = material.rows
    return rows["duration"] if "duration" in rows else pd.Series(np.nan, rows.index)


def _record(corpora: list[Corpus], material: Material, recipe: ModelRecipe) -> dict[str, Any]:
    """What a model folder says of its training, besides what training itself does."""
    settings = asdict(recipe)
    settings.pop("training")  # it's the `recipe` of the training's own record
    settings["features"] = material.spec.name  # without the path of an encoder
    return {
        "languages": sorted(material.rows["language"].dropna().unique()),
        "sources": {corpus.name: corpus.summary() for corpus in corpora},
        "sha256": {corpus.name: corpus.digest for corpus in corpora},
        "settings": settings,
        "versions": versions(),
    }


def _as_json(results: pd.DataFrame) -> list[dict[str, Any]]:
    """A results table as `metrics.json` holds it: a member per row, null where there is nothing."""
    plain = results.astype(object).where(results.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
