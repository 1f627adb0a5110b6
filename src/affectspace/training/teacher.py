"""Kernel ridge regression that knows its groups: the teacher whose estimates a network can hear.

A small network that is trained on a few thousand ratings follows their noise. Kernel ridge
regression has one solution and needs no training, but keeps all its rows; so it teaches, and the
network, which is small and quick, is what is kept.[^1]

[^1]: Hinton, G., Vinyals, O., Dean, J. (2015). Distilling the knowledge in a neural network.
    arXiv:1503.02531. Kernel ridge regression: Saunders, C., Gammerman, A., Vovk, V. (1998). Ridge
    regression learning algorithm in dual variables. ICML.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """How the teacher regresses.

    Attributes:
        width: of the kernel exp(-width * d), d the mean squared difference of the features, in
            units of their deviation within a group.
        penalty: what a row of weight 1 adds to the kernel's diagonal: its noise, in units of the
            variance that the kernel explains.
        clip: standardised features are clipped to plus and minus this.
        free_valence: take off valence what it shares with activation in each corpus, before it is
            taught; see [`taught_ratings`][affectspace.study.teaching.taught_ratings].
    """

    width: float = 0.1
    penalty: float = 3.0
    clip: float = 3.0
    free_valence: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that regress nothing."""
        for name in ("width", "penalty", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class KernelRidge:
    """A fitted regression; see [`fit_kernel_ridge`][affectspace.training.teacher.fit_kernel_ridge].

    Attributes:
        rows: standardised features of the rows it was fitted to, shape (n, f).
        coefficients: shape (n, labels).
        mean: of the features, (f,).
        scale: of the features, (f,).
        teacher: its settings.
    """

    rows: npt.NDArray[np.float32]
    coefficients: Array
    mean: Array
    scale: Array
    teacher: Teacher

    def predict(self, features: npt.ArrayLike) -> Array:
        """Estimates, shape (m, labels), of features (m, f), but for the offset of a group."""
        x = _standardised(np.asarray(features), self.mean, self.scale, self.teacher.clip)
        return _kernel(x, self.rows, self.teacher.width) @ self.coefficients


def fit_kernel_ridge(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    teacher: Teacher,
    weights: npt.ArrayLike | None = None,
) -> KernelRidge:
    """Kernel ridge regression with an offset of its own for each group, which isn't penalised.

    With the kernel matrix K, the diagonal P of penalty / weight and the group of each row as
    columns of zeros and ones D, the coefficients c and offsets b solve (K + P) c + D b = y and
    D' c = 0. So what distinguishes the groups as wholes, rating habits and channels, is not
    learned.

    Args:
        features: shape (n, f), finite.
        labels: shape (n, k), finite.
        groups: shape (n,), any values that can be compared.
        teacher: width, penalty and clip.
        weights: shape (n,), above 0; None: all 1.

    Examples:
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> groups = np.arange(40) % 2
        >>> fitted = fit_kernel_ridge(x, x + 5 * groups[:, None], groups, teacher=Teacher())
        >>> bool(np.corrcoef(fitted.predict(x)[:, 0], x[:, 0])[0, 1] > 0.99)
        True
    """
    x, y = np.asarray(features), np.asarray(labels, dtype=np.float64)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    mean, scale = x.mean(axis=0, dtype=np.float64), deviation_within(x, codes)
    rows = _standardised(x, mean, scale, teacher.clip)
    kernel = _kernel(rows, rows, teacher.width)
    counts = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    kernel[np.diag_indices_from(kernel)] += teacher.penalty / counts
    factor = cho_factor(kernel, lower=True, overwrite_a=True)
    of_group = (codes[:, None] == np.arange(len(names))).astype(np.float64)
    solved = cho_solve(factor, np.hstack([y, of_group]))
    for_labels, for_groups = solved[:, : y.shape[1]], solved[:, y.shape[1] :]
    offsets = np.linalg.solve(of_group.T @ for_groups, of_group.T @ for_labels)
    return KernelRidge(rows, for_labels - for_groups @ offsets, mean, scale, teacher)


def deviation_within(features: npt.ArrayLike, groups: npt.NDArray[np.intp]) -> Array:
    """Root of the mean over the groups of each feature's variance, (f,); 1 where that is 0."""
    x = np.asarray(features)
    variances = [x[groups == g].var(axis=0, dtype=np.float64) for g in np.unique(groups)]
    deviation = np.sqrt(np.mean(variances, axis=0))
    rounding = 8 * np.finfo(np.float32).eps * np.abs(x).mean(axis=0, dtype=np.float64)
    return np.where(deviation > rounding, deviation, 1.0)


def _standardised(
    x: npt.NDArray[np.floating], mean: Array, scale: Array, clip: float
) -> npt.NDArray[np.float32]:
    standardised = ((x - mean) / scale).astype(np.float32)
    return np.clip(standardised, -clip, clip, out=standardised)


def _kernel(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], width: float) -> Array:
    """The kernel of every row of a with every row of b; products in single precision."""
    distances = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b) - 2 * (a @ b.T)
    scaled: Array = distances.astype(np.float64) * (-width / a.shape[1])
    return np.exp(np.minimum(scaled, 0, out=scaled), out=scaled)
