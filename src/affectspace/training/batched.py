"""One batched pass: a stack of networks, each with its own rows, noise and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import embedding, mse_loss
from torch.nn.utils.rnn import pad_sequence

from affectspace.autoencoder import Autoencoder
from affectspace.errors import TrainingError
from affectspace.model import AffectModel, Architecture
from affectspace.training.optimiser import Adam, Best
from affectspace.training.ratings import Ratings
from affectspace.training.readout import in_rating_units
from affectspace.training.recipe import Recipe, Run
from affectspace.training.shaping import WITHOUT_UNITS, Rated, shaping

TERMS = ("loss", "reconstruction", "residual", "slope")
"""The columns of a history: the optimised scalar, L_rec, L_res and p (mean over the labels).

Of a rival of the metric loss, its own value stands for L_res, and p is NaN.
"""


CHUNK = 2**18
"""Feature values per run that are drawn, standardised and made noisy at once."""


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


class _Chunk(NamedTuple):
    """Rows as each run sees them, for one or several batches: made together, to save time.

    Shapes: `(runs, rows, f)` twice, `(runs, rows, labels)` twice, `(runs, rows)` twice. Where
    streams have different numbers of rows, the shorter are padded, and `valid` says which count.
    """

    clean: Tensor
    noisy: Tensor
    labels: Tensor
    weights: Tensor | None
    groups: Tensor | None
    valid: Tensor | None

    def part(self, rows: slice) -> _Chunk:
        weights, groups, valid = (
            None if tensor is None else tensor[:, rows]
            for tensor in (self.weights, self.groups, self.valid)
        )
        if valid is not None and bool(valid.all()):
            valid = None
        return _Chunk(
            self.clean[:, rows], self.noisy[:, rows], self.labels[:, rows], weights, groups, valid
        )


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
        ratings: Ratings,
        groups: npt.NDArray[np.int64] | None,
        clean: npt.NDArray[np.int64] | None,
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
        self._x = torch.tensor(x, device=device)
        self._ratings = ratings
        self._labels = self._flat(ratings.labels)
        self._weights = None if ratings.weights is None else self._flat(ratings.weights)
        self._first_label = torch.as_tensor(ratings.table_of * len(x), device=device)[:, None]
        self._groups = None if groups is None else torch.as_tensor(groups, device=device)
        self._n_groups = None if groups is None else int(groups.max()) + 1
        self._clean = None if clean is None else torch.as_tensor(clean, device=device)
        self._mean = self._stack([stream.mean for stream in self._streams])[:, None]
        self._scale = self._stack([stream.scale for stream in self._streams])[:, None]
        self._projection = self._stack(
            [run.objective.projection(label_names, recipe.n_latent) for run in runs]
        )
        self._shaped = (self._projection != 0).any(1, keepdim=True)
        self._supervised = self._shaped.flatten(1).any(1)
        self._architecture = Architecture(
            x.shape[1], recipe.hidden, recipe.n_latent, recipe.decoder_relu, recipe.skip
        )
        starts = [_generator(run.seed, purpose=0) for run in runs]
        self._network = Autoencoder(self._architecture, models=len(runs), generators=starts).to(
            device
        )
        self._optimiser = Adam(
            self._network.tensors(),
            learning_rate=recipe.learning_rate,
            weight_decay=recipe.weight_decay,
        )
        self._history: list[Tensor] = []

    def fit(self, advance: Callable[[int], None]) -> None:
        """Train for all epochs, or until every run has stopped early."""
        best = Best(self._network, len(self._runs)) if self._recipe.patience else None
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
        sums, batches = [torch.zeros((), device=self._device)] * 4, 0
        for batch in self._batches(orders):
            terms = self._terms(batch)
            gradients = torch.autograd.grad(terms.loss.sum(), self._optimiser.weights)
            self._optimiser.step(gradients)
            sums = [total + term.detach() for total, term in zip(sums, terms, strict=True)]
            batches += 1
        loss, reconstruction, residuals, slopes = (total / batches for total in sums)
        shaped = self._shaped.squeeze(1)
        slope = (slopes * shaped).sum(-1) / shaped.sum(-1)  # NaN where no label shapes
        return torch.stack([loss, reconstruction, residuals.sum(-1), slope], dim=1)

    @torch.no_grad()
    def _validation_loss(self) -> Tensor:
        """The loss on the rows held out, without noise, `(runs,)`."""
        rows = [torch.as_tensor(stream.held_out) for stream in self._streams]
        return self._terms(self._chunk(rows, noise=0.0)).loss

    def _batches(self, orders: Sequence[Tensor]) -> Iterator[_Chunk]:
        size = self._recipe.batch_size
        several = size * max(1, CHUNK // (size * self._x.shape[1]))
        for first in range(0, max(map(len, orders)), several):
            rows = [order[first : first + several] for order in orders]
            chunk = self._chunk(rows, noise=self._recipe.noise)
            for start in range(0, chunk.clean.shape[1], size):
                yield chunk.part(slice(start, start + size))

    def _chunk(self, rows: Sequence[Tensor], *, noise: float) -> _Chunk:
        sizes = [len(own) for own in rows]
        padded = pad_sequence(list(rows), batch_first=True).to(self._device)
        own = self._standardised(padded)
        clean = own if self._clean is None else self._standardised(self._clean[padded])
        noisy = own + noise * self._noise(sizes, own) if noise else own
        rated = self._of_runs(padded) + self._first_label
        labels = embedding(rated, self._labels).masked_fill(~self._shaped, torch.nan)
        valid = None
        if len(set(sizes)) > 1:
            counts = torch.tensor(sizes, device=self._device)
            valid = torch.arange(max(sizes), device=self._device) < counts[:, None]
            valid = self._of_runs(valid)
            labels = labels.masked_fill(~valid[..., None], torch.nan)
        return _Chunk(
            self._of_runs(clean),
            self._of_runs(noisy),
            labels,
            None if self._weights is None else embedding(rated, self._weights),
            None if self._groups is None else self._of_runs(self._groups[padded]),
            valid,
        )

    def _standardised(self, rows: Tensor) -> Tensor:
        x = (embedding(rows, self._x) - self._mean) / self._scale
        return x if self._recipe.clip is None else x.clamp(-self._recipe.clip, self._recipe.clip)

    def _noise(self, sizes: Sequence[int], like: Tensor) -> Tensor:
        noise = torch.zeros(like.shape)
        for stream, size, rows in zip(self._streams, sizes, noise, strict=True):
            rows[:size] = torch.randn(size, like.shape[-1], generator=stream.generator)
        return noise.to(self._device)

    def _of_runs(self, of_streams: Tensor) -> Tensor:
        """What each run sees, from what each stream sees."""
        return of_streams.index_select(0, self._stream_of)

    def _terms(self, batch: _Chunk) -> _Terms:
        """The loss of each run on a batch, and its parts."""
        z, rebuilt = self._network(batch.noisy)
        error = mse_loss(rebuilt, batch.clean, reduction="none").mean(-1)
        if batch.valid is None:
            reconstruction = error.mean(-1)
        else:
            reconstruction = (error * batch.valid).sum(-1) / batch.valid.sum(-1)
        rated = Rated(batch.labels, batch.weights, batch.groups, self._n_groups)
        shaped = shaping(self._recipe.loss, z, self._projection, rated)
        shaping_loss = shaped.loss.sum(-1)
        loss = torch.add(reconstruction, shaping_loss, alpha=self._recipe.metric_weight)
        if self._recipe.log_loss:
            loss = torch.where(self._supervised, torch.where(self._supervised, loss, 1).log(), loss)
        return _Terms(loss, reconstruction, shaped.residual, shaped.slope)

    def _flat(self, tables: npt.NDArray[np.float32]) -> Tensor:
        """Tables of labels under each other, so that a number names table and row."""
        return torch.tensor(tables, device=self._device).flatten(0, 1)

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
        labels, counts = self._ratings.of(position, stream.rows)
        groups = None if self._groups is None else self._groups.cpu().numpy()[stream.rows]
        return in_rating_units(
            model,
            _numpy(self._x[stream.rows]),
            dict(zip(self._label_names, labels.T, strict=True)),
            dict(zip(self._label_names, counts.T, strict=True)),
            groups,
            fit_gain=self._recipe.loss in WITHOUT_UNITS,
        )


def _generator(seed: int, *, purpose: int) -> torch.Generator:
    """Independent random numbers for each purpose (0 initial weights, 1 batches) of a seed."""
    state = np.random.SeedSequence(seed).generate_state(2, dtype=np.uint64)
    return torch.Generator().manual_seed(int(state[purpose] >> 1))


def _numpy(tensor: Tensor) -> npt.NDArray[np.float32]:
    array: npt.NDArray[np.float32] = tensor.detach().cpu().numpy()
    return array
