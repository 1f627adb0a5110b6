"""MSP-IMPROV: improvised dyadic scenes in English, rated by a crowd. Licensed."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pandas as pd

from affectspace import tables
from affectspace.corpora.base import Corpus, Fields, companion, expected, gender, read_audio
from affectspace.errors import CorpusError

logger = logging.getLogger(__name__)

_STEM = re.compile(
    r"(?:MSP|UTD)-IMPROV-S(?P<sentence>\d{2})(?P<target>[AHNS])-(?P<speaker>[FM]\d{2})"
    r"-(?P<scenario>[PRST])-[FM]{2}\d{2}"
)
_CONSENSUS = re.compile(r"UTD-(?P<stem>IMPROV-[\w-]+)\.avi;\s*(?P<emotion>[A-Z])\s*;(?P<values>.*)")
_VALUE = re.compile(r"\b(?P<letter>[AVDN]):\s*(?P<value>[\d.]+)")


def parse(stem: str) -> Fields | None:
    """Tell what an utterance's name tells.

    `scenario` keeps the release's letters: R the target sentence read, T the target sentence in an
    improvisation, S the improvisation's other turns, P what was said between the scenes.

    Examples:
        >>> parse("MSP-IMPROV-S01A-F01-P-FM01")["speaker"]
        'F01'
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    return {
        "speaker": match["speaker"],
        "gender": gender(match["speaker"]),
        "sentence": str(int(match["sentence"])),
        "target_emotion": CORPUS.emotion(match["target"]),
        "scenario": match["scenario"],
    }


def read(root: str | Path) -> pd.DataFrame:
    """Read MSP-IMPROV from its release folder, with the crowd's consensus and mean ratings.

    The release rates activation with 1 as active; it is turned round here (6 - x), so that high is
    active as in all other corpora. `naturalness` runs from 1 to 5.
    """
    table = read_audio(root, CORPUS)
    path = companion(root, "Evalution.txt", "Evaluation.txt")
    if path is None:
        raise CorpusError(f"{root} has no Evalution.txt with the ratings. {expected(CORPUS)}")
    ratings = _evaluations(path)
    keys = [
        tables.file_stem(file).partition("-")[2] for file in table.index.get_level_values("file")
    ]
    rows = [ratings.get(key, {}) for key in keys]
    if not all(rows):
        logger.warning("%s: %d of %d files have no rating", root, rows.count({}), len(rows))
    table["emotion"] = tables.text_column([row.get("emotion") for row in rows]).array
    for column in (*tables.RATINGS, "naturalness"):
        table[column] = [row.get(column, float("nan")) for row in rows]
    return table


def _evaluations(path: Path) -> dict[str, Fields]:
    """Read the consensus lines; the single raters' lines between them have no file name."""
    names = {"A": "activation", "V": "valence", "D": "dominance", "N": "naturalness"}
    ratings = {}
    for match in _CONSENSUS.finditer(path.read_text(encoding="utf-8", errors="replace")):
        values = {names[m["letter"]]: float(m["value"]) for m in _VALUE.finditer(match["values"])}
        if "activation" in values:
            values["activation"] = 6 - values["activation"]
        ratings[match["stem"]] = {"emotion": CORPUS.emotion(match["emotion"]), **values}
    return ratings


CORPUS = Corpus(
    name="msp_improv",
    title="MSP-IMPROV",
    languages=("en",),
    licence="signed licence, research only; nothing derived from it may be passed on",
    citation=(
        "Busso, Parthasarathy, Burmania, AbdelWahab, Sadoughi, Mower Provost: MSP-IMPROV: An acted "
        "corpus of dyadic interactions to study emotion perception. IEEE Transactions on Affective "
        "Computing 8(1), 2017."
    ),
    homepage="https://www.lab-msp.com/MSP/MSP-Improv.html",
    layout="""
MSP-IMPROV/
  Audio/session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav
  Evalution.txt        (spelled so in the release)
""",
    emotions={
        "A": "anger", "H": "happiness", "N": "neutral", "S": "sadness",
        "O": "other", "X": "undecided",
    },
    parse=parse,
    read=read,
    utterances=8438,
    speakers=12,
    rated=True,
    how="Apply with the licence form at https://www.lab-msp.com/MSP/MSP-Improv.html",
    licensed=True,
)  # fmt: skip
