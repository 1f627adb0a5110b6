"""A model met by unlabelled speech only: its standardisation moved towards that speech's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.features import FeatureTable
from affectspace.model import AffectModel

SHARE = 0.5  # of the way to the features' own mean and deviation
ROWS = 50.0  # rows from which half of that is gone
LEAST, MOST = 0.5, 2.0  # what a deviation may change by


def aligned(
    model: AffectModel,
    features: npt.ArrayLike | pd.DataFrame | FeatureTable,
    *,
    share: float = SHARE,
) -> AffectModel:
    """A model that standardises partly by the features' own mean and deviation.

    That is transductive, and no ratings are asked whether it helps: it did not on every language
    that was left out, so nothing does it by itself.

    Args:
        model: the model.
        features: `(n, f)`, as the model takes them. Rows with a NaN are left out.
        share: how much of the way to go with many rows, 0 to 1; of n rows, n / (n + 50) of that.

    Raises:
        ContractError: if the features aren't the model's.
    """
    standardised = model.standardise(features)
    standardised = standardised[np.isfinite(standardised).all(axis=1)]
    n = len(standardised)
    if not n:
        return model
    share *= n / (n + ROWS)
    mean = model.mean + share * standardised.mean(axis=0) * model.scale
    scale = model.scale * np.clip(standardised.std(axis=0), LEAST, MOST) ** share
    record = {**model.record, "aligned": {"rows": n, "share": round(share, 4)}}
    return replace(model, mean=mean, scale=scale, record=record)
