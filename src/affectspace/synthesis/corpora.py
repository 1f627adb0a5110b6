"""Three small synthetic corpora: one to train on, two that a model never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from affectspace.progress import progress_bar
from affectspace.synthesis.manner import Language, Speaker, draw_speaker
from affectspace.synthesis.source import SAMPLING_RATE
from affectspace.synthesis.utterance import DEFAULT_LANGUAGE, Channel, synthesise_utterance
from affectspace.tables import utterance_index, write_table

TABLE = "utterances.csv"
"""Name of the utterance table in a corpus folder."""

_NO_LANGUAGE = "zxx"  # ISO 639: no linguistic content
_EMOTIONS = {  # middle of each category: activation, valence
    "anger": (4.1, 1.9),
    "happiness": (3.8, 4.1),
    "neutral": (2.9, 3.1),
    "sadness": (1.9, 2.0),
}
_EMOTION_SPREAD = 0.5
_NOTE = """# {name}

Synthetic signals of the package affectspace, made by a source-filter model with seed {seed}.
Nobody spoke here, nothing is said, and the ratings are drawn by a program. The corpus shows that
the software works; it says nothing about people.
"""


@dataclass(frozen=True)
class CorpusRecipe:
    """What a synthetic corpus is made of.

    Attributes:
        name: name of the corpus and of its folder.
        n_utterances: number of utterances, spread evenly over the speakers and the emotions.
        n_speakers: number of speakers, female and male in turn.
        language: what its speakers share.
        channel: how it was recorded.
        rating_gain: how much of the distance from neutral its raters give.
        rating_shift: what its raters add, in rating units.
        rating_noise: deviation of a rating around that, in rating units.
        durations: shortest and longest time to fill with speech, in seconds.
    """

    name: str
    n_utterances: int
    n_speakers: int
    language: Language
    channel: Channel
    rating_gain: float = 1.0
    rating_shift: float = 0.0
    rating_noise: float = 0.35
    durations: tuple[float, float] = (1.0, 1.7)


CORPORA = (
    CorpusRecipe("synthetic-source", 240, 8, DEFAULT_LANGUAGE, Channel()),
    CorpusRecipe(
        "synthetic-north",
        100,
        5,
        Language(
            vowels=((290, 2200, 2900), (280, 1900, 2200), (450, 1900, 2450), (700, 1250, 2500),
                    (380, 700, 2400)),
            syllable_rate=5.2,
            irregularity=0.15,
            fricative_share=0.4,
            plosive_share=0.2,
            pitch_shift=-1.0,
            pitch_range=0.75,
        ),
        Channel(level=-4, low=90, high=6800, noise=-60),
        rating_gain=0.85,
        rating_shift=-0.2,
    ),
    CorpusRecipe(
        "synthetic-south",
        100,
        5,
        Language(
            vowels=((300, 2250, 3000), (480, 1850, 2500), (760, 1350, 2450), (500, 900, 2400),
                    (320, 800, 2250)),
            syllable_rate=6.0,
            irregularity=0.2,
            fricative_share=0.2,
            plosive_share=0.35,
            pitch_shift=1.5,
            pitch_range=1.3,
        ),
        Channel(level=3, low=160, high=5500, noise=-52),
        rating_gain=1.1,
        rating_shift=0.2,
        rating_noise=0.45,
    ),
)  # fmt: skip
"""The corpora of the demonstration, the source first."""


def write_corpora(
    root: str | Path,
    *,
    seed: int = 0,
    recipes: Sequence[CorpusRecipe] = CORPORA,
    show_progress: bool = False,
) -> dict[str, Path]:
    """Synthesise corpora: a folder each, with 16-bit WAV files, a note, and an utterance table.

    The table `utterances.csv` is written last and put in place at once, so a folder that holds one
    is complete. A corpus that is already there is written anew; other files of its folder stay.

    Args:
        root: folder for the corpora; made where missing.
        seed: the same seed gives the same corpora; each utterance has a random stream of its own.
        recipes: what to write.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The folder of each corpus, by name, in the order of the recipes.
    """
    folders = {recipe.name: Path(root) / recipe.name for recipe in recipes}
    total = sum(recipe.n_utterances for recipe in recipes)
    with progress_bar(total, "Synthesising", unit="utterances", show=show_progress) as advance:
        for number, recipe in enumerate(recipes):
            _write_corpus(folders[recipe.name], recipe, seed=(seed, number), advance=advance)
    return folders


def _write_corpus(
    folder: Path, recipe: CorpusRecipe, *, seed: tuple[int, int], advance: Callable[[int], None]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE).unlink(missing_ok=True)  # incomplete from here on
    sequence = np.random.SeedSequence(seed)
    table, steering, speakers = _plan(recipe, np.random.default_rng(sequence))
    rows = zip(
        table.index.get_level_values("file"),
        table["speaker"],
        steering.itertuples(index=False),
        sequence.spawn(len(table)),
        strict=True,
    )
    for file, speaker, (activation, valence, duration), stream in rows:
        signal = synthesise_utterance(
            activation,
            valence,
            speaker=speakers[speaker],
            seed=stream,
            duration=duration,
            language=recipe.language,
            channel=recipe.channel,
        )
        soundfile.write(folder / file, signal, SAMPLING_RATE, subtype="PCM_16")
        advance(1)
    note = _NOTE.format(name=recipe.name, seed=seed[0])
    (folder / "README.md").write_text(note, encoding="utf-8")
    write_table(table, folder / TABLE)


def _plan(
    recipe: CorpusRecipe, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Speaker]]:
    """Who is to say what: the utterance table, what steers the voice in each row, the speakers."""
    names = [f"{recipe.name}-{k + 1:02d}" for k in range(recipe.n_speakers)]
    speakers = {
        name: draw_speaker(name, ("female", "male")[k % 2], rng) for k, name in enumerate(names)
    }
    at = np.arange(recipe.n_utterances)
    words = list(_EMOTIONS)
    # all speakers in turn say one emotion, then the next: every speaker has them all
    emotions = [words[k] for k in at // recipe.n_speakers % len(words)]
    middles = np.array([_EMOTIONS[word] for word in emotions])
    meant = (middles + _EMOTION_SPREAD * rng.standard_normal(middles.shape)).clip(1, 5)
    heard = 3 + recipe.rating_gain * (meant - 3) + recipe.rating_shift
    heard += recipe.rating_noise * rng.standard_normal(meant.shape)
    ratings = (np.round(2 * heard) / 2).clip(1, 5)
    steering = pd.DataFrame(meant, columns=["activation", "valence"])
    steering["duration"] = rng.uniform(*recipe.durations, len(at))
    spoken_by = [names[k] for k in at % recipe.n_speakers]
    columns = {
        "corpus": recipe.name,
        "language": _NO_LANGUAGE,
        "speaker": spoken_by,
        "gender": [speakers[name].gender for name in spoken_by],
        "emotion": emotions,
        "activation": ratings[:, 0],
        "valence": ratings[:, 1],
    }
    index = utterance_index([f"{name}-{k:04d}.wav" for k, name in enumerate(spoken_by)])
    return pd.DataFrame(columns, index=index), steering, speakers
