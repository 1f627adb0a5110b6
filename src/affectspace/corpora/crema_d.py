"""CREMA-D: 91 actors and twelve English sentences."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pandas as pd

from affectspace import tables
from affectspace.corpora.base import Corpus, Fields, companion, gender, read_audio, read_rows

logger = logging.getLogger(__name__)

_STEM = re.compile(
    r"(?P<speaker>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)"
    r"_(?P<level>LO|MD|HI|XX?)"
)


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells; `XX` (in one file of the release `X`) is no intensity.

    Examples:
        >>> parse("1001_IEO_ANG_HI")["intensity"]
        'high'
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    levels = {"LO": "low", "MD": "medium", "HI": "high"}
    return {
        "speaker": match["speaker"],
        "emotion": match["emotion"],
        "intensity": levels.get(match["level"], float("nan")),
        "sentence": match["sentence"],
    }


def read(root: str | Path) -> pd.DataFrame:
    """Read CREMA-D from its repository or from `AudioWAV` in it.

    Gender and age come from the release's `VideoDemographics.csv`; without it they are NaN.
    """
    table = read_audio(root, CORPUS)
    path = companion(root, "VideoDemographics.csv")
    if path is None:
        logger.warning("%s: no VideoDemographics.csv, so gender and age are unknown", root)
        return table
    info = {row["ActorID"]: row for row in read_rows(path)}
    people = [info.get(speaker, {}) for speaker in table["speaker"]]
    genders = [gender(person.get("Sex", "")) for person in people]
    table["gender"] = tables.text_column(genders).array
    table["age"] = [float(person.get("Age", "nan")) for person in people]
    return table


CORPUS = Corpus(
    name="crema_d",
    title="CREMA-D",
    languages=("en",),
    licence="Open Database License 1.0",
    citation=(
        "Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D: Crowd-sourced emotional multimodal "
        "actors dataset. IEEE Transactions on Affective Computing 5(4), 2014."
    ),
    homepage="https://github.com/CheyneyComputerScience/CREMA-D",
    layout="""
CREMA-D/
  AudioWAV/1001_DFA_ANG_XX.wav      actor, sentence, emotion, intensity
  VideoDemographics.csv             gender and age
""",
    emotions={
        "ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral",
        "SAD": "sadness",
    },
    parse=parse,
    read=read,
    utterances=7442,
    speakers=91,
    how=(
        "Clone the repository with Git LFS installed, which checks every file's hash: "
        "git lfs install && git clone https://github.com/CheyneyComputerScience/CREMA-D"
    ),
)  # fmt: skip
