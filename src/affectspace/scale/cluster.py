"""The engine `ray`: parts as rows of a Ray dataset, computed by actors that load the model once."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from affectspace.errors import AffectspaceError, MissingExtraError
from affectspace.scale.local import Job, in_words
from affectspace.scale.shards import Record


def run_ray(
    job: Job, parts: Sequence[int], *, jobs: int | None = None, address: str | None = None
) -> Iterator[Record]:
    """Compute parts on a Ray cluster, whose actors write shards; no row comes through here.

    Args:
        job: what workers need; its folder must be the same for all nodes.
        parts: the numbers of the parts.
        jobs: how many actors; None is one per core of the cluster.
        address: of the cluster; None starts one on this machine, unless the caller has.

    Yields:
        As [`run_local`][affectspace.scale.local.run_local].

    Raises:
        AffectspaceError: as `run_local`; or when there is no cluster at the address.
        MissingExtraError: without the extra `ray`.
    """
    ray = load_ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, jobs, address)
    try:
        cores = int(ray.cluster_resources().get("CPU", 1))
        actors = min(jobs or cores, cores, len(parts))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = ray.data.from_items([{"part": n} for n in parts], override_num_blocks=len(parts))
        done = rows.map_batches(
            Actor,
            fn_constructor_args=(job,),
            batch_size=1,
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=max(1, actors)),
        )  # an actor that dies is started again, and its part tried again
        for row in done.iter_rows():
            reply = json.loads(row["reply"])
            if isinstance(reply, str):
                raise AffectspaceError(reply)
            yield reply
    finally:
        if ours:
            ray.shutdown()


def load_ray() -> Any:
    """Import Ray.

    Raises:
        MissingExtraError: without the extra `ray`.
    """
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingExtraError("ray[data]", "ray", "The engine ray") from None
    return ray


class Actor:
    """A worker on a cluster.

    Args:
        job: what it needs.
    """

    def __init__(self, job: Job) -> None:
        self._failure = ""
        try:
            self._embedder = job.embedder()
        except Exception as error:  # else Ray would start it again and again
            self._failure = in_words(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Compute the part of a batch, of which each has one."""
        return {"reply": np.array([json.dumps(self._reply(int(n))) for n in batch["part"]])}

    def _reply(self, number: int) -> Record | str:
        if self._failure:
            return self._failure
        try:
            return self._embedder.compute(number)
        except Exception as error:
            return in_words(error)


def _connect(ray: Any, jobs: int | None, address: str | None) -> None:
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:  # Ray itself tries for two minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise AffectspaceError(f"no Ray cluster at {address}: {error}") from None
    settings: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address is None:
        settings |= {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(address=address, **settings)
    except (ConnectionError, ValueError, RuntimeError) as error:
        where = "on this machine" if address is None else f"at {address}"
        raise AffectspaceError(f"no Ray cluster {where}: {error}") from None
