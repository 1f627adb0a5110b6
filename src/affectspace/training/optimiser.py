"""How weights change: Adam's steps, and the return to the best that there were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.optim.adam import adam

from affectspace.autoencoder import Autoencoder


class Adam:
    """Adam by torch's own function, with decoupled weight decay (AdamW).

    `torch.optim.Adam` loads torch's compiler first, 2 s in every process, and takes three times as
    long per step.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], *, learning_rate: float, weight_decay: float
    ) -> None:
        """Prepare the steps of some weights by name; those called `NAME.bias` never decay."""
        self.weights, self._learning_rate = list(weights.values()), learning_rate
        decaying = [weight for name, weight in weights.items() if not name.endswith(".bias")]
        self._decaying = decaying if weight_decay else []
        self._kept = 1 - learning_rate * weight_decay
        self._means = [torch.zeros_like(weight) for weight in self.weights]
        self._squares = [torch.zeros_like(weight) for weight in self.weights]
        self._steps = [torch.zeros((), device=weight.device) for weight in self.weights]

    @torch.no_grad()
    def step(self, gradients: Iterable[Tensor]) -> None:
        """Change the weights by one step, given the gradient of each."""
        for weight in self._decaying:
            weight.mul_(self._kept)
        adam(
            self.weights,
            list(gradients),
            self._means,
            self._squares,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


class Best:
    """The weights of each run at its lowest validation loss, and which runs still improve."""

    def __init__(self, network: Autoencoder, runs: int) -> None:
        self._weights = list(network.weights)
        self._kept = [weight.detach().clone() for weight in self._weights]
        device = self._kept[0].device
        self._lowest = torch.full((runs,), torch.inf, device=device)
        self._waited = torch.zeros(runs, dtype=torch.long, device=device)
        self._stopped = torch.zeros(runs, dtype=torch.bool, device=device)

    @torch.no_grad()
    def update(self, loss: Tensor, *, patience: int) -> bool:
        """Take the losses `(runs,)` of an epoch; True when every run has stopped."""
        better = (loss < self._lowest) & ~self._stopped
        self._lowest = torch.where(better, loss, self._lowest)
        self._waited = torch.where(better, 0, self._waited + 1)
        self._stopped |= self._waited >= patience
        for kept, weight in zip(self._kept, self._weights, strict=True):
            kept[better] = weight[better]
        return bool(self._stopped.all())

    @torch.no_grad()
    def restore(self) -> None:
        """Put the kept weights back."""
        for kept, weight in zip(self._kept, self._weights, strict=True):
            weight.copy_(kept)
