"""The rivals: other ways to the same table, by the same protocol and with the same budget.

Every rival has four settings to choose from inside the sources, hears the same rows and, on corpora
with categories only, the same typical ratings, and gets features standardised by its sources and
clipped at the same deviation. `unsupervised`, `metric-act` and `metric-val` are the published
objectives; `mse`, `ccc`, `log-ratio` and `rank-n-contrast` put another loss in the place of the
joint metric loss, in the same network; `ridge` and `svr` know no network. `teacher` is what the
default recipe's network learns from, by itself: it keeps all its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

from affectspace.evaluation.transfer import LABELS
from affectspace.study.material import Material
from affectspace.study.recipes import ModelRecipe
from affectspace.study.teaching import Taught, fit_teacher
from affectspace.study.typical import heard_ratings
from affectspace.study.ways import Fit, Gone, Scorer, Way, network_way
from affectspace.training import Recipe
from affectspace.training.recipe import Loss
from affectspace.training.teacher import Teacher

CLIP = 4.0
"""Standardised features are clipped to plus and minus this, for all rivals."""

NETWORK = Recipe(clip=CLIP, learning_rate=1e-3, batch_size=256)

NETWORKS: Mapping[str, Recipe] = MappingProxyType(
    {
        "published layers, 60 epochs": replace(NETWORK, epochs=60),
        "published layers, 20 epochs": replace(NETWORK, epochs=20),
        "linear, 60 epochs": replace(NETWORK, hidden=(), epochs=60),
        "linear, 20 epochs": replace(NETWORK, hidden=(), epochs=20),
    }
)
"""What the network rivals choose from."""

OBJECTIVES = ("unsupervised", "metric-act", "metric-val")
LOSSES: tuple[Loss, ...] = tuple(loss for loss in get_args(Loss) if loss != "metric")
PENALTIES = (30.0, 300.0, 3000.0, 30000.0)
WIDTHS = (0.05, 0.1, 0.2, 0.4)
COSTS = (0.003, 0.03, 0.3, 3.0)


class Regression(Protocol):
    """scikit-learn's face, as far as it's needed here."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit."""

    def predict(self, X: Any) -> Any:
        """Predict."""


@dataclass(frozen=True, eq=False)
class Regressed:
    """Regressions on standardised features: a scorer whose space is its estimates.

    Attributes:
        mean: the features' mean over the sources, (f,).
        scale: their deviation, (f,), never 0.
        regressions: one per label.
    """

    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    regressions: Mapping[str, Regression]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that were rated."""
        return tuple(self.regressions)

    def encode(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The estimates, (n, labels)."""
        return self.predict(features).to_numpy()

    def predict(self, features: npt.NDArray[np.float32]) -> pd.DataFrame:
        """Estimates in rating units."""
        x = ((features - self.mean) / self.scale).clip(-CLIP, CLIP)
        return pd.DataFrame({name: one.predict(x) for name, one in self.regressions.items()})


def regression_fit(make: Callable[[], Regression]) -> Fit:
    """Regress each label on the features of rated rows, and of rows with typical ratings.

    Corpora count as they are long. The offset between corpora's rating habits stays in.
    """

    def fit(material: Material, gone: Gone) -> Sequence[Scorer]:
        return [_regressed(make, material, left) for left in gone]

    return fit


def _regressed(
    make: Callable[[], Regression], material: Material, gone: frozenset[str]
) -> Regressed:
    rows = material.without(gone)
    x = material.values[rows].astype(np.float64)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x = ((x - mean) / scale).clip(-CLIP, CLIP)
    heard = heard_ratings(material, gone)
    fitted: dict[str, Regression] = {}
    for label in LABELS:
        ratings = heard.ratings[label][rows]
        known = np.isfinite(ratings)
        if known.any():
            fitted[label] = make().fit(x[known], ratings[known])
    return Regressed(mean, scale, fitted)


@dataclass(frozen=True, eq=False)
class TaughtAlone:
    """A teacher as a scorer: its space is its estimates.

    Attributes:
        taught: the teacher.
        means: of the ratings that it heard, per label.
    """

    taught: Taught
    means: Mapping[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """Both labels."""
        return LABELS

    def encode(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The estimates around 0, (n, 2)."""
        return self.taught.estimate(features)

    def predict(self, features: npt.NDArray[np.float32]) -> pd.DataFrame:
        """Estimates in rating units."""
        estimates = self.taught.estimate(features)
        return pd.DataFrame(
            {label: estimates[:, i] + self.means[label] for i, label in enumerate(LABELS)}
        )


def teacher_fit(teacher: Teacher) -> Fit:
    """A teacher alone, without a network; see [`fit_teacher`][affectspace.study.teaching]."""

    def fit(material: Material, gone: Gone) -> Sequence[Scorer]:
        scorers = []
        for left in gone:
            heard = heard_ratings(material, left)
            means = {label: float(np.nanmean(heard.ratings[label])) for label in LABELS}
            scorers.append(TaughtAlone(fit_teacher(material, left, heard, teacher), means))
        return scorers

    return fit


def rival(name: str, features: ModelRecipe, *, device: str = "cpu", progress: bool = False) -> Way:
    """A rival by its name, one of [`RIVALS`][affectspace.study.rivals.RIVALS].

    Args:
        name: the name.
        features: the recipe whose feature set it uses; nothing else of it is looked at.
        device: where torch computes.
        progress: show a progress bar on stderr.
    """
    plain = ModelRecipe(
        features=features.features, channel=features.channel, level=features.level, typical=True
    )
    if name == "ridge":
        penalties = {f"penalty {a:g}": regression_fit(partial(Ridge, a)) for a in PENALTIES}
        return Way(name=name, choices=penalties, recipe=plain)
    if name == "teacher":
        widths = {f"width {w:g}": teacher_fit(Teacher(width=w)) for w in WIDTHS}
        return Way(name=name, choices=widths, recipe=plain)
    if name == "svr":
        costs = {f"C {c:g}": regression_fit(partial(SVR, C=c)) for c in COSTS}
        return Way(name=name, choices=costs, recipe=plain)
    own = name in LOSSES
    recipes = {
        choice: replace(
            plain,
            objective="joint" if own else name,
            training=replace(training, loss=cast("Loss", name)) if own else training,
        )
        for choice, training in NETWORKS.items()
    }
    return network_way(name, recipes, device=device, progress=progress)


RIVALS = (*OBJECTIVES, "ridge", "svr", "teacher", *LOSSES)
"""The rivals by name."""
