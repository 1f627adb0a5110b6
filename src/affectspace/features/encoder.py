"""`hf:PATH_OR_ID[:LAYER]`: hidden states of a speech encoder, averaged over time.

Encoders, as `transformers` has them: wav2vec 2.0 (Baevski et al., NeurIPS 2020), HuBERT (Hsu et
al., IEEE/ACM TASLP 29, 2021), WavLM (Chen et al., IEEE JSTSP 16, 2022), and the encoder of Whisper
(Radford et al., ICML 2023).
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import SAMPLING_RATE, Channel
from affectspace.errors import ContractError, MissingExtraError
from affectspace.features.encoder_folder import (
    ARCHITECTURES,
    EncoderFolder,
    locate,
    recall,
    weights_files,
)
from affectspace.features.spec import AS_RECORDED, FeatureSpec

PREFIX = "hf:"
LONGEST = 30 * SAMPLING_RATE
"""Samples of a piece, into which longer recordings are cut: attention costs its square."""

_NAME = re.compile(rf"{PREFIX}(?P<where>.+?)(?::(?P<layer>-?\d+|mean))?", re.DOTALL)
_DIGEST = re.compile(r"sha256:([0-9a-f]{32})\b")


class Encoder:
    """Computes mean-pooled hidden states; see [`Backend`][affectspace.features.Backend].

    Args:
        folder: the encoder.
        layer: which hidden states: 0 is the input of the first layer, the last the encoder's
            output; negative ones count from the last; `mean` is the average of all.
        channel: see `FeatureSpec`.
        level: see `FeatureSpec`.

    Raises:
        ContractError: if the encoder has no such layer.
        MissingExtraError: without the extra `ssl`.
    """

    def __init__(
        self,
        folder: EncoderFolder,
        layer: str = "-1",
        *,
        channel: Channel = "first",
        level: str = AS_RECORDED,
    ) -> None:
        self._folder = folder
        self._layer = None if layer == "mean" else _index(folder, int(layer))
        chosen = "mean" if self._layer is None else f"{self._layer}"
        states = "all layers" if self._layer is None else f"layer {self._layer}"
        self.spec = FeatureSpec(
            name=f"{PREFIX}{folder.label}:{chosen}",
            backend=f"transformers {folder.kind}, {states}, mean over time, sha256:{folder.digest}",
            backend_version=_version(),
            channel=channel,
            level=level,
            features=tuple(f"hf_{i}" for i in range(folder.width)),
        )

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the hidden states' mean over all frames of a signal, shape (n,) -> (width,)."""
        network = _loaded(self._folder)
        if isinstance(network, ContractError):
            raise network
        deepest = self._folder.layers if self._layer is None else self._layer
        states = [
            piece.mean(axis=0) if self._layer is None else piece[self._layer]
            for piece in network(samples, deepest)
        ]
        mean = np.concatenate(states).mean(axis=0, dtype=np.float64)
        return np.asarray(mean, np.float32)


def named_encoder(name: str, *, channel: Channel = "first", level: str = AS_RECORDED) -> Encoder:
    """Return the encoder that a user has named: `hf:PATH_OR_ID` or `hf:PATH_OR_ID:LAYER`.

    Raises:
        ContractError: if there is none, it can't be used, or it has no such layer.
        MissingExtraError: without the extra `ssl`.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ContractError(f"{name!r} should be hf:PATH_OR_ID or hf:PATH_OR_ID:LAYER")
    _check_installed()
    return Encoder(locate(match["where"]), match["layer"] or "-1", channel=channel, level=level)


def digest_of(backend: str) -> str:
    """Return the digest of the encoder behind (a part of) a contract; empty where there is none."""
    match = _DIGEST.search(backend)
    return match[1] if match else ""


def without_digests(backend: str) -> str:
    """Return what computes a contract's features, whatever files its encoders lie in."""
    return _DIGEST.sub("sha256", backend)


def known_encoder(name: str, backend: str, channel: Channel, level: str) -> Encoder:
    """Return the encoder of a contract, if it is one that was named here before.

    The same weights may lie in other files, in shards, say, or with another release's settings:
    where the very same files aren't known, an encoder of that name is returned, whose contract has
    its own digest.

    Args:
        name: the contract's.
        backend: the contract's, with the encoder's digest.
        channel: the contract's.
        level: the contract's.

    Raises:
        ContractError: if it isn't known here.
        MissingExtraError: without the extra `ssl`.
    """
    match, digest = _NAME.fullmatch(name), digest_of(backend)
    if match is None or not digest:
        raise ContractError(f"{name!r} doesn't say which encoder it needs")
    _check_installed()
    folder = recall(digest, match["where"])
    return Encoder(folder, match["layer"] or "-1", channel=channel, level=level)


class _Network:
    """An encoder in memory."""

    def __init__(self, folder: EncoderFolder) -> None:
        import transformers
        from safetensors.torch import load_file

        architecture = ARCHITECTURES[folder.kind]
        extractor = getattr(transformers, architecture.extractor)
        config_class = getattr(transformers, f"{architecture.classes}Config")
        model_class = getattr(transformers, f"{architecture.classes}Model")
        # what the class knows, and nothing that makes transformers load further files
        known = config_class().to_dict().keys() - {"output_attentions"}
        config = config_class(**{k: v for k, v in folder.config.items() if k in known})
        config.add_adapter = False  # it would shorten the last hidden states only
        weights: dict[str, Any] = {}
        for file in weights_files(folder):
            weights |= load_file(file)
        with _quiet(transformers):
            model, found = model_class.from_pretrained(
                None,
                config=config,
                state_dict=weights,
                dtype="float32",
                local_files_only=True,
                output_loading_info=True,
            )
        # the mask of training may be missing
        missing = [name for name in found["missing_keys"] if "masked_spec_embed" not in name]
        if missing:
            raise ContractError(
                f"{folder.path} lacks {len(missing)} weights of {folder.kind}, first {missing[0]}"
            )
        self._whisper = folder.kind == "whisper"
        self._model = model.encoder if self._whisper else model
        self._encoder, self._layers = model.encoder, model.encoder.layers
        # transformers' own record of the states has fixed layers from the first call on
        self._states: list[Any] = []
        self._layers[0].register_forward_pre_hook(self._note_input, with_kwargs=True)
        for layer in self._layers:
            layer.register_forward_hook(self._note_output)
        self._turn = threading.Lock()
        self._extractor = extractor(**folder.extractor)

    def __call__(self, samples: NDArray[np.float32], deepest: int) -> Iterator[NDArray[np.float32]]:
        """Yield the hidden states of each piece of a signal.

        Args:
            samples: shape (n,), at 16 kHz.
            deepest: the last layer that is wanted; those behind it aren't computed.

        Yields:
            Shape (deepest + 1, frames, width); where `deepest` is 0, one layer more.
        """
        if self._whisper:
            for piece in _pieces(samples, self._extractor.n_samples):
                inputs = self._extractor(
                    piece, sampling_rate=SAMPLING_RATE, return_tensors="pt"
                ).input_features
                # what comes after the signal is padding
                frames = -(-len(piece) // (2 * self._extractor.hop_length))
                yield self._run(inputs, deepest)[:, :frames]
        else:
            whole = self._extractor(samples, sampling_rate=SAMPLING_RATE, return_tensors="pt")
            for piece in _pieces(whole.input_values[0], LONGEST):
                yield self._run(piece[None], deepest)

    def _run(self, inputs: Any, deepest: int) -> NDArray[np.float32]:
        import torch

        with self._turn, torch.inference_mode():
            self._states.clear()
            self._encoder.layers = self._layers[: max(deepest, 1)]
            found = self._model(inputs, return_dict=True)
            states = list(self._states)
            if deepest == len(self._layers):
                states[-1] = found.last_hidden_state  # after the final normalisation, if any
            array: NDArray[np.float32] = torch.cat(states).numpy()
        return array

    def _note_input(self, _: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._states.append(given[0] if given else named["hidden_states"])

    def _note_output(self, _: Any, __: Any, output: Any) -> None:
        self._states.append(output[0] if isinstance(output, tuple) else output)


def _pieces(samples: Any, longest: int) -> Iterator[Any]:
    """Cut a signal into equal pieces, since a very short one would have no frame."""
    count = max(1, -(-len(samples) // longest))
    ends = [len(samples) * i // count for i in range(count + 1)]
    return (samples[start:end] for start, end in itertools.pairwise(ends))


@functools.lru_cache(maxsize=2)
def _loaded(folder: EncoderFolder) -> _Network | ContractError:
    """Load an encoder once per process, or find out once that it can't be."""
    try:
        return _Network(folder)
    except ContractError as error:
        return error
    except Exception as error:
        return ContractError(f"{folder.path} can't be loaded: {type(error).__name__}: {error}")


def _index(folder: EncoderFolder, layer: int) -> int:
    """Count a layer from the first."""
    found = layer + (folder.layers + 1 if layer < 0 else 0)
    if not 0 <= found <= folder.layers:
        raise ContractError(
            f"{folder.label} has the layers 0 to {folder.layers}, or -1 to {-folder.layers - 1}, "
            f"and mean; not {layer}"
        )
    return found


def _check_installed() -> None:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "ssl", "A speech encoder as features")


def _version() -> str:
    return metadata.version("transformers")


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep back a progress bar, and a table of the weights that aren't the encoder's."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
