"""How well the ratio of speech to noise is told from a recording alone, and what that costs.

Pink and white noise, and the babble of six other recordings of the same corpus, is added at a known
ratio. What the recording itself holds comes on top, so a noisy corpus reads lower.

With AFFECTSPACE_DATA a sample of five corpora, without it made voices.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affectspace.audio import read_audio
from affectspace.audio.checks import clip
from affectspace.audio.degrade import add_noise, mix_at
from affectspace.audio.noise import signal_to_noise
from affectspace.errors import AudioError
from affectspace.features import backend
from affectspace.model.cautions import NOISY_BELOW
from benchmarks._common import collections, machine, markdown, median, parser, take_turns

CORPORA = ("emodb", "urdu", "emotale", "ravdess", "emovo")
RATIOS = (20, 10, 0)  # dB
VOICES = 6

Samples = NDArray[np.float32]
Make = Callable[[Samples, float, np.random.Generator], Samples]


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--files", type=int, default=100, help="per corpus; 0 takes all")
    options.add_argument("--seed", type=int, default=0, help="of the sample and the noise")
    wanted = options.parse_args(arguments)
    print(machine())
    rows: list[list[str]] = []
    signals: list[Samples] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, files in collections(CORPORA, Path(scratch), wanted.files, wanted.seed):
            found = _read(files)
            rows += measure(name, found, seed=wanted.seed)
            signals += found[:20]
    columns = ["", "as they are", *(f"{ratio} dB" for ratio in RATIOS)]
    print(f"\nMedian ± deviation, and the share below {NOISY_BELOW:.0f} dB:\n")
    print(markdown(columns, rows) + "\n")
    print(cost(signals))


def measure(name: str, signals: Sequence[Samples], *, seed: int = 0) -> list[list[str]]:
    """Return a row for each kind of noise: estimates for recordings as they are, then with it."""
    kinds: dict[str, Make] = {"pink": _pink, "white": _white, "babble": _babble(signals)}
    rows = []
    before = _cell([signal_to_noise(samples) for samples in signals])
    for kind, make in kinds.items():
        cells = []
        for ratio in RATIOS:
            random = np.random.default_rng(seed)
            noisy = [clip(make(samples, ratio, random)) for samples in signals]
            cells.append(_cell([signal_to_noise(samples) for samples in noisy]))
        rows.append([f"{name}, {kind}", before, *cells])
    return rows


def cost(signals: Sequence[Samples]) -> str:
    """Return what the estimate costs, against the features."""
    features = backend("egemaps")
    costs = take_turns(
        {
            "estimate": lambda: [signal_to_noise(samples) for samples in signals],
            "egemaps": lambda: [features(samples) for samples in signals],
        },
        rounds=3,
    )
    one, all_features = (1000 * median(costs[name]).cpu / len(signals) for name in costs)
    return (
        f"A recording: {one:.2f} ms of CPU time for the estimate, {all_features:.1f} ms for "
        f"`egemaps`: {one / all_features:.1%}"
    )


def _cell(values: Sequence[float]) -> str:
    known = np.array(values)[~np.isnan(values)]
    low = np.mean(known < NOISY_BELOW)
    return f"{np.median(known):.1f} ± {known.std():.1f}, {low:.0%}"


def _pink(samples: Samples, ratio: float, random: np.random.Generator) -> Samples:
    return add_noise(samples, ratio, random=random)


def _white(samples: Samples, ratio: float, random: np.random.Generator) -> Samples:
    return mix_at(samples, random.standard_normal(len(samples)).astype(np.float32), ratio)


def _babble(signals: Sequence[Samples]) -> Make:
    """Make a noise of several of the recordings, equally loud."""

    def make(samples: Samples, ratio: float, random: np.random.Generator) -> Samples:
        voices = random.choice(len(signals), VOICES)
        heard = [np.resize(signals[voice], len(samples)) for voice in voices]
        together = sum(np.roll(x, random.integers(len(x))) / x.std() for x in heard)
        return mix_at(samples, np.asarray(together, np.float32), ratio)

    return make


def _read(files: Sequence[str]) -> list[Samples]:
    found = []
    for path in files:
        try:
            found.append(read_audio(path).samples)
        except AudioError as error:
            print(f"left out: {error}", file=sys.stderr)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
