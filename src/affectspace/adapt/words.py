"""What an adaptation says of itself: lines for people, and the card of the adapted model."""

from __future__ import annotations

from collections.abc import Iterator

from affectspace.adapt.adaptation import Adaptation, Choice
from affectspace.model import AffectModel
from affectspace.model.alignment import THE_MODELS, scale_of
from affectspace.model.card import model_card

_MEASURED = "What the adaptation is expected to be worth stands above and in `metrics.json`. "
_BEFORE = "How good the model was that it was made from, and in which languages, its own card says."
_TRAINING = (
    "What the training record below says of training is about the model that it was made from."
)
FEW = 5
ENOUGH = 20


def summary(adaptation: Adaptation) -> list[str]:
    """A line per label: what was made of it, and what that is expected to be worth."""
    return [_line(adaptation, choice) for choice in adaptation.choices.values()]


def adapted_card(adaptation: Adaptation) -> str:
    """The plain card of a model, with a section on what it was adapted to before all others."""
    model, changed = adaptation.model, adaptation.changed
    quality = _MEASURED + _BEFORE if changed else _BEFORE
    card = model_card(model, measured=changed, quality=quality)
    head, title, rest = card.partition("## How good it is")
    sections = [_aligned(model)] if scale_of(model) != THE_MODELS else []
    if changed:
        sections.append(_section(model, adaptation))
    elif "adapted" in model.record:
        sections.append("## Adapted\n\nIt was adapted to ratings before: see the record below.")
    said = "\n\n".join([*sections, _TRAINING])
    return f"{head}{said}\n\n{title}{rest}"


def _line(adaptation: Adaptation, choice: Choice) -> str:
    told = f"{choice.ratings} ratings" + (
        f" of {choice.speakers} speakers" if choice.speakers else ""
    )
    if choice.step == "kept" and 0 < choice.ratings < FEW:
        return f"{choice.label} ({told}): kept as it was, too few to tell; rate {ENOUGH} or more"
    if choice.step == "kept":
        return f"{choice.label} ({told}): kept as it was, {choice.why}"
    what = "only shifted, " + choice.why if choice.step == "offset" else "adapted"
    gains = ", ".join(_gains(adaptation, choice.label)) or "nothing is left to measure it on"
    line = f"{choice.label} ({told}): {what}; {gains}"
    after = adaptation.expected.set_index(["label", "metric"])["after"].get((choice.label, "ccc"))
    if after is not None and after <= 0:
        line += "; no agreement at all: are these the ratings of these recordings?"
    return line


def _gains(adaptation: Adaptation, label: str) -> Iterator[str]:
    expected = adaptation.expected.set_index(["label", "metric"]).loc[label]
    for metric, name in (("ccc", "CCC"), ("mae", "mean absolute error")):
        row = expected.loc[metric]
        if row[["before", "after"]].notna().all():
            interval = (
                f" (gain {row['gain']:+.2f}, 95 % {row['low']:+.2f} to {row['high']:+.2f})"
                if row[["low", "high"]].notna().all()
                else ""
            )
            yield f"expected {name} {row['before']:.2f} to {row['after']:.2f}{interval}"


def _section(model: AffectModel, adaptation: Adaptation) -> str:
    record = model.record["adapted"][-1]
    name = " ".join(filter(None, (record["from"]["name"], record["from"]["version"])))
    lines = "\n".join(f"- {line}" for line in summary(adaptation))
    return (
        f"## Adapted\n\nMade from {name or 'another model'} with {record['rated']} rated "
        f"utterances of {record['speakers']} known speakers. What is expected was measured on "
        f"those of them that were left out:\n\n{lines}"
    )


def _aligned(model: AffectModel) -> str:
    """What a card says of a model that was aligned."""
    return (
        "## On a collection's own scale\n\n"
        f"Its estimates were {scale_of(model)}, without a rating: "
        "their mean and spread there are those that collections usually have. Right for recordings "
        "like these, from the same source; nowhere else, and not if these were a selection by what "
        "was felt in them."
    )
