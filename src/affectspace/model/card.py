"""The plain model card: what can be said of a model of which nothing was measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affectspace.model.affect import AffectModel

TAGS = ("speech", "emotion", "affect", "activation", "valence", "affectspace")
_MEASURED = "The figures stand in `metrics.json`; this card was written without looking at them."
_UNMEASURED = (
    "Nothing was measured when this card was written: no estimate of this model has been compared "
    "with a rating that it had not seen."
)
_MOST = 40  # entries of the training record that are shown


def model_card(model: AffectModel, *, measured: bool = False, quality: str = "") -> str:
    """A card for a model that comes without one: Markdown with the Hugging Face header.

    It says what the model is and how it was trained.

    Args:
        model: the model.
        measured: whether figures stand in `metrics.json`; if not, the card says that there are
            none.
        quality: what it says instead.
    """
    name = model.name or "An affectspace model"
    stated = _MEASURED if measured else _UNMEASURED
    sections = [
        card_header(licence=model.licence, languages=model.record.get("languages", ())),
        f"# {name}",
        _what(model),
        f"## How good it is\n\n{quality or stated}",
        "## What it is not for\n\nEstimates are of how listeners would rate a voice, not of what a "
        "person feels. No decision about a person may rest on them.",
        f"## Features\n\n{_features(model)}",
        f"## Training record\n\n{_record(model.record)}",
        "## Use\n\n```python\nfrom affectspace import load_model\n\n"
        f'model = load_model("path/of/this/folder")\n{_use(model)}\n```',
    ]
    return "\n\n".join(sections) + "\n"


def card_header(*, licence: str = "", languages: Any = (), tags: tuple[str, ...] = TAGS) -> str:
    """The YAML header that the Hugging Face hub reads.

    Args:
        licence: of the weights; the hub's own short name, or any other text; empty for unknown.
        languages: ISO 639-1 codes; left out where there is none.
        tags: for the hub's search.
    """
    codes = [str(code) for code in languages] if isinstance(languages, list | tuple) else []
    short = licence.lower()
    known = short if short.replace("-", "").replace(".", "").isalnum() else "other"
    lines = [
        "---",
        f"license: {known if licence else 'unknown'}",
        *([f"license_name: {json.dumps(licence)}"] if licence and known == "other" else []),
        # quoted, as YAML reads the code of Norwegian as "false"
        *(["language:", *(f"- {json.dumps(code)}" for code in codes)] if codes else []),
        "library_name: affectspace",
        "tags:",
        *(f"- {tag}" for tag in tags),
        "---",
    ]
    return "\n".join(lines)


def _what(model: AffectModel) -> str:
    labels = " and ".join(model.labels)
    does = (
        f"estimates {labels} on the raters' scale from 1 to 5"
        if labels
        else "embeds recordings, and estimates no rating"
    )
    count = sum(weight.size for weight in model.weights.values())
    return (
        f"A denoising autoencoder for features of speech that {does}. Objective "
        f"`{model.objective.name}`, encoder {model.architecture}, {count} parameters."
        + (f" Version {model.version}." if model.version else "")
        + f" Licence of the weights: {model.licence or 'not stated'}."
    )


def _features(model: AffectModel) -> str:
    spec = model.spec
    if spec is None:
        return "They came from elsewhere, without a contract: the model can't embed recordings."
    return (
        f"Contract `{spec.hash}`: set `{spec.name}` ({len(spec.features)} features) of "
        f"{spec.backend} {spec.backend_version}, at {spec.sampling_rate} Hz, channel "
        f"{spec.channel}, level {spec.level}."
    )


def _use(model: AffectModel) -> str:
    return "model.describe(features)" if model.spec is None else 'model.embed(["recording.wav"])'


def _record(record: Mapping[str, Any]) -> str:
    if not record:
        return "None was kept."
    lines = [
        f"- {key}: `{json.dumps(value, default=str, ensure_ascii=False)[:300].replace('`', ' ')}`"
        for key, value in list(record.items())[:_MOST]
    ]
    return "\n".join(lines)
