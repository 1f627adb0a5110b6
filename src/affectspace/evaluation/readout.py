"""A label read off a space that has no axis for it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from affectspace.evaluation.rows import FloatArray


class Readout(NamedTuple):
    """A plane over a space: rating = z @ gains + offset.

    Attributes:
        gains: shape (d,).
        offset: in rating units.
    """

    gains: FloatArray
    offset: float

    def __call__(self, embeddings: npt.ArrayLike) -> FloatArray:
        """Estimates in rating units, shape (n,), of embeddings (n, d)."""
        values: FloatArray = np.asarray(embeddings, dtype=np.float64) @ self.gains + self.offset
        return values


def fit_readout(
    embeddings: npt.ArrayLike, ratings: npt.ArrayLike, groups: npt.ArrayLike
) -> Readout:
    """Fit ratings to embeddings by least squares within groups, each group counting the same.

    Rating habits and channels of a group, say a corpus, don't tilt the plane: only what goes
    together within a group does. The offset is the mean of what each group would need.

    Args:
        embeddings: shape (n, d).
        ratings: shape (n,); rows without one (NaN) take no part.
        groups: shape (n,).

    Returns:
        The plane; 3 everywhere, neutral, where nothing is rated.

    Examples:
        >>> plane = fit_readout([[0.0], [1.0], [5.0], [6.0]], [2.0, 2.5, 4.0, 4.5], list("aabb"))
        >>> plane([[2.0]]).round(6).tolist()
        [2.75]
    """
    z, y = np.asarray(embeddings, dtype=np.float64), np.asarray(ratings, dtype=np.float64)
    known = np.isfinite(y) & np.isfinite(z).all(axis=1)
    own = np.asarray(groups, dtype=object)
    parts = [known & (own == group) for group in dict.fromkeys(own[known])]
    if not parts:
        return Readout(np.zeros(z.shape[1]), 3.0)
    weights = [1 / np.sqrt(part.sum()) for part in parts]
    centred = [
        (w * (z[part] - z[part].mean(axis=0)), w * (y[part] - y[part].mean()))
        for w, part in zip(weights, parts, strict=True)
    ]
    along, around = (np.concatenate(side) for side in zip(*centred, strict=True))
    gains = np.linalg.lstsq(along, around, rcond=None)[0]
    offset = np.mean([y[part].mean() - z[part].mean(axis=0) @ gains for part in parts])
    return Readout(gains, float(offset))
