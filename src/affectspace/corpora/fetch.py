"""Downloads of the corpora that have an open address, and of the paper's label files.

Every file is checked against a hash that was published, where there is one; where there is none,
nothing is downloaded unless the caller says that an unverified file will do.
"""

from __future__ import annotations

import json
import logging
import re
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from affectspace.corpora.base import Corpus, Download
from affectspace.errors import CorpusError
from affectspace.progress import progress_bar

logger = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds without an answer
_CHUNK = 1 << 16  # bytes
_MARK = ".fetched-from"

_LABELS_AT = (
    "https://raw.githubusercontent.com/DTUComputeStatisticsAndDataAnalysis/"
    "Continuous-Metric-Learning-For-Transferable-Speech-Emotion-Recognition-and-Embedding"
    "/54ca6aeba10407a5ce77781038db7ff4494135eb/data_labels"
)
_LABEL_HASHES = {
    "AESD.csv": "6ad65d342d41e46c40ab4ba5601817137cac4388aae842b82d1fea40c67ba030",
    "CAFE.csv": "fe81d294f6ced0afa8a32e38de18c2ca008929a41e0cb64a89f1bd1c1eb7c37a",
    "EMO_DB.csv": "4c2251734b3c09458b5b3271dbec1c22bef199c95d3e76327739437c0fcbd91b",
    "URDU.csv": "5256d77b502bb7e71b57b93d1041d63abac08a7f362a6839561c5fb91c87f78a",
}

LABELS = tuple(
    Download(url=f"{_LABELS_AT}/{name}", file_name=name, hash=f"sha256:{digest}")
    for name, digest in _LABEL_HASHES.items()
)


@dataclass(frozen=True)
class Fetched:
    """One file that is there now.

    Attributes:
        path: where it lies; for an archive, the folder that it was unpacked to.
        hash: its hash as `algorithm:hexdigest`.
        verified: whether that hash is a published one.
    """

    path: Path
    hash: str
    verified: bool


def fetch_corpus(
    corpus: Corpus,
    output: str | Path,
    *,
    mirror: str | None = None,
    allow_unverified: bool = False,
    show_progress: bool = True,
) -> list[Fetched]:
    """Download a corpus and unpack it to `output/NAME`.

    Args:
        corpus: the corpus.
        output: the folder to download to; made if need be.
        mirror: address of a folder that holds the same files, to be used instead of the published
            one. The hashes stay the published ones.
        allow_unverified: take files that no published hash vouches for.
        show_progress: show a bar on stderr.

    Returns:
        What is there now, one entry per file.

    Raises:
        CorpusError: when the corpus has no open address, no hash is published and
            `allow_unverified` is False, the download fails, its hash is wrong, or the archive is
            broken.
    """
    if not corpus.downloads:
        why = "needs a signed licence" if corpus.licensed else "has no address to download from"
        raise CorpusError(f"{corpus.title} {why}. {corpus.how} (see {corpus.homepage})")
    output = Path(output)
    fetched = []
    for download in corpus.downloads:
        file = _fetch_file(
            download, output, mirror, allow_unverified=allow_unverified, show=show_progress
        )
        folder = output / corpus.name
        unpack(file.path, folder, mark=file.hash)
        fetched.append(Fetched(folder, file.hash, file.verified))
    return fetched


def fetch_labels(
    output: str | Path, *, mirror: str | None = None, show_progress: bool = True
) -> list[Fetched]:
    """Download the paper's label files to `output/labels`, each checked by its SHA-256.

    Args:
        output: the folder to download to.
        mirror: address of a folder that holds the same files.
        show_progress: show a bar on stderr.

    Returns:
        What is there now, one entry per file.

    Raises:
        CorpusError: when a download fails or its hash is wrong.
    """
    folder = Path(output) / "labels"
    return [
        _fetch_file(label, folder, mirror, allow_unverified=False, show=show_progress)
        for label in LABELS
    ]


def unpack(archive: Path, folder: Path, *, mark: str) -> None:
    """Unpack a zip archive to a new folder, all or nothing.

    Args:
        archive: the zip file.
        folder: where to. If it is there already and bears the same mark, nothing is done.
        mark: what tells this archive from another, its hash.

    Raises:
        CorpusError: when the archive is broken or would write outside the folder, or the folder
            is there and isn't from this archive.
    """
    if folder.exists():
        marked = folder / _MARK
        if marked.is_file() and marked.read_text(encoding="utf-8") == mark:
            return
        raise CorpusError(
            f"{folder} is there already and was not unpacked from {archive.name}; move it away, or "
            "choose another output folder"
        )
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        inside = Path(beside, folder.name)
        inside.mkdir()
        try:
            with zipfile.ZipFile(archive) as zipped:
                for member in zipped.infolist():
                    _check_member(member.filename, archive)
                zipped.extractall(inside)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise CorpusError(f"{archive} can't be unpacked: {error}") from error
        (inside / _MARK).write_text(mark, encoding="utf-8")
        inside.rename(folder)


def _check_member(name: str, archive: Path) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or re.match("[A-Za-z]:", name):
        raise CorpusError(f"{archive} would write outside its folder, to {name!r}; left packed")


def _fetch_file(
    download: Download, folder: Path, mirror: str | None, *, allow_unverified: bool, show: bool
) -> Fetched:
    """Download one file unless it is there with the right hash; nothing half is left behind."""
    import pooch

    expected = _published_hash(download, mirror)
    if expected is None and not allow_unverified:
        raise CorpusError(
            f"nobody published a hash of {download.file_name} ({download.note}), so what arrives "
            f"can't be verified. Allow that with --allow-unverified, or download it by hand from "
            f"{download.url}"
        )
    path = folder / download.file_name
    url = _address(download.url, mirror)
    _retrieve(url, path, expected, show=show)
    algorithm = "sha256" if expected is None else expected.partition(":")[0]
    digest = f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"
    if expected is None:
        logger.warning("%s is unverified; its hash is %s", path, digest)
    return Fetched(path, digest, expected is not None)


def _retrieve(url: str, path: Path, expected: str | None, *, show: bool) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        with ExitStack() as stack:
            bar = _Bar(stack, path.name) if show else False
            pooch.retrieve(
                url,
                known_hash=expected,
                fname=path.name,
                path=path.parent,
                downloader=pooch.HTTPDownloader(
                    progressbar=bar, timeout=TIMEOUT, chunk_size=_CHUNK
                ),
            )
    except requests.RequestException as error:
        raise CorpusError(f"{url} can't be downloaded: {error}. Try again later") from error
    except ValueError as error:
        raise CorpusError(
            f"{url} is not the published file, and nothing was kept: {error}"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path} can't be written: {error}") from error


def _published_hash(download: Download, mirror: str | None) -> str | None:
    """Return the hash that is known, or ask the Zenodo record for it."""
    if download.hash is not None or download.checksums is None:
        return download.hash
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.json")
        _retrieve(_address(download.checksums, mirror), path, None, show=False)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            hashes = {file["key"]: str(file["checksum"]) for file in record["files"]}
            return hashes[download.file_name]
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError(
                f"{download.checksums} gives no hash of {download.file_name}, so nothing was "
                "downloaded"
            ) from error


def _address(url: str, mirror: str | None) -> str:
    return url if mirror is None else f"{mirror.rstrip('/')}/{url.rpartition('/')[2]}"


class _Bar:
    """The package's progress bar in the shape that pooch drives: it learns the total late."""

    def __init__(self, stack: ExitStack, description: str) -> None:
        self.total = 0
        self._stack = stack
        self._description = description
        self._done = 0
        self._advance: Callable[[int], None] | None = None

    def update(self, count: int) -> None:
        if self._advance is None:
            bar = progress_bar(self.total // 1000, self._description, unit="kB")
            self._advance = self._stack.enter_context(bar)
        before = self._done
        self._done = min(self.total, before + count)
        self._advance(self._done // 1000 - before // 1000)

    def reset(self) -> None:
        """Pooch starts anew to fill the bar at the end; it stays where it is."""

    def close(self) -> None:
        """The exit stack closes the bar, after an error too."""
