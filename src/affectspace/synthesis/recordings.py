"""A small collection of recordings on which embedding can be tried, where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from affectspace.synthesis.corpora import CORPORA, TABLE, CorpusRecipe, write_corpora
from affectspace.synthesis.manner import draw_speaker
from affectspace.synthesis.source import SAMPLING_RATE
from affectspace.synthesis.utterance import synthesise_utterance
from affectspace.tables import read_table, utterance_index, write_table

RECORDINGS = "recordings.csv"
"""Name of the utterance table of the collection."""

_NAMES = ("synthetic-middle", "synthetic-north", "synthetic-south")
_CLIPS = tuple(
    replace(recipe, name=name, n_utterances=16, n_speakers=4, durations=(1.6, 3.2))
    for name, recipe in zip(_NAMES, CORPORA, strict=True)
)
_COLUMNS = ["language", "speaker", "gender", "emotion", "activation", "valence"]
_LONG = "long/a-minute-with-pauses.wav"
_BROKEN = "long/broken.wav"
_TURNS = 14
_TURN = (2.0, 4.0)  # s
_PAUSE = (0.6, 1.6)  # s


def write_recordings(
    root: str | Path,
    *,
    seed: int = 0,
    clips: Sequence[CorpusRecipe] = _CLIPS,
    show_progress: bool = False,
) -> Path:
    """Synthesise a collection: clips in made-up languages, a long recording, and a broken file.

    The long recording is of one voice, a minute with pauses, which grows excited and calms down
    again. The broken file is text that calls itself a WAV file.

    Args:
        root: folder for the collection; made where missing. What is already there is overwritten.
        seed: the same seed gives the same recordings.
        clips: what the clips are made of: a folder for each, which is also the language's name.
        show_progress: whether to show a progress bar on stderr.

    Returns:
        The utterance table: files relative to it, with the columns `language` (the made-up one's
        name), `speaker`, `gender`, `emotion`, and the made `activation` and `valence` of the clips.
    """
    root = Path(root)
    folders = write_corpora(root, seed=seed, recipes=clips, show_progress=show_progress)
    tables = []
    for name, folder in folders.items():
        table = read_table(folder / TABLE)
        files = [f"{name}/{file}" for file in table.index.get_level_values("file")]
        tables.append(table.assign(language=name).set_axis(utterance_index(files))[_COLUMNS])
    language = clips[-1].name
    samples = _with_pauses(clips[-1], np.random.SeedSequence((seed, len(clips))))
    (root / _LONG).parent.mkdir(exist_ok=True)
    soundfile.write(root / _LONG, samples, SAMPLING_RATE, subtype="PCM_16")
    (root / _BROKEN).write_text("This is text, and calls itself a WAV file.\n", encoding="utf-8")
    spoken = {"language": [language], "speaker": [f"{language}-long"], "gender": ["female"]}
    tables.append(pd.DataFrame(spoken, index=utterance_index([_LONG])))
    tables.append(pd.DataFrame(index=utterance_index([_BROKEN])))
    write_table(pd.concat(tables), root / RECORDINGS)
    return root / RECORDINGS


def _with_pauses(recipe: CorpusRecipe, sequence: np.random.SeedSequence) -> NDArray[np.float32]:
    """One speaker's turns, whose activation rises and falls once, with the room's noise between."""
    rng = np.random.default_rng(sequence)
    speaker = draw_speaker(f"{recipe.name}-long", "female", rng)
    floor = 10 ** (recipe.channel.noise / 20)
    phases = np.linspace(0, 2 * np.pi, _TURNS)
    parts = []
    for phase, stream in zip(phases, sequence.spawn(_TURNS), strict=True):
        turn = synthesise_utterance(
            3 - 1.6 * np.cos(phase),
            3 + 0.8 * np.sin(phase),
            speaker=speaker,
            seed=stream,
            duration=rng.uniform(*_TURN),
            language=recipe.language,
            channel=recipe.channel,
        )
        pause = floor * rng.standard_normal(round(rng.uniform(*_PAUSE) * SAMPLING_RATE))
        parts += [turn, pause.astype(np.float32)]
    return np.concatenate(parts)
