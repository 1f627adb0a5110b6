"""A served model under load: how long answers take, what too much does, what broken requests do.

    latency    a clip of 3 s from 1, 8 and 32 clients at once, each asking as soon as it is answered
    overload   ten times as many clients as are taken: refusals, and memory over time
    malformed  thousands of broken requests over raw sockets: statuses, and memory before and after
    memory     what each process holds, by the number of processes

The clients run on the same machine and take a part of it.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import psutil

from affectspace.processes import available_cores
from affectspace.synthesis import draw_speaker, synthesise_utterance
from benchmarks._clients import (
    LINGER,
    Heard,
    Memory,
    Served,
    ask_for,
    broken,
    exchange,
    request_of,
    served,
)
from benchmarks._common import SAMPLING_RATE, chosen, clip_of, machine, markdown, parser

CLIP = 3.0  # s
TIMES = 10
TOGETHER = 24  # broken requests at once


def main(arguments: Sequence[str] = ()) -> None:
    parts: dict[str, Callable[..., None]] = {
        "latency": latency,
        "overload": overload,
        "malformed": malformed,
        "memory": memory,
    }
    options = parser(__doc__, parts=list(parts))
    options.add_argument("--workers", type=int, default=available_cores())
    options.add_argument("--seconds", type=float, default=20.0, help="of each load")
    options.add_argument("--requests", type=int, default=10_000, help="that are broken")
    options.add_argument("--seed", type=int, default=0)
    chosen_options = options.parse_args(arguments)
    print(machine())
    for name in chosen(chosen_options.parts, parts):
        print(f"\n### {name}\n", flush=True)
        parts[name](made_clip(), chosen_options)


def made_clip() -> bytes:
    """Make a WAV file of a voice, of 3 s."""
    import io

    import soundfile

    speaker = draw_speaker("a", "female", np.random.default_rng(0))
    samples = synthesise_utterance(3.5, 3.0, speaker=speaker, seed=0, duration=CLIP)
    buffer = io.BytesIO()
    soundfile.write(buffer, clip_of(samples, CLIP), SAMPLING_RATE, format="WAV")
    return buffer.getvalue()


def latency(clip: bytes, options: object) -> None:
    """Ask politely, by more and more clients."""
    workers, seconds = _settings(options)
    rows = []
    with served("--workers", str(workers), "--concurrency", "64") as service:
        asyncio.run(ask_for(service, request_of(clip), clients=4, seconds=3))  # warm
        for clients in (1, 8, 32):
            before = np.array(service.cpu())
            work = ask_for(service, request_of(clip), clients=clients, seconds=seconds)
            heard = asyncio.run(work)
            spent = 1e3 * (np.array(service.cpu()) - before) / len(heard.seconds)
            numbers = [*(1e3 * np.percentile(heard.seconds, [50, 95])), *spent]
            rate = f"{len(heard.seconds) / seconds:.1f}"
            rows.append([str(clients), *(f"{n:.0f}" for n in numbers), rate, _told(heard)])
    cpu = ["CPU of the service, ms", "of the processes, ms"]
    columns = ["clients", "p50, ms", "p95, ms", *cpu, "answers per s", "statuses"]
    print(f"{workers} processes\n\n{markdown(columns, rows, words=1)}")


def overload(clip: bytes, options: object) -> None:
    """Ask by ten times as many clients as are taken."""
    workers, seconds = _settings(options)
    most = 16
    rows = []
    with served("--workers", str(workers), "--concurrency", str(most)) as service:
        processes = service.workers()
        asyncio.run(ask_for(service, request_of(clip), clients=most, seconds=5))  # warm
        heard = [Heard()]

        async def watched() -> list[tuple[float, Memory]]:
            clients = most * TIMES
            work = ask_for(service, request_of(clip), clients=clients, seconds=seconds, pause=0.1)
            task, started, seen = asyncio.ensure_future(work), time.perf_counter(), []
            while not task.done():
                seen.append((time.perf_counter() - started, service.memory(processes)))
                await asyncio.wait({task}, timeout=seconds / 8)
            heard[0] = task.result()
            return seen

        for when, held in asyncio.run(watched()):
            rows.append([f"{when:.0f}", f"{held.service:.0f}", f"{held.worker:.0f}"])
    middle, late = 1e3 * np.percentile(heard[0].seconds, [50, 95])
    print(f"{most} are taken at once, {most * TIMES} ask; {workers} processes; {_told(heard[0])}")
    print(f"Of the refusals {heard[0].told} say when to come again. Those that were taken: ")
    print(f"{len(heard[0].seconds) / seconds:.1f} per s, p50 {middle:.0f} ms, p95 {late:.0f} ms\n")
    print(markdown(["after, s", "service, MB", "largest process, MB"], rows))


def malformed(clip: bytes, options: object) -> None:
    """Send broken requests."""
    workers, _ = _settings(options)
    count, seed = int(getattr(options, "requests", 0)), int(getattr(options, "seed", 0))
    with served("--workers", str(workers), "--timeout", "1") as service:
        processes = service.workers()
        seen = []
        statuses: Counter[int] = Counter()
        rng = random.Random(seed)  # noqa: S311
        quarters = np.array_split(np.arange(count), 4)
        for quarter in [np.arange(min(count, 500)), *quarters]:  # the first is to warm up
            statuses += asyncio.run(_send(service, [broken(clip, rng) for _ in quarter]))
            seen.append(service.memory(processes))
        answer, _ = asyncio.run(exchange(service, request_of(clip)))
        _, metrics = service.get("/metrics")
    words = ", ".join(f"{n} x {status or 'no answer'}" for status, n in sorted(statuses.items()))
    print(f"{statuses.total()} broken requests: {words}")
    restarts = re.findall(r"^affectspace_worker_restarts_total (.*)$", metrics, re.MULTILINE)
    print(
        f"Afterwards a proper one is answered with {answer}; processes restarted: {restarts[0]}\n"
    )
    rows = [
        [name, f"{held.service:.0f}", f"{held.worker:.0f}"]
        for name, held in zip(("500 to warm up", "1/4", "2/4", "3/4", "all"), seen, strict=True)
    ]
    print(markdown(["after", "service, MB", "largest process, MB"], rows))


async def _send(service: Served, requests: Sequence[bytes]) -> Counter[int]:
    statuses: Counter[int] = Counter()
    left = iter(requests)

    async def client() -> None:
        for request in left:
            status, _ = await exchange(service, request, patience=LINGER)
            statuses[status] += 1

    await asyncio.gather(*(client() for _ in range(TOGETHER)))
    return statuses


def memory(clip: bytes, _: object) -> None:
    """Look at what each process holds."""
    rows = []
    for workers in (1, 2, 4):
        with served("--workers", str(workers)) as service:
            asyncio.run(ask_for(service, request_of(clip), clients=2 * workers, seconds=4))
            below = psutil.Process(service.process.pid).children(recursive=True)
            own = psutil.Process(service.process.pid).memory_full_info()
            each = [one.memory_full_info() for one in service.workers()]
            total = own.pss + sum(one.memory_full_info().pss for one in below)
            rows.append(
                [
                    str(workers),
                    f"{own.rss / 1e6:.0f}",
                    f"{max(one.rss for one in each) / 1e6:.0f}",
                    f"{np.mean([one.uss for one in each]) / 1e6:.0f}",
                    f"{total / 1e6:.0f}",
                ]
            )
    columns = ["processes", "service, MB", "each, MB", "of it its own, MB", "all together, MB"]
    print(markdown(columns, rows))


def _settings(options: object) -> tuple[int, float]:
    return int(getattr(options, "workers", 1)), float(getattr(options, "seconds", 1.0))


def _told(heard: Heard) -> str:
    return ", ".join(f"{n} x {status or 'none'}" for status, n in sorted(heard.statuses.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
