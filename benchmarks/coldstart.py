"""How long one waits for a fresh process: `import affectspace`, `--help`, one clip of 3 s embedded.

Processes are started in turns, and the files they read are in memory from the turn before, as on
a machine in use. Nothing is cached between turns: neither features nor a running process.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from affectspace.audio import read_audio
from benchmarks._common import (
    COMMAND,
    SAMPLING_RATE,
    Cost,
    clip_of,
    corpus_files,
    machine,
    made_voices,
    markdown,
    median,
    parser,
    run,
)

SECONDS = 3.0
GOALS = {"`import affectspace`": 0.3, "`affectspace --help`": 0.5, "`affectspace embed`": 2.0}

# the command itself, with a clock around the features of the default model
TIMED = """
import json, sys, time
from affectspace.features.native.backend import Native
computed, spent = Native.__call__, []
def timed(self, samples):
    began = time.perf_counter()
    try:
        return computed(self, samples)
    finally:
        spent.append(time.perf_counter() - began)
Native.__call__ = timed
from affectspace.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print(json.dumps(spent), file=sys.stderr)
"""


def main(arguments: Sequence[str] = ()) -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=11)
    wanted = options.parse_args(arguments)
    print(f"{machine()}\nmedian of {wanted.rounds} process starts, in turns\n")
    with tempfile.TemporaryDirectory() as scratch:
        clip = _clip(Path(scratch))
        costs, shares = measure(str(clip), model=wanted.model, rounds=wanted.rounds)
    rows = [
        [
            name,
            f"{median(taken).wall:.2f} s",
            f"{min(cost.wall for cost in taken):.2f} s",
            f"{median(taken).cpu:.2f} s",
            f"{GOALS[name]} s" if name in GOALS else "",
        ]
        for name, taken in costs.items()
    ]
    print(markdown(["", "wall", "least wall", "CPU", "goal"], rows))
    print(
        f"\nOf `affectspace embed`, a clip of {SECONDS:g} s, the features of `native` have "
        f"{np.median(shares):.0%}."
    )


def measure(clip: str, *, model: str, rounds: int) -> tuple[dict[str, list[Cost]], list[float]]:
    """Start each in turns.

    Returns:
        What each cost, and the features' shares of the time of `embed`.
    """
    python = sys.executable
    embed = ["embed", clip, "--model", model, "--no-cache"]
    commands = {
        "`python -c pass`": [python, "-c", "pass"],
        "`import affectspace`": [python, "-c", "import affectspace"],
        "`affectspace --help`": [COMMAND, "--help"],
        "`affectspace embed`": [COMMAND, *embed],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    shares = []
    for number in range(rounds + 1):
        taken = {name: run(command)[0] for name, command in commands.items()}
        timed, done = run([python, "-c", TIMED, *embed])
        if number:
            for name, cost in taken.items():
                costs[name].append(cost)
            shares.append(sum(json.loads(done.stderr.splitlines()[-1])) / timed.wall)
    return costs, shares


def _clip(folder: Path) -> Path:
    """Write 3 s of speech: EMO-DB's first recordings one after another, or a made voice."""
    files = corpus_files("emodb")[:5] or made_voices(folder, 2)
    samples = np.concatenate([read_audio(file).samples for file in files])
    path = folder / "clip.wav"
    soundfile.write(path, clip_of(samples, SECONDS), SAMPLING_RATE)
    return path


if __name__ == "__main__":
    main(sys.argv[1:])
