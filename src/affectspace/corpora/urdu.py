"""URDU: utterances from Urdu talk shows. A speaker has one emotion, with few exceptions."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Download, Fields, gender, read_audio

_STEM = re.compile(r"(?P<speaker>S(?P<gender>[FM])\d+)_F\d+_(?P<emotion>[AHNS])\d+")
_COMMIT = "4b546d4e0fa36d1c86c53a281631b2ab7ce2fdec"


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells.

    Examples:
        >>> parse("SM1_F10_A010")["speaker"]
        'SM1'
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    return {**match.groupdict(), "gender": gender(match["gender"])}


def read(root: str | Path) -> pd.DataFrame:
    """Read URDU from its folder."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="urdu",
    title="URDU",
    languages=("ur",),
    licence="free for research",
    citation=(
        "Latif, Qayyum, Usman, Qadir: Cross lingual speech emotion recognition: Urdu vs. Western "
        "languages. Frontiers of Information Technology 2018."
    ),
    homepage="https://github.com/siddiquelatif/URDU-Dataset",
    layout="""
URDU-Dataset/
  Angry/SM1_F10_A010.wav      speaker, file, emotion and number
  Happy/ Neutral/ Sad/
""",
    emotions={"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"},
    parse=parse,
    read=read,
    utterances=400,
    speakers=29,
    label_file="URDU.csv",
    downloads=(
        Download(
            url=f"https://github.com/siddiquelatif/URDU-Dataset/archive/{_COMMIT}.zip",
            file_name="URDU-Dataset.zip",
            note="pinned to a commit; GitHub makes the archive on demand, so it has no fixed hash",
        ),
    ),
)
