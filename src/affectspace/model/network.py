"""The sizes of an autoencoder, and what shapes its latent space: plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LABEL_SCALE = (1.0, 5.0)
"""Ends of the scale on which people rate; 3 is neutral."""

SKIP = "encoder.skip.weight"
"""The tensor of the linear shortcut, `(n_features, n_latent)`."""


class Layer(NamedTuple):
    """One affine layer: its name in the weights, its widths, and whether a ReLU follows."""

    name: str
    inputs: int
    outputs: int
    relu: bool


@dataclass(frozen=True)
class Architecture:
    """The sizes of an autoencoder; the defaults are the published network.

    The encoder has a ReLU after each layer but the last. The decoder mirrors the widths and has
    ReLUs only where `decoder_relu` says so.

    Attributes:
        n_features: width of the input.
        hidden: widths of the encoder's hidden layers; empty: encoder and decoder are linear.
        n_latent: dimensions of the latent space.
        decoder_relu: positions of the decoder layers that a ReLU follows. The published network has
            one, after the second (20 units); None is that one, or none at all where the second
            layer isn't a hidden one. Never None afterwards.
        skip: whether a linear map of the features is added to what the encoder's layers give.
    """

    n_features: int
    hidden: tuple[int, ...] = (40, 20, 10)
    n_latent: int = 2
    decoder_relu: tuple[int, ...] | None = None
    skip: bool = False

    def __post_init__(self) -> None:
        """Settle where the decoder has ReLUs, and refuse sizes that are no network."""
        if self.decoder_relu is None:
            object.__setattr__(self, "decoder_relu", (1,) if len(self.hidden) > 1 else ())
        if min(self.n_features, self.n_latent, *self.hidden, 1) < 1:
            raise ValueError(f"layer widths must be at least 1: {self!r}")
        if any(not 0 <= position <= len(self.hidden) for position in self.decoder_relu or ()):
            raise ValueError(f"decoder_relu names a layer that the decoder does not have: {self!r}")

    @property
    def encoder(self) -> list[Layer]:
        """The layers from features to latent space."""
        widths = (self.n_features, *self.hidden, self.n_latent)
        return self._layers("encoder", widths, relus=range(len(self.hidden)))

    @property
    def decoder(self) -> list[Layer]:
        """The layers from latent space back to features."""
        widths = (self.n_latent, *reversed(self.hidden), self.n_features)
        return self._layers("decoder", widths, relus=self.decoder_relu or ())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each weight and bias by name, the shortcut's last."""
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in self.encoder + self.decoder:
            shapes[f"{layer.name}.weight"] = (layer.inputs, layer.outputs)
            shapes[f"{layer.name}.bias"] = (layer.outputs,)
        return shapes | ({SKIP: (self.n_features, self.n_latent)} if self.skip else {})

    def __str__(self) -> str:
        widths = (self.n_features, *self.hidden, self.n_latent)
        return " -> ".join(map(str, widths)) + (" with a linear shortcut" if self.skip else "")

    @staticmethod
    def _layers(part: str, widths: Sequence[int], *, relus: Sequence[int]) -> list[Layer]:
        pairs = pairwise(widths)
        return [Layer(f"{part}.{i}", a, b, i in relus) for i, (a, b) in enumerate(pairs)]


@dataclass(frozen=True)
class Objective:
    """What the latent space is shaped by: which label, on which latent dimensions.

    Attributes:
        name: as in the results table.
        axes: for each label, the latent dimensions whose mean is its axis. No label: the plain
            denoising autoencoder. An empty tuple means all dimensions.
    """

    name: str
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def projection(self, labels: Sequence[str], n_latent: int) -> Array:
        """The matrix `(n_latent, len(labels))` that takes z to the axis of each label.

        A label without an axis has a column of zeros.

        Raises:
            ValueError: if an axis lies outside the latent space.
        """
        matrix = np.zeros((n_latent, len(labels)))
        for column, label in enumerate(labels):
            if label in self.axes:
                dimensions = list(self.axes[label]) or list(range(n_latent))
                if not 0 <= min(dimensions) <= max(dimensions) < n_latent:
                    raise ValueError(
                        f"objective {self.name!r} puts {label} on dimensions {dimensions}, "
                        f"but there are {n_latent}"
                    )
                matrix[dimensions, column] = 1 / len(dimensions)
        return matrix


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("unsupervised"),
        Objective("metric-act", {"activation": ()}),
        Objective("metric-val", {"valence": ()}),
        Objective("joint", {"activation": (0,), "valence": (1,)}),
    )
}
"""The objectives by name: the paper's three reference models, and the joint space."""
