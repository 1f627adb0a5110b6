"""`AffectModel`: a trained model in plain NumPy, and what it computes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affectspace.errors import ContractError
from affectspace.features import FeatureSpec, FeatureTable
from affectspace.model.calibration import Calibration
from affectspace.model.gradients import mean_gradient
from affectspace.model.network import LABEL_SCALE, SKIP, Architecture, Array, Layer, Objective
from affectspace.model.probe import Probe

if TYPE_CHECKING:
    from affectspace.audio import Channel
    from affectspace.model.recordings import Recordings
    from affectspace.segments import Segmentation

_REMEDY = ". Read a file of features with FeatureTable.read, or select list(model.feature_names)"
_BLOCK = 2**20  # values that are worked on at once, 8 MB: more rows are no quicker


@dataclass(frozen=True, repr=False)
class AffectModel:
    """A trained model: features in; embedding, activation and valence out.

    All methods take features of shape `(n, f)` as an array, as a DataFrame whose columns are the
    feature names in order, or as a `FeatureTable`, whose contract must be the model's. A row with a
    NaN comes back as NaN.

    Attributes:
        architecture: the sizes.
        objective: what each latent dimension was shaped by.
        weights: `encoder.0.weight` `(inputs, outputs)`, `encoder.0.bias` `(outputs,)`, ...;
            `encoder.skip.weight` `(f, n_latent)` where the architecture has a shortcut.
        mean: the features' mean over the training rows, `(f,)`.
        scale: the features' deviation over the training rows, `(f,)`, never 0.
        clip: standardised features are clipped to plus and minus this; None: not clipped.
        gains: for each label of the objective, rating units per unit of its axis; a label
            that isn't there has 1, the slope that training aims at.
        offsets: for each label of the objective, what is then added to reach rating units.
        feature_names: `(f,)`, or None where the model was trained on a bare array.
        spec: the feature contract, or None where the features came from elsewhere.
        calibration: intervals and usual reconstruction errors; None where nobody measured them.
        record: how it was trained: recipe, seed, rows, versions.
        history: one row per epoch: `epoch, loss, reconstruction, residual, slope`.
        probe: what the feature set gave on a known signal; tells another installation whether its
            features are the same. None: never computed.
        name: of the model, for people.
        version: of the model, for people.
        licence: of the weights, an SPDX name where there is one; empty where nobody said.
        source: where it was loaded from: a folder, or `hf:ORG/NAME@COMMIT`; empty where it wasn't.
    """

    architecture: Architecture
    objective: Objective
    weights: Mapping[str, npt.NDArray[np.float32]]
    mean: Array
    scale: Array
    clip: float | None = None
    gains: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    spec: FeatureSpec | None = None
    calibration: Calibration | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    probe: Probe | None = None
    name: str = ""
    version: str = ""
    licence: str = ""
    source: str = ""

    def __repr__(self) -> str:
        name = " ".join(filter(None, (self.name, self.version))) or self.objective.name
        sizes = self.architecture
        return f"<AffectModel {name}: {sizes.n_features} features to {sizes.n_latent} dimensions>"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the model estimates."""
        return tuple(self.objective.axes)

    def standardise(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """Features in units of the training rows' deviation, `(n, f)`, clipped if the model clips.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        return self._standardised(self._matrix(features))

    def encode(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """The embedding z, shape `(n, n_latent)`; see the class for the input and NaN.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        return self._encoded(self.standardise(features))

    def decode(self, embeddings: npt.ArrayLike) -> Array:
        """Features in their own units, `(n, f)`, from embeddings `(n, n_latent)`."""
        z = np.asarray(embeddings, dtype=np.float64)
        return self._forward(self.architecture.decoder, z) * self.scale + self.mean

    def reconstruct(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """Features as the autoencoder rebuilds them, `(n, f)`, in their own units."""
        return self.decode(self.encode(features))

    def axis_values(self, embeddings: npt.ArrayLike) -> pd.DataFrame:
        """The value of each embedding on each label's axis, as it is; `(n, labels)`."""
        return pd.DataFrame(self._on_axes(embeddings), columns=list(self.labels))

    def estimate(self, embeddings: npt.ArrayLike) -> pd.DataFrame:
        """Each label of the objective in rating units (1 to 5, not clipped to that range).

        The axis times its gain, plus the offset.

        Args:
            embeddings: `(n, n_latent)`, from [`encode`][affectspace.model.AffectModel.encode].

        Returns:
            A column per label; no column for an unsupervised model.
        """
        return pd.DataFrame(self._estimated(embeddings), columns=list(self.labels))

    def predict(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> pd.DataFrame:
        """[`estimate`][affectspace.model.AffectModel.estimate] of the features' embedding.

        Keeps the index of a DataFrame or a `FeatureTable`.
        """
        estimates = self._estimated(self.encode(features))
        return pd.DataFrame(estimates, _index_of(features), list(self.labels))

    def gradient(
        self,
        features: npt.ArrayLike | pd.DataFrame | FeatureTable,
        *,
        reference: npt.ArrayLike | pd.DataFrame | FeatureTable | None = None,
    ) -> Array:
        """How each label's estimate rises with each standardised feature, `(n, labels, f)`.

        In rating units per deviation of the training rows. With a reference, the mean over the
        straight line from its standardised features to the row's: times the difference of the two
        it adds up to the difference of their estimates, exactly, as the network is piecewise
        linear. See [`attribute`][affectspace.explain.attribution.attribute].

        Args:
            features: as for all methods. A row with a NaN comes back as NaN.
            reference: where the lines begin, in the form of the features: one row for all, or n.
                Without it, the gradient is the one at the row itself.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        end = self.standardise(features)
        start = end if reference is None else self.standardise(reference)
        gains = [self.gains.get(label, 1.0) for label in self.labels]
        projection = self.objective.projection(self.labels, self.architecture.n_latent)
        start, outputs = np.broadcast_to(start, end.shape), projection * gains
        gradient = mean_gradient(self.architecture.encoder, self.weights, start, end, outputs)
        if self.architecture.skip:
            gradient += (self.weights[SKIP] @ outputs).T
        return gradient

    def intervals(self, estimates: pd.DataFrame) -> pd.DataFrame:
        """The interval of each estimate, in rating units, not limited to 1 to 5.

        Args:
            estimates: `(n, labels)`, from `estimate` or `predict`.

        Returns:
            `activation_low`, `activation_high`, ... for each label, under the same index: the ends
            between which the rating lies for `calibration.coverage` of all utterances. NaN where
            the model has no calibration, or none for the label.
        """
        ends = {
            f"{label}_{end}": estimates[label] + shift
            for label in self.labels
            for end, shift in zip(("low", "high"), self._interval(label), strict=True)
        }
        return pd.DataFrame(ends, index=estimates.index)

    def reconstruction_error(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """How badly the autoencoder rebuilds each row, `(n,)`, at least 0.

        The mean over the features of the squared difference, in units of the training rows'
        deviation; of clipped features if the model clips.
        """
        return self._encode_and_rebuild(self._matrix(features))[1]

    def unusualness(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> Array:
        """The share of the training rows that the model rebuilds better than this one, `(n,)`.

        0 to 1: 0.5 is typical, above 0.99 rare. NaN without a calibration.
        """
        return self._unusualness(self.reconstruction_error(features))

    def describe(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> pd.DataFrame:
        """All that the model says of each row, in one pass and in bounded memory.

        Keeps the index of a DataFrame or a `FeatureTable`. A row with a NaN is all NaN.

        Returns:
            For each label of the model its estimate and the ends of its interval (`activation`,
            `activation_low`, `activation_high`, ...), limited to the label scale 1 to 5; the
            embedding `z1`, `z2`, ...; and `unusualness`, 0 to 1. Intervals and unusualness are NaN
            without a calibration.

        Raises:
            ContractError: if the features are of another contract, or have other names.
        """
        z, errors = self._encode_and_rebuild(self._matrix(features))
        columns: dict[str, Array] = {}
        for label, estimates in zip(self.labels, self._estimated(z).T, strict=True):
            low, high = self._interval(label)
            for end, shift in (("", 0.0), ("_low", low), ("_high", high)):
                columns[f"{label}{end}"] = np.clip(estimates + shift, *LABEL_SCALE)
        columns |= {f"z{i + 1}": axis for i, axis in enumerate(z.T)}
        columns["unusualness"] = self._unusualness(errors)
        return pd.DataFrame(columns, index=_index_of(features))

    def aligned(self, features: npt.ArrayLike | pd.DataFrame | FeatureTable) -> AffectModel:
        """This model with estimates and intervals on a collection's own scale, without a rating.

        Raters judge a recording by those around it, and so do such estimates: their mean is what
        collections are rated on average, their spread what estimates are usually worth. Right for
        the recordings of one source that hold a usual mix, as the acted corpora do that it was
        learned from: about as many lively as calm ones, of several speakers. Wrong for a selection,
        such as angry calls only, and for groups that are to be compared with each other. Each row
        counts as a witness of its own. Embedding and unusualness stay as they are. A label of which
        collections tell nothing stays as it is.

        Args:
            features: of the collection's recordings, `(n, f)`. Rows with a NaN are left out. Of few
                rows, less is believed and the intervals are wider.

        Raises:
            ContractError: if the features are of another contract, or have other names.
            ModelError: if the model doesn't say how collections are estimated and rated.
            TableError: if there is no row without NaN.
        """
        from affectspace.model.alignment import aligned

        return aligned(self, self.predict(features).to_numpy())

    def embed(
        self,
        recordings: Recordings,
        *,
        segment: str | Segmentation = "none",
        channel: Channel | None = None,
        align: bool = False,
        jobs: int | None = None,
        cache: str | os.PathLike[str] | bool | None = None,
        progress: bool = False,
    ) -> pd.DataFrame:
        """Estimate activation and valence of recordings, and place them in the model's space.

        No recording ends the run: a row that can't be scored comes back with NaN, a status from
        the closed list [`Status`][affectspace.audio.Status] and a message.

        Args:
            recordings: a path, or a list of paths: files, folders, tables and lists, as
                [`find_utterances`][affectspace.tables.find_utterances] takes them; a file's
                [`Content`][affectspace.audio.Content], or a pair `(samples, sampling_rate)` as
                [`read_audio`][affectspace.audio.read_audio] takes it, or a list of these; or an
                utterance table.
            segment: `none`: a row per recording; `speech`: a row per span of speech;
                `SECONDS` or `SECONDS:HOP`: a row per window. Spans of speech are split and joined
                to fit the durations that the model was trained on. A recording without any keeps
                one row, which says so.
            channel: `first`, `mean` or a channel's number; None is the model's own rule.
            align: put the estimates on the recordings' own scale, see
                [`aligned`][affectspace.model.AffectModel.aligned]; then they depend on which
                recordings are there.
            jobs: worker processes; None is one per core, or none at all for up to 4 rows.
            cache: the folder of the feature cache; None is `AFFECTSPACE_CACHE` or the platform's
                place for caches; False is no cache. A run that was killed goes on from there.
            progress: show a progress bar on stderr.

        Returns:
            The embedding table: under the utterance index (`file`, `start`, `end`), in the order of
            the input, `activation`, `valence` and the ends of their intervals (1 to 5), `z1`, `z2`,
            ..., `unusualness` (0 to 1), `status`, `message`, `caution` (words of
            [`Caution`][affectspace.model.Caution], joined by `;`), `duration` (s), `level`
            (dBFS), `clipped_share`, `voiced_share` (0 to 1), `bandwidth` (Hz), `snr` (dB; NaN with
            less than 1 s of sound), `truncated` (s), and the columns of the input, with `input_`
            before a name that is one of these. `attrs["affectspace"]` says by which model.

        Raises:
            ContractError: if the model has no feature contract, or this installation can't meet it.
            ModelError: if it shall be aligned and can't be.
            TableError: if a table can't be read, no path holds a recording, or two contents have
                one name.
            TypeError: if something is none of what recordings may be, or `align` isn't a boolean.
            ValueError: if `segment` is something else.
        """
        from affectspace.model.embed import embed

        return embed(
            self,
            recordings,
            segment=segment,
            channel=channel,
            align=align,
            jobs=jobs,
            cache=cache,
            progress=progress,
        )

    def _estimated(self, embeddings: npt.ArrayLike) -> Array:
        """Each label in rating units, `(n, labels)`."""
        gains = [self.gains.get(label, 1.0) for label in self.labels]
        offsets = [self.offsets.get(label, np.nan) for label in self.labels]
        estimates: Array = self._on_axes(embeddings) * gains + offsets
        return estimates

    def _on_axes(self, embeddings: npt.ArrayLike) -> Array:
        projection = self.objective.projection(self.labels, self.architecture.n_latent)
        return np.asarray(embeddings, np.float64) @ projection

    def _interval(self, label: str) -> tuple[float, float]:
        """How far below and above an estimate its interval ends; NaN where that isn't known."""
        known = {} if self.calibration is None else self.calibration.intervals
        return known.get(label, (np.nan, np.nan))

    def _unusualness(self, errors: Array) -> Array:
        if self.calibration is None:
            return np.full(len(errors), np.nan)
        return self.calibration.unusualness(errors)

    def _encode_and_rebuild(self, x: npt.NDArray[Any]) -> tuple[Array, Array]:
        """Embedding `(n, n_latent)` and reconstruction error `(n,)`, block by block."""
        z = np.empty((len(x), self.architecture.n_latent))
        errors = np.empty(len(x))
        rows = max(1, _BLOCK // x.shape[1])
        for first in range(0, len(x), rows):
            block = slice(first, first + rows)
            standardised = self._standardised(x[block])
            z[block] = self._encoded(standardised)
            rebuilt = self._forward(self.architecture.decoder, z[block])
            rebuilt -= standardised
            errors[block] = np.einsum("ij,ij->i", rebuilt, rebuilt) / x.shape[1]
        return z, errors

    def _standardised(self, x: npt.NDArray[Any]) -> Array:
        standardised: Array = np.subtract(x, self.mean, dtype=np.float64)
        standardised /= self.scale
        if self.clip is not None:
            np.clip(standardised, -self.clip, self.clip, out=standardised)
        return standardised

    def _matrix(
        self, features: npt.ArrayLike | pd.DataFrame | FeatureTable
    ) -> npt.NDArray[np.floating[Any]]:
        """The features as they came, `(n, f)`, once checked: no copy where they are floats."""
        if isinstance(features, FeatureTable):
            if self.spec is not None:
                self.spec.check(features.spec)
            features = features.values
        if isinstance(features, pd.DataFrame) and self.feature_names is not None:
            names = tuple(features.columns)
            if names != self.feature_names:
                raise ContractError(
                    f"the model was trained on {_shown(self.feature_names)}, "
                    f"but the table has {_shown(names)}"
                    + _REMEDY
                    * (set(self.feature_names) <= set(names))
                )
        x = np.asarray(features)
        if x.dtype.kind in "US" or (x.size and isinstance(x.flat[0], os.PathLike)):
            raise ContractError("expected features, not text: recordings go to embed or extract")
        if x.dtype.kind != "f":
            x = np.asarray(features, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.mean):
            raise ContractError(f"expected features of shape (n, {len(self.mean)}), not {x.shape}")
        return x

    def _encoded(self, standardised: Array) -> Array:
        z = self._forward(self.architecture.encoder, standardised)
        return z + standardised @ self.weights[SKIP] if self.architecture.skip else z

    def _forward(self, layers: Sequence[Layer], x: Array) -> Array:
        for layer in layers:
            x = x @ self.weights[f"{layer.name}.weight"] + self.weights[f"{layer.name}.bias"]
            if layer.relu:
                x = np.maximum(x, 0)  # unlike fmax, keeps a NaN
        return x


def _index_of(features: Any) -> pd.Index | None:
    """The index of the features, where they have one."""
    source = features.values if isinstance(features, FeatureTable) else features
    return source.index if isinstance(source, pd.DataFrame) else None


def _shown(names: Sequence[str]) -> str:
    """A list of names, short enough for a message."""
    return f"{len(names)} features ({', '.join(map(str, names[:3]))}, ...)"
