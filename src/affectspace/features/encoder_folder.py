"""Where a speech encoder lies, what it is, and which encoders this installation may use.

An encoder is a folder as `transformers` saves it, on disk or on the Hugging Face hub. Of it only
JSON and safetensors files are read. A feature contract names an encoder by a label and the digest
of those files, never by where it lies: what a stranger's model asks for is found only among the
encoders that were named here before, by whoever uses this installation.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectspace.audio import SAMPLING_RATE
from affectspace.errors import ContractError, MissingExtraError

_LOG = logging.getLogger(__name__)

CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_EXTRACTORS = ("processor_config.json", "preprocessor_config.json")
_DOWNLOADED = (CONFIG, *_EXTRACTORS, _WEIGHTS, _INDEX, "model-*-of-*.safetensors")
_HUB = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>[\w./-]+))?", re.ASCII)
_SHARD = re.compile(r"[\w.-]+\.safetensors", re.ASCII)


@dataclass(frozen=True)
class Architecture:
    """A kind of encoder: its classes in `transformers`, and its sizes in `config.json`."""

    classes: str
    layers: str = "num_hidden_layers"
    width: str = "hidden_size"
    extractor: str = "Wav2Vec2FeatureExtractor"


ARCHITECTURES = {
    "wav2vec2": Architecture("Wav2Vec2"),
    "hubert": Architecture("Hubert"),
    "wavlm": Architecture("WavLM"),
    "whisper": Architecture("Whisper", "encoder_layers", "d_model", "WhisperFeatureExtractor"),
}
"""By the `model_type` of `config.json`."""


@dataclass(frozen=True)
class EncoderFolder:
    """An encoder on disk.

    Attributes:
        path: the folder.
        label: `ORG/NAME` on the hub, else the folder's name.
        kind: one of `ARCHITECTURES`.
        layers: how many.
        width: of its hidden states.
        digest: of its configuration and weights, 32 hexadecimal digits of a SHA-256.
    """

    path: Path
    label: str
    kind: str
    layers: int
    width: int
    digest: str

    @property
    def config(self) -> dict[str, Any]:
        """What `config.json` says."""
        return _json(self.path / CONFIG)

    @property
    def extractor(self) -> dict[str, Any]:
        """The settings of the feature extractor."""
        return _extractor(self.path)


def locate(where: str) -> EncoderFolder:
    """Find an encoder that the user has named; from then on it is known here.

    Args:
        where: a folder; or `ORG/NAME` or `ORG/NAME@REVISION`, a repository on the hub, which is
            downloaded where the hub's cache doesn't have it, and otherwise taken from there without
            asking the hub.

    Raises:
        ContractError: if there is no such encoder, or it is none that can be used.
        MissingExtraError: without the extra `ssl`, where it is needed.
    """
    path, match = Path(where).expanduser(), _HUB.fullmatch(where)
    if path.is_dir():
        path = path.resolve()
        folder = read_encoder(path, re.sub(r"[^\w.-]", "_", path.name) or "_")
    elif match is not None:
        path = _from_hub(match["repository"], match["revision"])
        folder = read_encoder(path, match["repository"])
    else:
        raise ContractError(
            f"there is no folder {where!r}, and a speech encoder on the hub is ORG/NAME or "
            "ORG/NAME@REVISION"
        )
    _remember(folder)
    return folder


def recall(digest: str, label: str) -> EncoderFolder:
    """Find an encoder that a contract names among those known here; nothing is downloaded.

    Returns:
        The encoder with these files, whatever it is called here; else, of those that were named
        here and have that name, be they a folder's or a repository's, the one that was named last,
        whose files may hold the same weights.

    Raises:
        ContractError: if there is none.
    """
    folder = _noted(_notes() / digest, label)
    for note in () if folder else _newest_first(_notes()):
        alike = _name(_read_note(note).get("label", "")) == _name(label)
        if alike and (folder := _noted(note, label)):
            break
    if folder:
        return folder
    raise ContractError(
        f"the speech encoder {label} isn't known here, or no longer where it was: if you trust it, "
        f"name it once, by affectspace embed with --encoder {label}, or by "
        f"affectspace.features.spec('hf:{label}'); a folder of that name will do ({digest})"
    )


def read_encoder(path: Path, label: str) -> EncoderFolder:
    """Read what an encoder's folder says of it, and hash what can change its values.

    Raises:
        ContractError: if it's none of ours, its signals have another sampling rate, or its weights
            are no safetensors.
    """
    config = _json(path / CONFIG)
    kind = config.get("model_type")
    architecture = ARCHITECTURES.get(str(kind))
    if architecture is None:
        raise ContractError(
            f"{path} holds a model of the type {kind!r}; speech encoders are "
            f"{', '.join(ARCHITECTURES)}"
        )
    sizes = [config.get(name) for name in (architecture.layers, architecture.width)]
    layers, width = (size if type(size) is int and size > 0 else 0 for size in sizes)
    if not (layers and width):
        raise ContractError(
            f"{path / CONFIG} should say {architecture.layers} and {architecture.width}"
        )
    _check_extractor(path, str(kind), config)
    files = [path / CONFIG, *(path / name for name in _EXTRACTORS), *_weights(path)]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            about = file.stat()
            content = _sha256(file, about.st_ino, about.st_size, about.st_mtime_ns)
            digest.update(file.name.encode() + b"\0" + content)
    return EncoderFolder(path, label, str(kind), layers, width, digest.hexdigest()[:32])


def weights_files(folder: EncoderFolder) -> list[Path]:
    """Return the files that hold an encoder's weights."""
    return _weights(folder.path)


def _check_extractor(path: Path, kind: str, config: dict[str, Any]) -> None:
    found, wanted = _extractor(path), ARCHITECTURES[kind].extractor
    named = found.get("feature_extractor_type", wanted)
    if named != wanted:
        raise ContractError(f"{path}: {kind} should have a {wanted}, and has a {named}")
    rate = found.get("sampling_rate", SAMPLING_RATE)
    if rate != SAMPLING_RATE:
        raise ContractError(f"{path} wants signals of {rate} Hz; ours have {SAMPLING_RATE} Hz")
    if kind != "whisper":
        return
    frames = found.get("chunk_length", 30) * rate // found.get("hop_length", 160)
    mels = found.get("feature_size", 80)
    if (mels, frames) != (config.get("num_mel_bins"), 2 * config.get("max_source_positions", 0)):
        raise ContractError(f"{path}: its feature extractor is that of another model")


def _weights(path: Path) -> list[Path]:
    if (path / _WEIGHTS).is_file():
        return [path / _WEIGHTS]
    if (path / _INDEX).is_file():
        shards = sorted({str(name) for name in _json(path / _INDEX).get("weight_map", {}).values()})
        for shard in shards:
            if not (_SHARD.fullmatch(shard) and (path / shard).is_file()):
                raise ContractError(f"{path / _INDEX} names {shard!r}, which isn't there")
        if shards:
            return [path / shard for shard in shards]
    raise ContractError(
        f"{path} has no {_WEIGHTS}. Weights in other files, such as pytorch_model.bin, may run "
        "code and aren't loaded. If you trust them, convert them once: python -c \"from "
        "transformers import AutoFeatureExtractor as F, AutoModel as M; "
        "[kind.from_pretrained('ENCODER')"
        ".save_pretrained('FOLDER') for kind in (F, M)]\"; a repository on the hub may have a "
        "revision with safetensors: hf:ORG/NAME@refs/pr/NUMBER"
    )


def _extractor(path: Path) -> dict[str, Any]:
    """Read the feature extractor's settings, from where older and newer releases keep them."""
    combined, alone = (path / name for name in _EXTRACTORS)
    nested = _json(combined).get("feature_extractor") if combined.is_file() else None
    if isinstance(nested, dict):
        return nested
    if not alone.is_file():
        raise ContractError(f"{path} has no {alone.name}, which says how signals are prepared")
    return _json(alone)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ContractError(f"{path} can't be read: {error}") from None
    if not isinstance(found, dict):
        raise ContractError(f"{path} holds no settings")
    return found


def _from_hub(repository: str, revision: str | None) -> Path:
    """Return the folder of a repository in the hub's cache, downloading it if it isn't there."""
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        purpose = "A speech encoder from the hub"
        raise MissingExtraError("huggingface_hub", "ssl", purpose) from None
    get = functools.partial(
        snapshot_download, repository, revision=revision, allow_patterns=list(_DOWNLOADED)
    )
    cached = None
    with suppress(Exception):  # many kinds, of several libraries
        cached = Path(get(local_files_only=True))
    if cached is not None and _complete(cached):
        return cached
    try:
        return Path(get())
    except Exception as error:
        if cached is not None:  # what is wrong with it says more
            return cached
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ContractError(f"hf:{repository} can't be loaded from the hub: {reason}") from error


def _complete(path: Path) -> bool:
    try:
        return bool(_json(path / CONFIG) and _extractor(path) and _weights(path))
    except ContractError:
        return False


def _notes() -> Path:
    """Return the folder of notes: under an encoder's digest, where it lies."""
    from affectspace.features.cache import default_root

    return default_root() / "encoders"


def _remember(folder: EncoderFolder) -> None:
    note = _notes() / folder.digest
    content = {"path": str(folder.path), "label": folder.label}
    try:
        if _read_note(note) == content:
            note.touch()  # the one that was named last
            return
        note.parent.mkdir(parents=True, exist_ok=True)
        beside = note.with_name(f".{uuid.uuid4().hex}.tmp")
        beside.write_text(json.dumps(content), "utf-8")
        beside.replace(note)
    except OSError as error:
        _LOG.info("models won't find the encoder %s again: %s", folder.path, error)


def _name(label: str) -> str:
    """Return a label without the organisation that a repository's has; a path stays one."""
    return label.rpartition("/")[2] if label.count("/") == 1 else label


def _noted(note: Path, label: str) -> EncoderFolder | None:
    """Return the encoder of a note, if it still lies there, unchanged."""
    try:
        folder = read_encoder(Path(_read_note(note)["path"]), label)
    except (OSError, KeyError, ContractError) as error:  # it's gone, or broken
        _LOG.info("no encoder by %s: %s", note, error)
        return None
    return folder if folder.digest == note.name else None


def _read_note(note: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        content = json.loads(note.read_text("utf-8"))
        if isinstance(content, dict) and all(isinstance(value, str) for value in content.values()):
            return content
    return {}


def _newest_first(notes: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(notes.glob("[0-9a-f]*"), key=lambda note: -note.stat().st_mtime_ns)
    return []


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, *_: int) -> bytes:
    """Hash a file once; the numbers tell whether it is still the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
