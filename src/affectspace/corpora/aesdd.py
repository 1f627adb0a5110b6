"""AESDD (AESD in the paper): acted Greek speech, read sentences and improvised ones."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Fields, read_audio

_STEM = re.compile(
    r"(?P<emotion>[adfhs])(?P<sentence>\d{2}) ?\((?P<speaker>\d+)\) ?(?P<take>[a-z]?)"
)


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells: `(01)` is speaker 1; a take letter may follow.

    Examples:
        >>> parse("f18 (5)b") == {"emotion": "f", "sentence": "18", "speaker": "5", "take": "b"}
        True
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    return {**match.groupdict(), "speaker": str(int(match["speaker"]))}


def read(root: str | Path) -> pd.DataFrame:
    """Read AESDD from its folder; its one file without sound, `s05 (3).wav`, is listed too."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="aesdd",
    title="AESDD",
    languages=("el",),
    licence="research, non-commercial",
    citation=(
        "Vryzas, Kotsakis, Liatsou, Dimoulas, Kalliris: Speech emotion recognition for performance "
        "interaction. Journal of the Audio Engineering Society 66(6), 2018."
    ),
    homepage="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
    layout="""
Acted Emotional Speech Dynamic Database/
  anger/a03 (4).wav      emotion and utterance, speaker, take
  disgust/ fear/ happiness/ sadness/
""",
    emotions={
        "a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness",
    },
    parse=parse,
    read=read,
    utterances=605,
    speakers=6,
    label_file="AESD.csv",
    how="Download from the corpus's page, which links to a shared drive without a fixed address",
)  # fmt: skip
