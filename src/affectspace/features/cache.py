"""Features by audio content and contract, in Parquet files that never change once written.

A shard is named after the hash of its own bytes. So a damaged one is noticed wherever the damage
sits, and two runs that write the same write the same file. Small shards are merged into a new one
while others may be reading: whoever finds one gone looks again.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import sys
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from affectspace.audio import RULES
from affectspace.features.spec import FeatureSpec
from affectspace.features.work import Result

FLUSH_SECONDS = 10.0  # the most work that a killed run loses
FLUSH_BYTES = 16 * 2**20
MANY_SHARDS = 16
LARGE_SHARD = 32 * 2**20  # bytes; these aren't merged any more
STALE_SECONDS = 24 * 3600.0  # after which a file that was never finished is removed

_LOG = logging.getLogger(__name__)
_SCHEMA = pa.schema(
    [
        ("key", pa.binary(16)),
        ("status", pa.string()),
        ("message", pa.string()),
        ("duration", pa.float64()),
        ("level", pa.float64()),
        ("clipped_share", pa.float64()),
        ("voiced_share", pa.float64()),
        ("bandwidth", pa.float64()),
        ("snr", pa.float64()),
        ("truncated", pa.float64()),
        ("values", pa.binary()),  # little-endian float32
    ]
)


def default_root() -> Path:
    """Return where features are cached: `AFFECTSPACE_CACHE`, or the platform's place for caches."""
    if root := os.environ.get("AFFECTSPACE_CACHE"):
        return Path(root)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "affectspace"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "affectspace"


class Cache:
    """The cached results of one feature contract.

    What goes wrong with the files is logged and costs time only: results are computed again.

    Args:
        root: the folder of all caches.
        spec: the contract.
    """

    def __init__(self, root: Path, spec: FeatureSpec) -> None:
        self.folder = root / f"{spec.hash}-{RULES}"
        self._index: dict[bytes, Path] = {}
        self._new: dict[bytes, Result] = {}
        self._bytes = 0
        self._flushed = time.monotonic()
        self._writable = True

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()

    def keys(self) -> frozenset[bytes]:
        """Look up what is there, and tidy when there are many shards."""
        if len(self._shards()) > MANY_SHARDS:
            self.compact()
        self._look()
        return frozenset(self._index)

    def add(self, key: bytes, result: Result) -> None:
        """Take a result in; it is on disk after 10 seconds, 16 MB, or `flush`."""
        self._new[key] = result  # two files may have one content
        self._bytes += 0 if result.values is None else result.values.nbytes
        late = time.monotonic() - self._flushed > FLUSH_SECONDS
        if late or self._bytes > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was taken in since the last time."""
        new, self._new, self._bytes = list(self._new.items()), {}, 0
        self._flushed = time.monotonic()
        if not (new and self._writable):
            return
        try:
            self._write(_to_arrow(new))
        except OSError as error:
            self._writable = False
            _LOG.warning("%s can't be written (%s): nothing more is cached", self.folder, error)

    def read(self, keys: Collection[bytes]) -> Iterator[tuple[bytes, Result]]:
        """Read results.

        Args:
            keys: what is wanted.

        Yields:
            Those found, each once, in no particular order.
        """
        wanted = set(keys)
        for _ in range(2):  # the second time, what another run has moved meanwhile
            for shard in {self._index[key] for key in wanted if key in self._index}:
                for key, result in self._results(shard, wanted):
                    if key in wanted:  # earlier versions wrote a key twice into a shard
                        wanted.discard(key)
                        yield key, result
            if not wanted:
                return
            self._look()

    def compact(self) -> None:
        """Merge small shards into one; safe while other runs read and write."""
        self._remove_stale()
        merged: list[Path] = []
        tables: list[Any] = []
        for shard in self._shards():
            if sum(table.nbytes for table in tables) > LARGE_SHARD:
                break
            if self._size(shard) < LARGE_SHARD and (table := self._load(shard)) is not None:
                merged.append(shard)
                tables.append(table)
        if len(merged) < 2:
            return
        table = pa.concat_tables(tables)
        _, first = np.unique(table["key"].to_numpy(zero_copy_only=False), return_index=True)
        try:
            new = self._write(table.take(first))
        except OSError as error:
            _LOG.warning("%s can't be tidied: %s", self.folder, error)
            return
        for shard in merged:
            if shard != new:
                shard.unlink(missing_ok=True)

    def _shards(self) -> list[Path]:
        return sorted(self.folder.glob("*.parquet"))

    def _size(self, shard: Path) -> int:
        try:
            return shard.stat().st_size
        except FileNotFoundError:  # another run has merged it
            return LARGE_SHARD

    def _look(self) -> None:
        """Index the keys of all shards."""
        self._index = {}
        for shard in self._shards():
            try:
                with pq.ParquetFile(shard, page_checksum_verification=True) as file:
                    keys = file.read(columns=["key"])["key"].to_pylist()
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, pa.ArrowException) as error:
                self._set_aside(shard, error)
                continue
            self._index.update(dict.fromkeys(keys, shard))

    def _load(self, shard: Path) -> Any:
        """Read a whole shard, or return None where it is gone or damaged."""
        try:
            data = shard.read_bytes()
            if _name(data) != shard.name:
                raise ValueError("its content isn't what its name says")
            return pq.read_table(io.BytesIO(data), schema=_SCHEMA)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, pa.ArrowException) as error:
            self._set_aside(shard, error)
            return None

    def _results(self, shard: Path, wanted: set[bytes]) -> Iterator[tuple[bytes, Result]]:
        table = self._load(shard)
        if table is None:
            return
        keys = table["key"].to_pylist()
        rows = [row for row, key in enumerate(keys) if key in wanted]
        # none, where another shard had them as well
        for row in table.take(pa.array(rows, pa.int64())).to_pylist():
            key, values = row.pop("key"), row.pop("values")
            found = None if values is None else np.frombuffer(values, "<f4")
            yield key, Result(**row, values=found)

    def _write(self, table: Any) -> Path:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, write_page_checksum=True, use_dictionary=["status"])
        data = buffer.getvalue()
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / _name(data)
        beside = self.folder / f".{uuid.uuid4().hex}.tmp"
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        return path

    def _set_aside(self, shard: Path, error: Exception) -> None:
        _LOG.warning("%s is damaged (%s): its features are computed again", shard, error)
        self._index = {key: path for key, path in self._index.items() if path != shard}
        try:
            shard.replace(shard.with_suffix(".damaged"))
        except OSError as failure:
            _LOG.warning("%s can't be set aside: %s", shard, failure)

    def _remove_stale(self) -> None:
        before = time.time() - STALE_SECONDS
        for path in [*self.folder.glob(".*.tmp"), *self.folder.glob("*.damaged")]:
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
            except OSError as error:
                _LOG.info("%s can't be removed: %s", path, error)


def _name(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest() + ".parquet"


def _to_arrow(results: Iterable[tuple[bytes, Result]]) -> Any:
    rows = [
        {
            "key": key,
            **result._asdict(),
            "values": None if result.values is None else result.values.astype("<f4").tobytes(),
        }
        for key, result in results
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
