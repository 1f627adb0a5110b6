"""A rating study under load: 50 raters and 2,000 items on loopback, served by the command itself.

Every rater rates as fast as a short pause allows, far faster than people do. Then the same with the
service killed (SIGKILL) and started again ten times. What raters were told to be accepted must be
in the database, and nothing else.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks._common import machine, markdown, parser
from benchmarks._raters import Rated, compare, made_tones, rate_together, served, stored

GOAL = 0.1  # s


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--raters", type=int, default=50)
    options.add_argument("--items", type=int, default=2000)
    options.add_argument("--per-item", type=int, default=3, help="raters of each; 0 is all")
    options.add_argument("--pause", type=float, default=0.5, help="seconds, on average")
    options.add_argument("--kills", type=int, default=10)
    options.add_argument("--database", help="a PostgreSQL URL, whose database is empty")
    wanted = options.parse_args(arguments)
    print(
        f"{machine()}\n{wanted.raters} raters, {wanted.items} items, "
        f"{wanted.per_item or 'all'} raters per item, pauses of {wanted.pause:g} s on average, "
        f"{'PostgreSQL' if wanted.database else 'SQLite'}\n"
    )
    per_item = ["--raters-per-item", str(wanted.per_item)] if wanted.per_item else []
    every = ["--database", wanted.database] if wanted.database else []
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        audio = made_tones(Path(scratch) / "audio", wanted.items)
        for kills in [wanted.kills] if wanted.database else dict.fromkeys([0, wanted.kills]):
            study = Path(scratch) / f"study{kills}"
            with served(study, audio, wanted.raters, per_item, every=every) as service:
                rated, seconds = rate_together(service, pause=wanted.pause, most=10**9, kills=kills)
                times = psutil.Process(service.pid).cpu_times()
                service.stop()
            cpu = None if kills else times.user + times.system
            rows.append(_row(kills, rated, stored(study, wanted.database), seconds, cpu))
    columns = [
        "killed",
        "ratings",
        "per second",
        "median",
        "p95",
        "p99",
        "goal p95",
        "CPU",
        "sent again",
    ]
    print(markdown([*columns, "lost", "doubled", "altered", "unknown"], rows))


def _row(
    kills: int,
    rated: Sequence[Rated],
    rows: Sequence[tuple],
    seconds: float,
    cpu: float | None,
) -> list[str]:
    if errors := [one.error for one in rated if one.error]:
        raise SystemExit(f"{len(errors)} raters could not go on, first: {errors[0]}")
    waits = np.concatenate([one.waits for one in rated])
    wrong = compare(rows, rated)
    quantiles = [f"{1000 * value:.0f} ms" for value in np.quantile(waits, (0.5, 0.95, 0.99))]
    again = sum(one.retries for one in rated)
    return [
        f"{kills} times",
        f"{len(rows)}",
        f"{len(rows) / seconds:.0f}",
        *quantiles,
        f"{1000 * GOAL:.0f} ms",
        "" if cpu is None else f"{1000 * cpu / len(rows):.1f} ms",
        f"{again}",
        *(str(wrong[name]) for name in ("lost", "doubled", "altered", "unknown")),
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
