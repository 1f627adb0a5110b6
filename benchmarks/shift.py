"""How far estimates move when the recording gets worse: level, codec, telephone, noise.

Each recording is degraded, written to a file, and embedded from there, as a user's file is: status
and cautions are those that a user gets. MP3 is written as MP3 (64 kbit/s, 16 kHz), the telephone's
band (300 to 3400 Hz, mu-law) as WAV of 8 kHz, all else as WAV of 16 kHz and 16 bits. Noise is pink.

A shift is no accuracy: it says how far the model answers otherwise, not which answer is right.

With AFFECTSPACE_DATA a sample of EMO-DB, URDU and EmoTale, without it made voices.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
from numpy.typing import NDArray

from affectspace import load_model
from affectspace.audio import SAMPLING_RATE, read_audio
from affectspace.audio.degrade import Degradation, mp3_file
from affectspace.model import AffectModel
from benchmarks._common import collections, machine, markdown, parser

CORPORA = ("emodb", "urdu", "emotale")
LABELS = ("activation", "valence")
TELEPHONE_RATE = 8_000
UNCHANGED, MP3, TELEPHONE = "written again", "mp3, 64 kbit/s", "telephone, 8 kHz"
DEGRADATIONS: dict[str, Degradation] = {
    UNCHANGED: Degradation(),
    **{f"gain {gain:+d} dB": Degradation(gain=(gain, gain)) for gain in (-20, -10, 10)},
    MP3: Degradation(),  # the file's format does it
    TELEPHONE: Degradation(codecs=("telephone",)),
    **{f"noise at {snr} dB": Degradation(snr=(snr, snr)) for snr in (20, 10, 0)},
}


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=100, help="per corpus; 0 takes all")
    options.add_argument("--seed", type=int, default=0, help="of the sample")
    options.add_argument("--jobs", type=int, help="worker processes; one per core by default")
    wanted = options.parse_args(arguments)
    print(machine())
    model = load_model(wanted.model)
    sources = ", ".join(model.record.get("sources", {})) or "an unknown corpus"
    print(f"Model {model.name or model.source} {model.version}, trained on {sources}")
    with tempfile.TemporaryDirectory() as scratch:
        for name, files in collections(CORPORA, Path(scratch) / "made", wanted.files, wanted.seed):
            as_they_are, worse = measure(model, files, Path(scratch) / "worse", jobs=wanted.jobs)
            ok = as_they_are["status"].eq("ok")
            spread = ", ".join(
                f"{label} {as_they_are[label].mean():.2f} ± {as_they_are[label].std():.2f}"
                for label in LABELS
            )
            print(
                f"\n### {name}\n\n{int(ok.sum())} of {len(ok)} recordings, as they are: {spread}\n"
            )
            print(table(as_they_are, worse), flush=True)


def measure(
    model: AffectModel, files: Sequence[str], folder: Path, *, jobs: int | None = None
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Embed files as they are, and degraded in each way.

    Returns:
        The embedding table of the files, and one for each degradation, rows in the same order.
    """
    as_they_are = model.embed(list(files), jobs=jobs)
    usable = [path for path, ok in zip(files, as_they_are["status"].eq("ok"), strict=True) if ok]
    channel = model.spec.channel if model.spec else "first"
    worse = {}
    for number, name in enumerate(DEGRADATIONS):
        place = folder / str(number)
        place.mkdir(parents=True, exist_ok=True)
        written = [
            _write(place / f"{row:05d}", read_audio(path, channel=channel).samples, name)
            for row, path in enumerate(usable)
        ]
        worse[name] = model.embed(written, jobs=jobs)
        for path in written:
            path.unlink()
    return as_they_are[as_they_are["status"].eq("ok")], worse


def table(as_they_are: pd.DataFrame, worse: Mapping[str, pd.DataFrame]) -> str:
    """Return shifts, the median `snr`, statuses and cautions as Markdown, a row per degradation."""
    heads = [head for label in LABELS for head in (f"{label} shift", "absolute", "r")]
    rows = [["as they are", *[""] * len(heads), _noise(as_they_are), *words(as_they_are)]]
    for name, embedded in worse.items():
        figures: list[str] = []
        for label in LABELS:
            mean, absolute, r = shift(as_they_are[label].to_numpy(), embedded[label].to_numpy())
            figures += [f"{round(mean, 2) + 0.0:+.2f}", f"{absolute:.2f}", f"{r:.2f}"]
        rows.append([name, *figures, _noise(embedded), *words(embedded)])
    columns = ["", *heads, "snr", "not scored", "cautions"]
    return markdown(columns, rows, words=2)


def shift(before: NDArray[np.float64], after: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return mean shift, mean absolute shift and Pearson's r, over the rows that have both."""
    both = ~(np.isnan(before) | np.isnan(after))
    if both.sum() < 2:
        return np.nan, np.nan, np.nan
    moved = after[both] - before[both]
    r = np.corrcoef(before[both], after[both])[0, 1]
    return float(moved.mean()), float(np.abs(moved).mean()), float(r)


def words(embedded: pd.DataFrame) -> tuple[str, str]:
    """Count statuses that aren't `ok`, and cautions, in shares of all rows."""
    status = embedded["status"]
    cautions = [word for row in embedded["caution"] for word in row.split(";") if word]
    not_scored, doubted = (
        ", ".join(
            f"`{word}` {count / len(embedded):.0%}" for word, count in Counter(found).most_common()
        )
        for found in (status[status != "ok"], cautions)
    )
    return not_scored, doubted


def _noise(embedded: pd.DataFrame) -> str:
    return f"{embedded['snr'].median():.0f}"


def _write(stem: Path, samples: NDArray[np.float32], name: str) -> Path:
    """Degrade a signal and write it as the file that it would come in."""
    samples = DEGRADATIONS[name](samples)
    if name == MP3:
        path = stem.with_suffix(".mp3")
        path.write_bytes(mp3_file(samples))
        return path
    path, rate = stem.with_suffix(".wav"), SAMPLING_RATE
    if name == TELEPHONE:
        samples, rate = soxr.resample(samples, rate, TELEPHONE_RATE, quality="HQ"), TELEPHONE_RATE
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
