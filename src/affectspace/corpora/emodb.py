"""EMO-DB: the Berlin database, ten actors and ten German sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Download, Fields, read_audio

_STEM = re.compile(
    r"(?P<speaker>\d{2})(?P<sentence>[ab]\d{2})(?P<emotion>[WLEAFTN])(?P<take>[a-z])"
)

# Gender and age as in audb's emodb 1.1.1 (github.com/audeering/emodb), which corrected genders
SPEAKERS = {
    "03": ("male", 31), "08": ("female", 34), "09": ("female", 21), "10": ("male", 32),
    "11": ("male", 26), "12": ("male", 30), "13": ("female", 32), "14": ("female", 35),
    "15": ("male", 25), "16": ("female", 31),
}  # fmt: skip


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells.

    Examples:
        >>> parse("03a01Fa")["sentence"]
        'a01'
    """
    match = _STEM.fullmatch(stem)
    if match is None or match["speaker"] not in SPEAKERS:
        return None
    gender, age = SPEAKERS[match["speaker"]]
    return {**match.groupdict(), "gender": gender, "age": age}


def read(root: str | Path) -> pd.DataFrame:
    """Read EMO-DB from its folder, or from the `wav` folder in it."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="emodb",
    title="EMO-DB",
    languages=("de",),
    licence="free (CC0 1.0 in audb)",
    citation=(
        "Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A database of German emotional speech. "
        "Interspeech 2005."
    ),
    homepage="http://emodb.bilderbar.info/",
    layout="""
emodb/
  wav/03a01Fa.wav      speaker, sentence, emotion, version
""",
    emotions={
        "W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness",
        "T": "sadness", "N": "neutral",
    },
    parse=parse,
    read=read,
    utterances=535,
    speakers=10,
    label_file="EMO_DB.csv",
    downloads=(
        Download(
            url="http://emodb.bilderbar.info/download/download.zip",
            file_name="emodb.zip",
            note="no hash is published, and the address is not encrypted",
        ),
    ),
)  # fmt: skip
