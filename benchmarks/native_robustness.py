"""How far feature sets move when the recording gets worse, and estimates made of them.

A sample of each corpus is degraded in several ways. A feature's shift is the mean absolute change
over the recordings, in units of the feature's deviation over the whole corpus. The estimates are
those of a ridge regression on activation, trained on the recordings as they are of all corpora but
the one that is scored; RAVDESS and EMOVO, where they are there, with typical ratings of their
categories. Its penalty is chosen by leaving out rows of its sources; features are standardised by
its sources and clipped at 4 deviations.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

from affectspace.audio.degrade import Degradation
from affectspace.features import extract, registry
from affectspace.features.degraded import Degraded
from affectspace.study.inputs import Extraction, read_corpora
from affectspace.study.material import Material, gather
from affectspace.study.rivals import CLIP, PENALTIES
from affectspace.study.typical import heard_ratings
from benchmarks._common import machine, markdown, parser

SETS = ("native", "egemaps", "compare")
SCORED, MORE = ("emodb", "urdu", "emotale"), ("ravdess", "emovo")
TITLES = {"emodb": "EMO-DB", "urdu": "URDU", "emotale": "EmoTale"}


@dataclass(frozen=True)
class Cut:
    """Keeps the beginning of a recording: a share of it, or so many seconds."""

    share: float = 1.0
    seconds: float = float("inf")

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        return samples[: int(min(self.share * len(samples), self.seconds * 16_000))]


WAYS: dict[str, Degradation | Cut] = {
    **{f"gain {gain:+d} dB": Degradation(gain=(gain, gain)) for gain in (-20, -10, 10)},
    "mp3, 64 kbit/s": Degradation(codecs=("mp3",)),
    "telephone, 8 kHz": Degradation(codecs=("telephone",)),
    **{f"noise at {snr} dB": Degradation(snr=(snr, snr)) for snr in (20, 10, 0)},
    "first half": Cut(share=0.5),
    "first second": Cut(seconds=1.0),
}


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--labels", help="folder of label files")
    options.add_argument("--files", type=int, default=60, help="of each corpus that is scored")
    options.add_argument("--sets", nargs="+", default=SETS, help="feature sets")
    options.add_argument("--seed", type=int, default=0, help="of the sample")
    options.add_argument("--jobs", type=int, help="worker processes; one per core by default")
    options.add_argument("--cache", help="folder of the cache; the usual one by default")
    wanted = options.parse_args(arguments)
    root = Path(os.environ.get("AFFECTSPACE_DATA") or sys.exit("AFFECTSPACE_DATA isn't set"))
    print(machine())
    found: dict[tuple[str, str], pd.DataFrame] = {}
    for name in wanted.sets:
        extraction = Extraction(features=name, jobs=wanted.jobs, cache=wanted.cache)
        paths = [(corpus, root / "corpora" / corpus) for corpus in (*SCORED, *MORE)]
        paths = [(corpus, path) for corpus, path in paths if path.is_dir()]
        labels = wanted.labels or root / "labels" / "dtu"
        corpora = read_corpora(paths, extraction=extraction, labels=labels)
        material = gather(list(corpora.values()), extraction=extraction)
        for corpus in SCORED:
            found[name, corpus] = measure(material, corpus, extraction, wanted.files, wanted.seed)
    for corpus in SCORED:
        print(f"\n### {TITLES[corpus]}\n")
        print(_table({name: found[name, corpus] for name in wanted.sets}), flush=True)


def measure(
    material: Material, corpus: str, extraction: Extraction, files: int, seed: int
) -> pd.DataFrame:
    """Return shifts and r of a feature set on a corpus, a row for each way to degrade it."""
    whole = np.flatnonzero((material.rows["source"] == corpus).to_numpy())
    deviation = material.values[whole].std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    draw = np.random.default_rng(seed).choice(len(whole), min(files, len(whole)), replace=False)
    sample = whole[np.sort(draw)]
    rows = material.rows.iloc[sample]
    ratings = rows["activation"].to_numpy(float)
    estimate = _regression(material, corpus)
    before = material.values[sample]
    found = {"as they are": (np.nan,) * 3 + (_r(estimate(before), ratings), 0.0, len(sample))}
    plain = registry.backend(extraction.features)
    for name, way in WAYS.items():
        jobs = 1 if isinstance(way, Cut) else extraction.jobs  # workers don't know this module
        worse = extract(rows[[]], features=Degraded(plain, way), jobs=jobs, cache=False)
        after = worse.values.to_numpy()
        ok = np.isfinite(after).all(axis=1)
        shift = (np.abs(after[ok] - before[ok]) / deviation).mean(axis=0)
        estimates = estimate(after[ok])
        found[name] = (
            float(np.median(shift)),
            float(np.quantile(shift, 0.9)),
            float((shift > 0.5).mean()),
            _r(estimates, ratings[ok]),
            float(np.mean(estimates - estimate(before[ok]))),
            int(ok.sum()),
        )
    columns = ["median", "high", "moved", "r", "offset", "rows"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def _regression(material: Material, corpus: str):
    """Learn activation from all corpora but one."""
    gone = frozenset([corpus])
    rows = material.without(gone)
    x = material.values[rows].astype(np.float64)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)

    def standardised(features: NDArray[np.float32]) -> NDArray[np.float64]:
        return ((features - mean) / scale).clip(-CLIP, CLIP)

    heard = heard_ratings(material, gone).ratings["activation"][rows]
    known = np.isfinite(heard)
    ridge = RidgeCV(PENALTIES).fit(standardised(x[known]), heard[known])
    return lambda features: ridge.predict(standardised(features))


def _r(estimates: NDArray[np.float64], ratings: NDArray[np.float64]) -> float:
    known = np.isfinite(ratings)
    return float(np.corrcoef(estimates[known], ratings[known])[0, 1])


def _table(found: dict[str, pd.DataFrame]) -> str:
    heads = ["", *(f"{name}: {what}" for name in found for what in ("shift", "moved", "r"))]
    rows = []
    for way in next(iter(found.values())).index:
        cells = []
        for table in found.values():
            row = table.loc[way]
            if np.isnan(row["median"]):
                cells += ["", "", f"{row['r']:.2f}"]
                continue
            cells += [
                f"{row['median']:.2f} / {row['high']:.2f}",
                f"{row['moved']:.0%}",
                f"{row['r']:.2f} ({row['offset']:+.2f})",
            ]
        refused = ", ".join(
            f"{name} {int(table['rows'].iloc[0] - table.loc[way, 'rows'])}"
            for name, table in found.items()
            if table.loc[way, "rows"] < table["rows"].iloc[0]
        )
        rows.append([way, *cells, refused])
    return markdown([*heads, "not computed"], rows, words=1)


if __name__ == "__main__":
    main(sys.argv[1:])
