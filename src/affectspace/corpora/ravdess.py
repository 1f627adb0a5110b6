"""RAVDESS: the speech part, 24 actors and two English sentences in two intensities."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Download, Fields, read_audio

_STEM = re.compile(
    r"03-01-(?P<emotion>0[1-8])-(?P<level>0[12])-(?P<sentence>0[12])-(?P<take>0[12])"
    r"-(?P<speaker>\d{2})"
)


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells; actors with even numbers are women.

    Song (second field 02) and video (first field 01 or 02) are foreign here.

    Examples:
        >>> parse("03-01-06-01-02-01-12")["gender"]
        'female'
    """
    match = _STEM.fullmatch(stem)
    if match is None or not 1 <= int(match["speaker"]) <= CORPUS.speakers:
        return None
    return {
        "speaker": match["speaker"],
        "gender": "female" if int(match["speaker"]) % 2 == 0 else "male",
        "emotion": match["emotion"],
        "intensity": {"01": "normal", "02": "strong"}[match["level"]],
        "sentence": match["sentence"],
        "take": match["take"],
    }


def read(root: str | Path) -> pd.DataFrame:
    """Read RAVDESS speech from its folder of actors."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="ravdess",
    title="RAVDESS",
    languages=("en",),
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Livingstone, Russo: The Ryerson audio-visual database of emotional speech and song "
        "(RAVDESS). PLoS ONE 13(5), 2018."
    ),
    homepage="https://zenodo.org/records/1188976",
    layout="""
Audio_Speech_Actors_01-24/
  Actor_01/03-01-06-01-02-01-01.wav      ..., emotion, intensity, sentence, take, actor
  ...
  Actor_24/
""",
    emotions={
        "01": "neutral", "02": "calm", "03": "happiness", "04": "sadness", "05": "anger",
        "06": "fear", "07": "disgust", "08": "surprise",
    },
    parse=parse,
    read=read,
    utterances=1440,
    speakers=24,
    downloads=(
        Download(
            url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip",
            file_name="Audio_Speech_Actors_01-24.zip",
            hash="md5:bc696df654c87fed845eb13823edef8a",
            note="the MD5 is the one on the Zenodo record; 208 MB",
        ),
    ),
)  # fmt: skip
