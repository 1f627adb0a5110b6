"""Recipes of whole models: from which corpora, with which features, how trained and calibrated."""

from __future__ import annotations

from dataclasses import dataclass, replace

from affectspace.audio import Channel
from affectspace.audio.degrade import Degradation
from affectspace.features.spec import AS_RECORDED
from affectspace.training import Recipe
from affectspace.training.teacher import Teacher


@dataclass(frozen=True, kw_only=True)
class ModelRecipe:
    """How a model is made. The defaults are the published recipe, on the package's features.

    Attributes:
        name: of the model.
        version: of the model.
        licence: of the weights.
        sources: the corpora that it's meant for; empty for whatever one has.
        objective: one of [`OBJECTIVES`][affectspace.model.OBJECTIVES].
        features: the feature set, one of `features.names()`.
        channel: `first`, `mean`, or a channel's number, from 0.
        level: `as-recorded`, or `rms:LEVEL`.
        training: how the network is trained.
        typical: let rows of corpora without ratings hear the typical ratings of their emotion.
        teacher: what regresses the ratings first, for the network to hear its estimates; None: the
            network hears the ratings.
        teacher_features: the feature set that the teacher hears, which only training needs; None:
            the network's own.
        degradations: each gives one more copy of every recording, which the network learns to
            rebuild as the recording was. They need recordings: a ready feature table isn't enough.
        copies_weigh: how much what a degraded copy hears counts beside the recording's own 1, in
            shaping the space; the reconstruction knows no weights.
        calibrate: leave one language out at a time, to set the scale of the estimates and their
            intervals, and to measure both.
        networks: so many are trained, of as many seeds from `seed` on, and averaged to one.
        seed: of the initial weights, the noise and the order of the rows.
    """

    name: str = ""
    version: str = ""
    licence: str = ""
    sources: tuple[str, ...] = ()
    objective: str = "joint"
    features: str = "native"
    channel: Channel = "first"
    level: str = AS_RECORDED
    training: Recipe = Recipe()  # noqa: RUF009  (frozen)
    typical: bool = False
    teacher: Teacher | None = None
    teacher_features: str | None = None
    degradations: tuple[Degradation, ...] = ()
    copies_weigh: float = 1.0
    calibrate: bool = False
    networks: int = 1
    seed: int = 0


GAINS = (-20, 10)  # dB: how far levels are drawn apart

_DEFAULT = ModelRecipe(
    name="affectspace-default",
    version="2026.11.27",
    licence="Research use only, as the corpora's own terms are",
    sources=("emodb", "emotale", "ravdess", "emovo", "urdu"),
    features="native",
    typical=True,
    teacher=Teacher(),
    # sets that measure differently know more together, and only the teacher has to hear them
    teacher_features="native+egemaps+compare",
    # what is taught has little noise of its own, so less is added, and larger steps will do
    training=Recipe(
        hidden=(64,),
        noise=0.3,
        clip=4.0,
        learning_rate=2e-3,
        weight_decay=0.3,
        batch_size=1024,
        epochs=30,
    ),
    degradations=(
        Degradation(gain=GAINS, seed=1),
        Degradation(gain=GAINS, snr=(0, 25), seed=2),
        Degradation(gain=GAINS, codecs=("telephone", "mp3"), seed=3),
    ),
    copies_weigh=0.1,
    calibrate=True,
)

RECIPES = {
    "published": ModelRecipe(),
    "default": _DEFAULT,
    "whisper": replace(
        _DEFAULT,
        name="affectspace-whisper",
        version="2026.11.28",
        features="native+hf:openai/whisper-base:3",
        teacher_features=None,
        # the published layers and noise
        training=Recipe(clip=4.0, learning_rate=2e-3, weight_decay=0.3, batch_size=256, epochs=30),
        # the encoder takes half a second for each copy, so there is one: noise is what it minds
        degradations=(Degradation(gain=GAINS, snr=(0, 25), seed=2),),
        copies_weigh=1.0,
        networks=4,
    ),
}
"""The recipes by name. `default` and `whisper` make the models that come with the package: one that
needs NumPy alone, and one that hears a speech encoder as well and tells more."""

SINGLE_SOURCE = {
    "default": replace(
        RECIPES["default"],
        sources=(),
        training=Recipe(noise=0.3, clip=4.0, learning_rate=2e-3, batch_size=1024, epochs=30),
        typical=False,
        teacher=None,
        teacher_features=None,
        degradations=(),
        copies_weigh=1.0,
        calibrate=False,
        networks=8,
    ),
}
"""What the recipes are where one corpus is all there is, as in the paper's study: trained on
ratings alone, several networks averaged. The teacher earned nothing there; see docs/recipes.md."""
