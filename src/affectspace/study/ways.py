"""Ways of making a scorer, so that recipes, ready models and rivals stand in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.evaluation.readout import Readout, fit_readout
from affectspace.evaluation.transfer import LABELS
from affectspace.model import AffectModel
from affectspace.study.material import Material
from affectspace.study.networks import fit_networks
from affectspace.study.recipes import ModelRecipe

Gone = Sequence[frozenset[str]]
"""Sets of corpora to leave out, a scorer each."""


class Scorer(Protocol):
    """Gives embeddings and estimates, as an [`AffectModel`][affectspace.model.AffectModel] does."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it estimates itself."""

    def encode(self, features: npt.NDArray[np.float32], /) -> npt.NDArray[np.float64]:
        """Embeddings (n, d) of features (n, f)."""

    def predict(self, features: npt.NDArray[np.float32], /) -> pd.DataFrame:
        """Estimates in rating units, (n, labels)."""


Fit = Callable[[Material, Gone], Sequence[Scorer]]
"""Makes a scorer for each set of corpora left out, from the other rows alone."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way of making a scorer.

    Attributes:
        name: in all tables.
        choices: what nested selection chooses from, by a name that says it; at least one.
        recipe: its feature set and degraded copies are what the scorers are made from.
        calibrated: set scale and offset of the estimates on languages left out, as the recipe does
            for the model that is shipped. Its scorers are models.
        model: the ready model, where it is one.
    """

    name: str
    choices: Mapping[str, Fit]
    recipe: ModelRecipe = field(default_factory=ModelRecipe)
    calibrated: bool = False
    model: AffectModel | None = None


def recipe_way(
    name: str, recipe: ModelRecipe, *, device: str = "cpu", progress: bool = False
) -> Way:
    """A recipe, as it is: one choice."""
    return network_way(name, {"": recipe}, device=device, progress=progress)


def network_way(
    name: str,
    recipes: Mapping[str, ModelRecipe],
    *,
    device: str = "cpu",
    progress: bool = False,
) -> Way:
    """Recipes that nested selection chooses from; they share features and degraded copies.

    Args:
        name: in all tables.
        recipes: by what is chosen.
        device: where torch computes.
        progress: show a progress bar on stderr.
    """

    def fit_of(recipe: ModelRecipe) -> Fit:
        return lambda material, gone: fit_networks(
            material, recipe, gone, device=device, progress=progress
        )

    first = next(iter(recipes.values()))
    return Way(
        name=name,
        choices={choice: fit_of(recipe) for choice, recipe in recipes.items()},
        recipe=first,
        calibrated=first.calibrate,
    )


def ready_way(name: str, model: AffectModel, *, features: str | None = None) -> Way:
    """A model that is there already, whatever it was trained on.

    Args:
        name: in all tables.
        model: with a feature contract.
        features: the feature set; None is the one that the contract names.
    """
    spec = model.spec
    recipe = ModelRecipe()
    if spec is not None:
        recipe = replace(
            recipe, features=features or spec.name, channel=spec.channel, level=spec.level
        )
    return Way(
        name=name, choices={"": lambda _, gone: [model] * len(gone)}, recipe=recipe, model=model
    )


@dataclass(frozen=True)
class Completed:
    """A scorer that estimates every label: those without an axis by a plane over its space.

    Attributes:
        scorer: the scorer.
        planes: for each label that it doesn't estimate itself.
    """

    scorer: Scorer
    planes: Mapping[str, Readout]

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels."""
        return LABELS

    def encode(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The scorer's embeddings."""
        return self.scorer.encode(features)

    def predict(self, features: npt.NDArray[np.float32]) -> pd.DataFrame:
        """The scorer's own estimates where it has any, and the planes' for the other labels."""
        own = self.scorer.predict(features) if self.scorer.labels else pd.DataFrame()
        z = self.scorer.encode(features) if self.planes else np.zeros((0, 0))
        return pd.DataFrame(
            {
                label: self.planes[label](z) if label in self.planes else own[label].to_numpy()
                for label in LABELS
            }
        )


def completed(scorer: Scorer, material: Material, gone: frozenset[str]) -> Completed:
    """Add a plane for each label that a scorer lacks, fitted to the rows that it was made from.

    Those are the rated rows, as recorded, of the corpora that were not left out. See
    [`fit_readout`][affectspace.evaluation.readout.fit_readout].
    """
    missing = [label for label in LABELS if label not in scorer.labels]
    if not missing:
        return Completed(scorer, {})
    kept = ~material.rows["source"].isin(gone).to_numpy()
    rows, z = material.rows[kept], scorer.encode(material.as_recorded[kept])
    planes = {label: fit_readout(z, rows[label], rows["source"]) for label in missing}
    return Completed(scorer, planes)
