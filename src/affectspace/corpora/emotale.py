"""EmoTale: Danish and English sentences, acted, each rated by three people."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from affectspace import tables
from affectspace.corpora.base import (
    Corpus,
    Download,
    Fields,
    companion,
    expected,
    gender,
    read_audio,
    read_rows,
)
from affectspace.errors import CorpusError

_STEM = re.compile(
    r"(?P<language>DK|EN)_(?P<speaker>\d{3})_(?P<emotion>[ABHNS])_(?P<sentence>[1-5])"
)
_RATER = re.compile(r"(?P<rater>a\d+)_(?P<what>A|V|D|cat)")
_COMMIT = "41e7d00f0949d4e7c8d1ae5101a344037ae056de"


def parse(stem: str) -> Fields | None:
    """Tell what a file's name tells; the emotion is the acted one.

    A speaker has the same number in both languages.

    Examples:
        >>> parse("DK_004_A_5")["language"]
        'da'
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    return {**match.groupdict(), "language": {"DK": "da", "EN": "en"}[match["language"]]}


def read(root: str | Path) -> pd.DataFrame:
    """Read EmoTale from its folder, or from the `wav` folder in it.

    Returns:
        The utterance table. `activation`, `valence` and `dominance` are the raters' means; each
        rater's own stand in `activation_a1`, ..., and the category they heard in `emotion_a1`, ...
    """
    table = read_audio(root, CORPUS)
    annotations = companion(root, "annotations.csv")
    speakers = companion(root, "speaker_info.csv")
    if annotations is None or speakers is None:
        raise CorpusError(f"{root} lacks annotations.csv or speaker_info.csv. {expected(CORPUS)}")
    info = {row["speaker"].zfill(3): row for row in read_rows(speakers)}
    people = [info.get(speaker, {}) for speaker in table["speaker"]]
    genders = [gender(person.get("gender", "")) for person in people]
    table["gender"] = tables.text_column(genders).array
    table["age"] = [float(person.get("age", "nan") or "nan") for person in people]
    return _add_raters(table, annotations)


def _add_raters(table: pd.DataFrame, annotations: Path) -> pd.DataFrame:
    rated = {tables.file_stem(row["file"]): row for row in read_rows(annotations)}
    stems = [tables.file_stem(file) for file in table.index.get_level_values("file")]
    if not rated.keys() & set(stems):
        raise CorpusError(f"{annotations} rates none of the audio files. {expected(CORPUS)}")
    rows = [rated.get(stem, {}) for stem in stems]
    names = {"A": "activation", "V": "valence", "D": "dominance"}
    columns: dict[str, list[str]] = {rating: [] for rating in tables.RATINGS}
    for header in next(iter(rated.values())):
        match = _RATER.fullmatch(header)
        if match is None:
            continue
        texts = [row.get(header, "") for row in rows]
        if match["what"] == "cat":
            words = [CORPUS.emotion(text) if text else None for text in texts]
            table[f"emotion_{match['rater']}"] = tables.text_column(words).array
        else:
            name = f"{names[match['what']]}_{match['rater']}"
            columns[names[match["what"]]].append(name)
            table[name] = [float(text or "nan") for text in texts]
    for rating, raters in columns.items():
        table[rating] = table[raters].mean(axis="columns")
    return table


CORPUS = Corpus(
    name="emotale",
    title="EmoTale",
    languages=("da", "en"),
    licence="copyright of its authors; cite the paper",
    citation=(
        "Hjuler, Skat-Rørdam, Clemmensen, Das: EmoTale: An enacted speech-emotion dataset in "
        "Danish. ASRU 2025, arXiv 2508.14548."
    ),
    homepage="https://github.com/snehadas/EmoTale",
    layout="""
EmoTale/
  annotations.csv          three raters: activation, valence, dominance, category
  speaker_info.csv         gender and age
  wav/DK_004_A_5.wav       language, speaker, emotion, sentence
""",
    emotions={
        "A": "anger", "B": "boredom", "H": "happiness", "N": "neutral", "S": "sadness",
    },
    parse=parse,
    read=read,
    utterances=800,
    speakers=18,
    rated=True,
    downloads=(
        Download(
            url=f"https://github.com/snehadas/EmoTale/archive/{_COMMIT}.zip",
            file_name="EmoTale.zip",
            note="pinned to a commit; GitHub makes the archive on demand, so it has no fixed hash",
        ),
    ),
)  # fmt: skip
