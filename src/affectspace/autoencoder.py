"""The denoising autoencoder as a `torch.nn.Module`, alone or as a stack of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from affectspace.model import Architecture, Layer
from affectspace.model.network import SKIP


class _Step(NamedTuple):
    """What a layer does."""

    weight: Tensor
    bias: Tensor
    relu: bool


class Autoencoder(nn.Module):
    """The network of one model, or of a stack of models that are computed together.

    A stack holds its weights with a leading model dimension, so that one batched matrix product
    serves all models; each model sees its own rows. Stacked or alone, a model computes the same.

    Attributes:
        architecture: the sizes, see [`Architecture`][affectspace.model.Architecture].
        weights: in the order of the layers, weight and bias of each, then the shortcut's if there
            is one; `tensors()` tells their names.

    Examples:
        >>> network = Autoencoder(Architecture(n_features=88))
        >>> embeddings, rebuilt = network(torch.zeros(16, 88))
        >>> embeddings.shape, rebuilt.shape
        (torch.Size([16, 2]), torch.Size([16, 88]))
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        models: int | None = None,
        generators: Sequence[torch.Generator] | None = None,
    ) -> None:
        """Draw the initial weights: uniform within 1 / sqrt(inputs), as `torch.nn.Linear` does.

        Args:
            architecture: the sizes.
            models: how many models to stack; None for one without the model dimension.
            generators: the source of each model's initial weights, one per model.
        """
        super().__init__()
        self.architecture = architecture
        sources = list(generators) if generators is not None else [None] * (models or 1)
        if len(sources) != (models or 1):
            raise ValueError(f"{models or 1} models need as many generators, not {len(sources)}")
        drawn = [_initial(architecture, source) for source in sources]
        stacked = [torch.stack(same) for same in zip(*drawn, strict=True)]
        self.weights = nn.ParameterList(
            tensor[0] if models is None else tensor for tensor in stacked
        )
        self._by_name = dict(zip(architecture.shapes, self.weights, strict=True))
        self._encoder = [self._step(layer) for layer in architecture.encoder]
        self._decoder = [self._step(layer) for layer in architecture.decoder]
        self._skip = self._by_name.get(SKIP)

    def tensors(self) -> dict[str, Tensor]:
        """The parameters by name.

        `encoder.0.weight` is `(..., inputs, outputs)`, `encoder.0.bias` `(..., 1, outputs)`.
        """
        return dict(self._by_name)

    def _step(self, layer: Layer) -> _Step:
        named = self._by_name
        return _Step(named[f"{layer.name}.weight"], named[f"{layer.name}.bias"], layer.relu)

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(..., n, n_latent)` of standardised features `(..., n, f)`."""
        z = _through(self._encoder, x)
        return z if self._skip is None else _affine(z, x, self._skip)

    def decode(self, z: Tensor) -> Tensor:
        """Standardised features `(..., n, f)` from embeddings `(..., n, n_latent)`."""
        return _through(self._decoder, z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and reconstruction of standardised features `(..., n, f)`."""
        z = self.encode(x)
        return z, self.decode(z)


def _through(steps: Sequence[_Step], x: Tensor) -> Tensor:
    for weight, bias, relu in steps:
        x = _affine(bias, x, weight)
        if relu:
            x = x.relu()
    return x


def _affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    return (torch.addmm if weight.ndim == 2 else torch.baddbmm)(bias, x, weight)


def _initial(sizes: Architecture, generator: torch.Generator | None) -> list[Tensor]:
    """The tensors of one model; the shortcut's last, so that it changes none of the others."""
    layers = sizes.encoder + sizes.decoder
    shapes = [(layer.inputs, rows, layer.outputs) for layer in layers for rows in (layer.inputs, 1)]
    shapes += [(sizes.n_features, sizes.n_features, sizes.n_latent)] if sizes.skip else []
    return [
        (2 * torch.rand(rows, outputs, generator=generator) - 1) * inputs**-0.5
        for inputs, rows, outputs in shapes
    ]
