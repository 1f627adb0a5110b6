"""Feature backends for the tests; a module of its own, so that worker processes can import it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from affectspace.features import FeatureSpec

SPEC = FeatureSpec("fake", "tests", "1", features=("mean", "peak", "length"))
THREADS = FeatureSpec("threads", "tests", "1", features=("threads",))
PRODUCTS = FeatureSpec("products", "tests", "1", features=("threads",))


@dataclass
class Fake:
    """Quick features; `on` says what happens for signals of so many milliseconds.

    Attributes:
        on: milliseconds -> `raise`, `exit`, `segfault`, `exit once`, `nan`, `shape` or `interrupt`.
        sleep: seconds that every signal takes.
        diary: a file that gets a line per computed signal.
    """

    on: dict[int, str] = field(default_factory=dict)
    sleep: float = 0.0
    diary: Path | None = None
    spec: FeatureSpec = SPEC

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        if self.diary is not None:
            with self.diary.open("a") as diary:
                diary.write(f"{len(samples)}\n")
        time.sleep(self.sleep)
        values = np.array([samples.mean(), np.abs(samples).max(), len(samples)], np.float32)
        what = self.on.get(round(len(samples) / 16))
        if what == "raise":
            raise RuntimeError("as told")
        if what == "exit" or (what == "exit once" and self._first(samples)):
            os._exit(3)
        if what == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if what == "interrupt":
            raise KeyboardInterrupt
        if what == "nan":
            values[1] = np.nan
        return values[:2] if what == "shape" else values

    def _first(self, samples: np.ndarray) -> bool:
        assert self.diary is not None
        return self.diary.read_text().splitlines().count(str(len(samples))) == 1

    def computed(self) -> int:
        """Return how many signals were computed."""
        assert self.diary is not None
        return len(self.diary.read_text().splitlines()) if self.diary.exists() else 0


@dataclass
class Together(Fake):
    """The same of several signals at once, for which the diary gets a line as well: how many.

    One that raises, or has the wrong shape, spoils it for all.
    """

    def many(self, signals: list[np.ndarray]) -> np.ndarray:
        if self.diary is not None:
            with self.diary.open("a") as diary:
                diary.write(f"together {len(signals)}\n")
        quiet = replace(self, diary=None)
        return np.stack([quiet(signal) for signal in signals])


@dataclass
class Unstartable:
    """Breaks the process that unpickles it."""

    spec: FeatureSpec = SPEC

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def __reduce__(self):
        return os._exit, (5,)


@dataclass
class Threads:
    """Tells how many threads its process may use."""

    spec: FeatureSpec = THREADS

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        return np.array([os.environ["OMP_NUM_THREADS"]], np.float32)


@dataclass
class Products:
    """Tells in how many threads NumPy's matrix products run."""

    spec: FeatureSpec = PRODUCTS

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        counts = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
        return np.array([max(counts)], np.float32)
