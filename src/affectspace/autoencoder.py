"""The denoising autoencoder as a `torch.nn.Module`, alone or as a stack of many."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from affectspace.model import Architecture, Layer


class Autoencoder(nn.Module):
    """The network of one model, or of a stack of models that are computed together.

    A stack holds its weights with a leading model dimension, so that one batched matrix product
    serves all models; each model sees its own rows. Stacked or alone, a model computes the same.

    Attributes:
        architecture: the sizes, see [`Architecture`][affectspace.model.Architecture].
        weights: one `(inputs, outputs)` matrix per layer, or `(models, inputs, outputs)`.
        biases: one `(1, outputs)` row per layer, or `(models, 1, outputs)`.

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
        self._encoder, self._decoder = architecture.encoder, architecture.decoder
        sources = list(generators) if generators is not None else [None] * (models or 1)
        if len(sources) != (models or 1):
            raise ValueError(f"{models or 1} models need as many generators, not {len(sources)}")
        drawn = [_initial(self._encoder + self._decoder, source) for source in sources]
        tensors = (
            drawn[0] if models is None else [torch.stack(same) for same in zip(*drawn, strict=True)]
        )
        self.weights = nn.ParameterList(tensors[0::2])
        self.biases = nn.ParameterList(tensors[1::2])

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(..., n, n_latent)` of standardised features `(..., n, f)`."""
        return self._through(x, self._encoder, first=0)

    def decode(self, z: Tensor) -> Tensor:
        """Standardised features `(..., n, f)` from embeddings `(..., n, n_latent)`."""
        return self._through(z, self._decoder, first=len(self._encoder))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding and reconstruction of standardised features `(..., n, f)`."""
        z = self.encode(x)
        return z, self.decode(z)

    def _through(self, x: Tensor, layers: Sequence[Layer], *, first: int) -> Tensor:
        for position, layer in enumerate(layers, start=first):
            weight, bias = self.weights[position], self.biases[position]
            affine = torch.addmm if weight.ndim == 2 else torch.baddbmm
            x = affine(bias, x, weight)
            if layer.relu:
                x = x.relu()
        return x


def _initial(layers: Sequence[Layer], generator: torch.Generator | None) -> list[Tensor]:
    tensors = []
    for layer in layers:
        bound = layer.inputs**-0.5
        for rows in (layer.inputs, 1):
            uniform = torch.rand(rows, layer.outputs, generator=generator)
            tensors.append((2 * uniform - 1) * bound)
    return tensors
