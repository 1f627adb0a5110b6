"""The denoising autoencoder as a `torch.nn.Module`, alone or as a stack of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from affectspace.model import Architecture, Layer


class Autoencoder(nn.Module):
    """The network of one model, or of a stack of models that are computed together.

    A stack holds its weights with a leading model dimension, so that one batched matrix product
    serves all models; each model sees its own rows. Stacked or alone, a model computes the same.

    Attributes:
        architecture: the sizes, see [`Architecture`][affectspace.model.Architecture].
        weights: all weights and biases of a model in one row, shape `(size,)` or `(models, size)`,
            so that an optimiser has one tensor to step. `tensors()` tells them apart.

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
        self._layers = architecture.encoder + architecture.decoder
        self._sizes = [
            n for layer in self._layers for n in (layer.inputs * layer.outputs, layer.outputs)
        ]
        sources = list(generators) if generators is not None else [None] * (models or 1)
        if len(sources) != (models or 1):
            raise ValueError(f"{models or 1} models need as many generators, not {len(sources)}")
        drawn = torch.stack([_initial(self._layers, source) for source in sources])
        self.weights = nn.Parameter(drawn[0] if models is None else drawn)

    def tensors(self) -> dict[str, Tensor]:
        """Views of the weights by name.

        `encoder.0.weight` is `(..., inputs, outputs)`, `encoder.0.bias` `(..., 1, outputs)`.
        """
        parts = iter(torch.split(self.weights, self._sizes, dim=-1))
        views = {}
        for layer in self._layers:
            for name, rows in (("weight", layer.inputs), ("bias", 1)):
                views[f"{layer.name}.{name}"] = torch.unflatten(
                    next(parts), -1, (rows, layer.outputs)
                )
        return views

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(..., n, n_latent)` of standardised features `(..., n, f)`."""
        return _through(self.architecture.encoder, self.tensors(), x)

    def decode(self, z: Tensor) -> Tensor:
        """Standardised features `(..., n, f)` from embeddings `(..., n, n_latent)`."""
        return _through(self.architecture.decoder, self.tensors(), z)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and reconstruction of standardised features `(..., n, f)`."""
        tensors = self.tensors()
        z = _through(self.architecture.encoder, tensors, x)
        return z, _through(self.architecture.decoder, tensors, z)


def _through(layers: Sequence[Layer], tensors: Mapping[str, Tensor], x: Tensor) -> Tensor:
    for layer in layers:
        weight, bias = tensors[f"{layer.name}.weight"], tensors[f"{layer.name}.bias"]
        affine = torch.addmm if weight.ndim == 2 else torch.baddbmm
        x = affine(bias, x, weight)
        if layer.relu:
            x = x.relu()
    return x


def _initial(layers: Sequence[Layer], generator: torch.Generator | None) -> Tensor:
    parts = []
    for layer in layers:
        bound = layer.inputs**-0.5
        for rows in (layer.inputs, 1):
            uniform = torch.rand(rows, layer.outputs, generator=generator)
            parts.append(((2 * uniform - 1) * bound).flatten())
    return torch.cat(parts)
