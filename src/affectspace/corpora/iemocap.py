"""IEMOCAP: acted dyadic sessions in English, rated per utterance. Licensed."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pandas as pd

from affectspace import tables
from affectspace.corpora.base import Corpus, Fields, expected, gender, read_audio, walk
from affectspace.errors import CorpusError

logger = logging.getLogger(__name__)

_STEM = re.compile(r"(?P<session>Ses0[1-5])[FM]_(?:impro|script)\w+_(?P<gender>[FM])\d{3}")
_SUMMARY = re.compile(
    r"\[[\d.]+ - [\d.]+\]\t(?P<stem>\w+)\t(?P<emotion>\w+)\t"
    r"\[(?P<valence>[\d.]+), (?P<activation>[\d.]+), (?P<dominance>[\d.]+)\]"
)


def parse(stem: str) -> Fields | None:
    """Tell what an utterance's name tells.

    The dialogue's `F` or `M` is who wears the motion markers; the speaker is the last one.

    Examples:
        >>> parse("Ses01F_impro01_M003")["speaker"]
        'Ses01_M'
    """
    match = _STEM.fullmatch(stem)
    if match is None:
        return None
    speaker = f"{match['session']}_{match['gender']}"
    dialog = stem.rpartition("_")[0]
    return {
        "speaker": speaker,
        "gender": gender(match["gender"]),
        "session": match["session"],
        "dialog": dialog,
    }


def read(root: str | Path) -> pd.DataFrame:
    """Read IEMOCAP from its release folder: words for the codes, ratings as published.

    The ratings are means of the release's raters on 1 to 5; a handful are as published up to 5.5 or
    down to 0.5. `xxx`, no agreement among the raters, is `undecided`.
    """
    table = read_audio(root, CORPUS)
    ratings = _evaluations(Path(root))
    if not ratings:
        raise CorpusError(f"{root} has no EmoEvaluation/*.txt with ratings. {expected(CORPUS)}")
    stems = [tables.file_stem(file) for file in table.index.get_level_values("file")]
    unrated = sum(stem not in ratings for stem in stems)
    if unrated or len(ratings) > len(stems):
        logger.warning(
            "%s: %d of %d audio files have no rating, and %d ratings no audio file",
            root, unrated, len(stems), len(set(ratings).difference(stems)),
        )  # fmt: skip
    rows = [ratings.get(stem, {}) for stem in stems]
    words = [CORPUS.emotion(row["emotion"]) if row else None for row in rows]
    table["emotion"] = tables.text_column(words).array
    for rating in tables.RATINGS:
        table[rating] = [float(row.get(rating, "nan")) for row in rows]
    return table


def _evaluations(root: Path) -> dict[str, dict[str, str]]:
    """Collect the summary lines of all sessions; the single raters' subfolders have none."""
    ratings = {}
    for path in walk(root):
        if path.suffix.lower() == ".txt" and path.parent.name == "EmoEvaluation":
            text = path.read_text(encoding="utf-8", errors="replace")
            ratings.update({m["stem"]: m.groupdict() for m in _SUMMARY.finditer(text)})
    return ratings


CORPUS = Corpus(
    name="iemocap",
    title="IEMOCAP",
    languages=("en",),
    licence="signed licence, research only; nothing derived from it may be passed on",
    citation=(
        "Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee, Narayanan: IEMOCAP: Interactive "
        "emotional dyadic motion capture database. Language Resources and Evaluation 42, 2008."
    ),
    homepage="https://sail.usc.edu/iemocap/",
    layout="""
IEMOCAP_full_release/
  Session1/ ... Session5/
    sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav
    dialog/EmoEvaluation/Ses01F_impro01.txt
""",
    emotions={
        "ang": "anger", "hap": "happiness", "exc": "excitement", "sad": "sadness",
        "neu": "neutral", "fru": "frustration", "sur": "surprise", "fea": "fear",
        "dis": "disgust", "oth": "other", "xxx": "undecided",
    },
    parse=parse,
    read=read,
    utterances=10039,
    speakers=10,
    rated=True,
    how="Apply with the release form at https://sail.usc.edu/iemocap/iemocap_release.htm",
    licensed=True,
)  # fmt: skip
