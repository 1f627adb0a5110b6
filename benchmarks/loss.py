"""The continuous metric loss, forward and backward: O(n), all pairs at once, a loop over rows.

Each variant runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time

SIZES = (64, 1024, 16384)
DIMENSIONS = 2
SHORTEST = 0.3
"""Seconds that a measurement lasts at least."""


def closed(embeddings, labels):
    from affectspace.losses import continuous_metric_loss

    return continuous_metric_loss(embeddings, labels).loss


def pairs(embeddings, labels):
    """The definition, all n x n differences at once."""
    z = embeddings.mean(1)
    l_d, z_d = labels[:, None] - labels, z[:, None] - z
    slope = (l_d * z_d).sum() / (l_d**2).sum()
    n = len(labels)
    return ((z_d - slope * l_d) ** 2).sum() / (n * (n - 1)) + (slope - 1).abs()


def loop(embeddings, labels):
    """The definition, one row against all others at a time."""
    z, n = embeddings.mean(1), len(labels)
    l_z = l_l = residual = 0
    for row in range(n):
        l_z = l_z + ((labels[row] - labels) * (z[row] - z)).sum()
        l_l = l_l + ((labels[row] - labels) ** 2).sum()
    slope = l_z / l_l
    for row in range(n):
        l_d, z_d = labels[row] - labels, z[row] - z
        residual = residual + ((z_d - slope * l_d) ** 2).sum()
    return residual / (n * (n - 1)) + (slope - 1).abs()


VARIANTS = {"O(n)": closed, "n x n": pairs, "loop over rows": loop}


def measure(name: str, n: int, results) -> None:
    import torch

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, 11, (n,), generator=generator) / 2
    embeddings = torch.randn(n, DIMENSIONS, generator=generator, requires_grad=True)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, value = [], float("nan")
    while sum(times) < SHORTEST or len(times) < 2:
        started = time.perf_counter()
        loss = VARIANTS[name](embeddings, labels)
        (gradient,) = torch.autograd.grad(loss, embeddings)
        times.append(time.perf_counter() - started)
        value = float(loss.detach())
        del loss, gradient
        if times[0] > SHORTEST:
            break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle
    results.put((statistics.median(times), peak / 1024, value))


def main() -> None:
    context = multiprocessing.get_context("spawn")
    print("Continuous metric loss, forward and backward, one thread, float32, 2 dimensions\n")
    print(f"{'n':>6}  {'variant':<15}{'time':>12}{'slower by':>12}{'peak memory':>14}{'loss':>12}")
    for n in SIZES:
        fastest = None
        for name in VARIANTS:
            results = context.SimpleQueue()
            process = context.Process(target=measure, args=(name, n, results))
            process.start()
            process.join()
            if process.exitcode:
                print(f"{n:>6}  {name:<15}  failed (exit code {process.exitcode})")
                continue
            seconds, peak, value = results.get()
            fastest = fastest or seconds
            print(
                f"{n:>6}  {name:<15}{1e3 * seconds:>9.2f} ms{seconds / fastest:>11.0f}x"
                f"{peak:>11.0f} MB{value:>12.5f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
