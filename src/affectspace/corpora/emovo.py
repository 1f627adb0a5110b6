"""EMOVO: six Italian actors and fourteen sentences. Stereo, its channels partly in antiphase."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Fields, gender, read_audio

_STEM = re.compile(
    r"(?P<emotion>neu|gio|rab|tri|pau|dis|sor)-(?P<speaker>[fm][1-3])-(?P<sentence>[a-z]\d)"
)


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells.

    Examples:
        >>> parse("rab-f1-b1")["sentence"]
        'b1'
    """
    match = _STEM.fullmatch(stem.lower())
    if match is None:
        return None
    return {**match.groupdict(), "gender": gender(match["speaker"])}


def read(root: str | Path) -> pd.DataFrame:
    """Read EMOVO from its folder of speakers."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="emovo",
    title="EMOVO",
    languages=("it",),
    licence="free for research",
    citation=(
        "Costantini, Iaderola, Paoloni, Todisco: EMOVO Corpus: an Italian emotional speech "
        "database. LREC 2014."
    ),
    homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
    layout="""
EMOVO/
  f1/rab-f1-b1.wav      emotion, speaker, sentence
  f2/ f3/ m1/ m2/ m3/
""",
    emotions={
        "neu": "neutral", "gio": "happiness", "rab": "anger", "tri": "sadness", "pau": "fear",
        "dis": "disgust", "sor": "surprise",
    },
    parse=parse,
    read=read,
    utterances=588,
    speakers=6,
    how="Download from the corpus's page, or ask its authors where the page is gone",
)  # fmt: skip
