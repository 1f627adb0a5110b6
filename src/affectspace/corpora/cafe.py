"""CaFE: Canadian French, twelve actors and six sentences in two intensities."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace.corpora.base import Corpus, Download, Fields, read_audio

_STEM = re.compile(r"(?P<speaker>\d{2})-(?P<emotion>[CDJNPST])-(?P<level>[12])-(?P<sentence>[1-6])")

# Ages from the release's Readme.txt, which also says: odd numbers men, even numbers women
AGES = dict(zip(range(1, 13), (46, 64, 18, 50, 22, 34, 15, 25, 42, 20, 35, 37), strict=True))


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells; neutral speech has no intensity.

    The folders say the same in French. They aren't looked at: their accents come composed or
    decomposed, or garbled by an archiver.

    Examples:
        >>> parse("02-T-2-5")["intensity"]
        'strong'
    """
    match = _STEM.fullmatch(stem)
    if match is None or int(match["speaker"]) not in AGES:
        return None
    actor = int(match["speaker"])
    strength = {"1": "weak", "2": "strong"}[match["level"]]
    return {
        "speaker": match["speaker"],
        "gender": "female" if actor % 2 == 0 else "male",
        "age": AGES[actor],
        "emotion": match["emotion"],
        "intensity": float("nan") if match["emotion"] == "N" else strength,
        "sentence": match["sentence"],
    }


def read(root: str | Path) -> pd.DataFrame:
    """Read CaFE from its folder."""
    return read_audio(root, CORPUS)


CORPUS = Corpus(
    name="cafe",
    title="CaFE",
    languages=("fr",),
    licence="CC BY-NC-SA 4.0",
    citation=(
        "Gournay, Lahaie, Lefebvre: A Canadian French emotional speech dataset. "
        "ACM Multimedia Systems Conference 2018."
    ),
    homepage="https://zenodo.org/records/1478765",
    layout="""
CaFE/
  Colère/ Dégoût/ Joie/ Peur/ Surprise/ Tristesse/
    Faible/01-C-1-1.wav      actor, emotion, intensity, sentence
    Fort/01-C-2-1.wav
  Neutre/01-N-1-1.wav
""",
    emotions={
        "C": "anger", "D": "disgust", "J": "happiness", "N": "neutral", "P": "fear",
        "S": "surprise", "T": "sadness",
    },
    parse=parse,
    read=read,
    utterances=936,
    speakers=12,
    label_file="CAFE.csv",
    downloads=(
        Download(
            url="https://zenodo.org/records/1478765/files/CaFE_48k.zip",
            file_name="CaFE_48k.zip",
            checksums="https://zenodo.org/api/records/1478765",
            note="checked against the MD5 that the Zenodo record gives when fetching",
        ),
    ),
)  # fmt: skip
