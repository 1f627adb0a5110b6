"""What all corpus readers share: the description of a corpus, and walking its folder."""

from __future__ import annotations

import csv
import logging
import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from affectspace import tables
from affectspace.errors import CorpusError

logger = logging.getLogger(__name__)

EMOTIONS = (
    *("anger", "boredom", "calm", "contempt", "disgust", "excitement", "fear", "frustration"),
    *("happiness", "neutral", "other", "sadness", "surprise", "undecided"),
)
COLUMNS = (*tables.TEXT_COLUMNS[:4], "age", *tables.TEXT_COLUMNS[4:], *tables.RATINGS)

Fields = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Download:
    """One file of a corpus at an open address.

    Attributes:
        url: the address.
        file_name: what the file is called on disk.
        hash: its known hash as `algorithm:hexdigest`; None where nobody published one.
        checksums: address of a Zenodo record that publishes the hash, asked when fetching.
        note: what a reader should know about the address or the hash.
    """

    url: str
    file_name: str
    hash: str | None = None
    checksums: str | None = None
    note: str = ""

    @property
    def verifiable(self) -> bool:
        """Whether what arrives can be checked against a published hash."""
        return self.hash is not None or self.checksums is not None


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What is known about a corpus, and how to read it.

    Attributes:
        name: its name here, lower case.
        title: its name in the literature.
        languages: ISO 639-1 codes.
        licence: the terms, in words.
        citation: the paper to cite.
        homepage: where it is published.
        layout: the folder that `read` expects, as a text tree.
        emotions: the corpus's emotion codes and the words of `EMOTIONS` they stand for.
        parse: the columns that a file's stem tells, emotion as a code; None for a foreign file.
        read: reads a folder of the corpus into an utterance table.
        utterances: how many files the published corpus has.
        speakers: how many speakers it has.
        label_file: name of the paper's label file, where there is one.
        rated: whether the corpus brings activation and valence ratings of its own.
        downloads: open addresses; empty where there is none to rely on.
        how: how to get the corpus by hand; for licensed ones, where to apply.
        licensed: whether a signed licence is needed.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    licence: str
    citation: str
    homepage: str
    layout: str
    emotions: Mapping[str, str]
    parse: Callable[[str], Fields | None] = field(repr=False)
    read: Callable[[str | Path], pd.DataFrame] = field(repr=False)
    utterances: int
    speakers: int
    label_file: str | None = None
    rated: bool = False
    downloads: tuple[Download, ...] = ()
    how: str = ""
    licensed: bool = False

    def emotion(self, code: Any) -> str:
        """Return the word for an emotion code; a word of `EMOTIONS` stays as it is.

        Raises:
            CorpusError: when the corpus has no such code.
        """
        text = str(code).strip()
        for known in (text, text.upper(), text.lower()):
            if known in self.emotions:
                return self.emotions[known]
        if text.lower() in EMOTIONS:
            return text.lower()
        codes = ", ".join(f"{code} {word}" for code, word in self.emotions.items())
        raise CorpusError(f"{self.title} has no emotion {text!r}; it has {codes}")


def walk(root: Path) -> Iterator[Path]:
    """Yield the files under a folder in a fixed order.

    Hidden files and folders are left out, and so is `__MACOSX`, which archives made on macOS carry:
    its `._` twins bear the names of real files. Links to folders are followed, each folder once.
    """
    seen: set[str] = set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        subfolders[:] = sorted(name for name in subfolders if _wanted(name) and real not in seen)
        if real not in seen:
            yield from (Path(folder, name) for name in sorted(files) if _wanted(name))
        seen.add(real)


def read_audio(root: str | Path, corpus: Corpus) -> pd.DataFrame:
    """Find a corpus's audio files by their names, and tell what the names tell.

    Args:
        root: the corpus's folder, or one around it or (where the names say it all) within it.
        corpus: the corpus.

    Returns:
        The utterance table with all of `COLUMNS`, ordered by path. A stem that is there in several
        formats or copies comes once: as wav if there is one, then in the shallowest folder.

    Raises:
        CorpusError: when the folder is missing or has no file of this corpus.
    """
    root = Path(root)
    if not root.is_dir():
        raise CorpusError(f"{root} {'is no folder' if root.exists() else 'does not exist'}. "
                          f"{expected(corpus)}")  # fmt: skip
    found: dict[str, tuple[Path, Fields]] = {}
    files = list(walk(root))
    audio = [path for path in files if path.suffix.lower() in tables.AUDIO_SUFFIXES]
    own = 0
    for path in sorted(audio, key=_preference):
        stem = tables.file_stem(path)
        fields = corpus.parse(stem)
        own += fields is not None
        if fields is not None and stem not in found:
            found[stem] = (path, fields)
    if not found:
        raise CorpusError(f"{_found(root, files, len(audio))} {expected(corpus)}")
    for count, what in ((len(audio) - own, "foreign audio files"), (own - len(found), "copies")):
        if count:
            logger.warning("%s: %d %s left out", root, count, what)
    if len(found) != corpus.utterances:
        logger.warning(
            "%s: %d utterances; %s has %d", root, len(found), corpus.title, corpus.utterances
        )
    rows = sorted(found.values(), key=lambda row: unicodedata.normalize("NFC", str(row[0])))
    return utterances([str(path) for path, _ in rows], [fields for _, fields in rows], corpus)


def utterances(files: list[str], rows: list[Fields], corpus: Corpus) -> pd.DataFrame:
    """Build an utterance table with all of `COLUMNS` from what is known of each file.

    Args:
        files: the file of each utterance.
        rows: what is known of each; `emotion` as a code or word.
        corpus: the corpus, for the codes, and the language where it has just one.

    Returns:
        The utterance table, other columns after the known ones.
    """
    frame = pd.DataFrame(rows, index=range(len(files)))
    frame["corpus"] = corpus.name
    if "language" not in frame:
        frame["language"] = corpus.languages[0]
    if "emotion" in frame:
        codes = frame["emotion"].dropna().unique()
        frame["emotion"] = frame["emotion"].map({code: corpus.emotion(code) for code in codes})
    frame = frame.reindex(columns=[*COLUMNS, *(c for c in frame.columns if c not in COLUMNS)])
    for column in COLUMNS:
        if column in tables.NUMBER_COLUMNS:
            frame[column] = frame[column].astype("float64")
        else:
            frame[column] = tables.text_column(frame[column])
    frame.index = tables.utterance_index(files)
    return frame


def companion(root: str | Path, *names: str) -> Path | None:
    """Find a file that belongs to the audio: under the folder, or beside it.

    Args:
        root: the folder that was read.
        names: file names, without regard to case; the first that is found counts.
    """
    root = Path(root)
    beside = (path for path in sorted(root.resolve().parent.iterdir()) if path.is_file())
    paths = [*sorted(walk(root), key=lambda path: len(path.parts)), *beside]
    for name in names:
        for path in paths:
            if path.name.lower() == name.lower():
                return path
    return None


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a small CSV as one dict per line; blanks and a byte order mark are dropped."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return [
            {key.strip(): (value or "").strip() for key, value in row.items() if key}
            for row in csv.DictReader(lines)
        ]


def gender(code: str) -> str | float:
    """Return `female` or `male` for a word or letter that begins with F or M, else NaN."""
    return {"f": "female", "m": "male"}.get(code[:1].lower(), float("nan"))


def expected(corpus: Corpus) -> str:
    """Say what folder a corpus's reader expects."""
    return f"{corpus.title} is expected as\n{corpus.layout.strip(chr(10))}"


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _preference(path: Path) -> tuple[int, int, str]:
    suffix = tables.AUDIO_SUFFIXES.index(path.suffix.lower())
    return suffix, len(path.parts), unicodedata.normalize("NFC", str(path))


def _found(root: Path, files: list[Path], audio: int) -> str:
    if not files:
        return f"{root} is empty."
    some = ", ".join(str(path.relative_to(root)) for path in files[:3])
    return (
        f"{root} has {len(files)} files, {audio} of them audio, and none is named as this corpus "
        f"names its files; it has for instance {some}."
    )
