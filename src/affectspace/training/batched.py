"""One batched pass: a stack of networks, each with its own rows, noise and labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import embedding, mse_loss
from torch.optim.adam import adam

from affectspace.autoencoder import Autoencoder
from affectspace.errors import TrainingError
from affectspace.losses import metric_terms
from affectspace.model import AffectModel, Architecture
from affectspace.training.recipe import Recipe, Run

TERMS = ("loss", "reconstruction", "residual", "slope")
"""The columns of a history: the optimised scalar, L_rec, L_res and p (mean over the labels)."""


def stream_key(run: Run) -> tuple[bytes, int]:
    """What runs must share to share their batches and noise: rows and seed."""
    return np.asarray(run.rows, dtype=np.int64).tobytes(), run.seed


def split(run: Run, recipe: Recipe) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows to train on, and rows held out to decide when to stop (none without `patience`)."""
    rows = np.asarray(run.rows, dtype=np.intp)
    if recipe.patience is None or len(rows) < 2:
        return rows, rows[:0]
    shuffled = np.random.default_rng(run.seed).permutation(rows)
    held_out = max(1, round(recipe.validation * len(rows)))
    return shuffled[held_out:], shuffled[:held_out]


def standardisation(
    x: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and deviation (over n) of each feature, `(f,)` each; a constant one has scale 1."""
    mean = x.mean(axis=0, dtype=np.float64)
    scale = x.std(axis=0, dtype=np.float64)
    rounding = 8 * np.finfo(np.float32).eps * np.abs(mean)
    return mean, np.where(scale > rounding, scale, 1.0)


class _Stream:
    """What runs with the same rows and seed share: rows, standardisation, random numbers."""

    def __init__(self, x: npt.NDArray[np.float32], run: Run, recipe: Recipe) -> None:
        self.rows, self.held_out = split(run, recipe)
        self.mean, self.scale = standardisation(x[self.rows])
        self.generator = _generator(run.seed, purpose=1)

    def shuffled(self) -> Tensor:
        """The training rows in a new order."""
        order = torch.randperm(len(self.rows), generator=self.generator)
        return torch.as_tensor(self.rows)[order]


class _Batch:
    """Row numbers `(streams, rows)`, padded to one width, and which of them count."""

    def __init__(self, rows: Sequence[Tensor]) -> None:
        self.sizes = [len(r) for r in rows]
        self.rows = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
        ragged = len(set(self.sizes)) > 1
        width = torch.arange(max(self.sizes))
        self.valid = width < torch.tensor(self.sizes)[:, None] if ragged else None


class _Terms(NamedTuple):
    """The optimised scalar, L_rec, L_res and p: `(runs,)` twice, then `(runs, labels)` twice."""

    loss: Tensor
    reconstruction: Tensor
    residuals: Tensor
    slopes: Tensor


class BatchedRuns:
    """Runs that are trained together.

    Every tensor has the runs first: x `(runs, rows, f)`, labels `(runs, rows, labels)`. Runs of one
    stream see the same rows and noise.
    """

    def __init__(
        self,
        x: npt.NDArray[np.float32],
        y: npt.NDArray[np.float32],
        groups: npt.NDArray[np.int64] | None,
        *,
        label_names: Sequence[str],
        runs: Sequence[Run],
        recipe: Recipe,
        device: torch.device,
    ) -> None:
        """Set up networks, optimiser and streams; the arrays are those of `train`, checked."""
        self._recipe, self._runs, self._label_names = recipe, runs, label_names
        self._device = device
        keys = [stream_key(run) for run in runs]
        distinct = list(dict.fromkeys(keys))
        self._streams = [_Stream(x, runs[keys.index(key)], recipe) for key in distinct]
        self._stream_of = torch.tensor([distinct.index(key) for key in keys], device=device)
        self._x, self._y = torch.tensor(x, device=device), torch.tensor(y, device=device)
        self._groups = None if groups is None else torch.as_tensor(groups, device=device)
        self._n_groups = None if groups is None else int(groups.max()) + 1
        self._mean = self._stack([stream.mean for stream in self._streams])[:, None]
        self._scale = self._stack([stream.scale for stream in self._streams])[:, None]
        self._projection = self._stack(
            [run.objective.projection(label_names, recipe.n_latent) for run in runs]
        )
        self._shaped = (self._projection != 0).any(1, keepdim=True)
        self._supervised = self._shaped.flatten(1).any(1)
        self._architecture = Architecture(x.shape[1], recipe.hidden, recipe.n_latent)
        starts = [_generator(run.seed, purpose=0) for run in runs]
        self._network = Autoencoder(self._architecture, models=len(runs), generators=starts).to(
            device
        )
        self._optimiser = _Adam(self._network.weights, learning_rate=recipe.learning_rate)
        self._history: list[Tensor] = []

    def fit(self, advance: Callable[[int], None]) -> None:
        """Train for all epochs, or until every run has stopped early."""
        best = _Best(self._network) if self._recipe.patience else None
        for _ in range(self._recipe.epochs):
            self._history.append(self._epoch())
            advance(len(self._runs))
            if best and best.update(self._validation_loss(), patience=self._recipe.patience or 0):
                break
        if best:
            best.restore()

    def models(self) -> list[AffectModel]:
        """The trained models, in the order of the runs.

        Raises:
            TrainingError: if a loss was not finite.
        """
        history = torch.stack(self._history, dim=1).cpu().double().numpy()
        diverged = [
            f"{run.objective.name} (seed {run.seed})"
            for run, terms in zip(self._runs, history, strict=True)
            if not np.isfinite(terms[:, 0]).all()
        ]
        if diverged:
            raise TrainingError(
                f"the loss was not finite for {', '.join(diverged)}; try a smaller learning rate, "
                "or clip the features"
            )
        return [self._model(i, terms) for i, terms in enumerate(history)]

    def _epoch(self) -> Tensor:
        """One pass over the training rows; the mean of the terms over the batches, `(runs, 4)`."""
        orders = [stream.shuffled() for stream in self._streams]
        size = self._recipe.batch_size
        starts = range(0, max(map(len, orders)), size)
        sums = [torch.zeros((), device=self._device)] * 4
        for start in starts:
            batch = _Batch([order[start : start + size] for order in orders])
            terms = self._terms(batch, noise=self._recipe.noise)
            (gradient,) = torch.autograd.grad(terms.loss.sum(), self._network.weights)
            self._optimiser.step(gradient)
            sums = [total + term.detach() for total, term in zip(sums, terms, strict=True)]
        loss, reconstruction, residuals, slopes = (total / len(starts) for total in sums)
        shaped = self._shaped.squeeze(1)
        slope = (slopes * shaped).sum(-1) / shaped.sum(-1)  # NaN where no label shapes
        return torch.stack([loss, reconstruction, residuals.sum(-1), slope], dim=1)

    @torch.no_grad()
    def _validation_loss(self) -> Tensor:
        """The loss on the rows held out, without noise, `(runs,)`."""
        rows = [torch.as_tensor(stream.held_out) for stream in self._streams]
        return self._terms(_Batch(rows), noise=0.0).loss

    def _terms(self, batch: _Batch, *, noise: float) -> _Terms:
        """The loss of each run on a batch, and its parts."""
        rows = batch.rows.to(self._device)
        x = (embedding(rows, self._x) - self._mean) / self._scale
        if self._recipe.clip is not None:
            x = x.clamp(-self._recipe.clip, self._recipe.clip)
        noisy = x + noise * self._noise(batch, x) if noise else x
        z, rebuilt = self._network(self._of_runs(noisy))

        error = mse_loss(rebuilt, self._of_runs(x), reduction="none").mean(-1)
        labels = embedding(rows, self._y)
        if batch.valid is None:
            reconstruction = error.mean(-1)
        else:
            valid = batch.valid.to(self._device)
            labels = labels.masked_fill(~valid[..., None], torch.nan)
            share = valid / valid.sum(-1, keepdim=True)
            reconstruction = (error * self._of_runs(share)).sum(-1)
        residuals, slopes = metric_terms(
            z @ self._projection,
            self._of_runs(labels).masked_fill(~self._shaped, torch.nan),
            groups=None if self._groups is None else self._of_runs(self._groups[rows]),
            n_groups=self._n_groups,
        )
        loss = reconstruction + (residuals + (slopes - 1).abs()).sum(-1)
        if self._recipe.log_loss:
            loss = torch.where(self._supervised, torch.where(self._supervised, loss, 1).log(), loss)
        return _Terms(loss, reconstruction, residuals, slopes)

    def _of_runs(self, of_streams: Tensor) -> Tensor:
        """What each run sees, from what each stream sees."""
        return of_streams.index_select(0, self._stream_of)  # 5 times faster than [...]

    def _noise(self, batch: _Batch, like: Tensor) -> Tensor:
        noise = torch.zeros(like.shape)
        for stream, size, rows in zip(self._streams, batch.sizes, noise, strict=True):
            rows[:size] = torch.randn(size, like.shape[-1], generator=stream.generator)
        return noise.to(self._device)

    def _stack(self, arrays: Sequence[npt.NDArray[np.float64]]) -> Tensor:
        return torch.as_tensor(np.stack(arrays), dtype=torch.float32, device=self._device)

    def _model(self, position: int, terms: npt.NDArray[np.float64]) -> AffectModel:
        run, stream = self._runs[position], self._streams[int(self._stream_of[position])]
        weights = {
            name: _numpy(tensor[position]).reshape(tensor.shape[1 + name.endswith(".bias") :])
            for name, tensor in self._network.tensors().items()
        }
        history = pd.DataFrame(terms, columns=list(TERMS))
        history.insert(0, "epoch", np.arange(1, len(history) + 1))
        model = AffectModel(
            architecture=self._architecture,
            objective=run.objective,
            weights=weights,
            mean=stream.mean,
            scale=stream.scale,
            clip=self._recipe.clip,
            record={
                "recipe": asdict(self._recipe),
                "seed": run.seed,
                "rows": len(stream.rows),
                "rows_held_out": len(stream.held_out),
                "epochs": len(history),
                "torch": torch.__version__,
            },
            history=history,
        )
        axes = model.axis_values(model.encode(_numpy(self._x[stream.rows])))
        labels = _numpy(self._y[stream.rows])
        offsets = {
            label: _mean(labels[:, self._label_names.index(label)] - axes[label].to_numpy())
            for label in model.labels
        }
        return replace(model, offsets=offsets)


class _Adam:
    """Adam on one tensor, by torch's own function.

    `torch.optim.Adam` loads torch's compiler first, 2 s in every process, and takes three times as
    long per step.
    """

    def __init__(self, weights: Tensor, *, learning_rate: float) -> None:
        self._weights, self._learning_rate = weights, learning_rate
        self._mean, self._square = torch.zeros_like(weights), torch.zeros_like(weights)
        self._steps = torch.zeros((), device=weights.device)

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        adam(
            [self._weights],
            [gradient],
            [self._mean],
            [self._square],
            [],
            [self._steps],
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


class _Best:
    """The weights of each run at its lowest validation loss, and which runs still improve."""

    def __init__(self, network: Autoencoder) -> None:
        self._weights = network.weights
        self._kept = network.weights.detach().clone()
        runs, device = len(self._kept), self._kept.device
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
        self._kept[better] = self._weights[better]
        return bool(self._stopped.all())

    @torch.no_grad()
    def restore(self) -> None:
        self._weights.copy_(self._kept)


def _generator(seed: int, *, purpose: int) -> torch.Generator:
    """Independent random numbers for each purpose (0 initial weights, 1 batches) of a seed."""
    state = np.random.SeedSequence(seed).generate_state(2, dtype=np.uint64)
    return torch.Generator().manual_seed(int(state[purpose] >> 1))


def _mean(values: npt.NDArray[np.float64]) -> float:
    """Mean of what is not NaN; 0 where nothing is, so that no NaN reaches the model."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _numpy(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
