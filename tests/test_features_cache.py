from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.features import cache as cache_module
from affectspace.features import extract
from affectspace.features.cache import Cache, default_root
from affectspace.features.work import Result
from backends import SPEC, Fake
from voices import voice, write

HERE = Path(__file__).parent


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    folder = tmp_path / "audio"
    folder.mkdir()
    return [
        write(folder / f"{number}.wav", voice(0.3 + number / 100, seed=number))
        for number in range(12)
    ]


def shards(root: Path) -> list[Path]:
    return sorted(root.rglob("*.parquet"))


def run(paths, root, tmp_path, **options) -> tuple[pd.DataFrame, int]:
    """Extract with the fake; return values, and how many signals were computed."""
    fake = Fake(diary=tmp_path / "diary", **options)
    before = fake.computed()
    table = extract(paths, features=fake, jobs=1, cache=root)
    assert table.ok.all()
    return table.values, fake.computed() - before


def test_a_second_run_computes_nothing_and_gives_the_same_bits(recordings, tmp_path):
    first = extract(recordings, cache=tmp_path / "c")
    again = extract(recordings, cache=tmp_path / "c", jobs=1)
    assert first.values.to_numpy().tobytes() == again.values.to_numpy().tobytes()
    pd.testing.assert_frame_equal(first.rows, again.rows)
    assert run(recordings, tmp_path / "d", tmp_path)[1] == 12
    assert run(recordings, tmp_path / "d", tmp_path)[1] == 0


def test_two_files_of_one_content_are_read_back_in_later_runs(recordings, tmp_path):
    twin = tmp_path / "twin.wav"
    shutil.copyfile(recordings[0], twin)
    both = [recordings[0], str(twin)]
    first, _ = run(both, tmp_path / "c", tmp_path)
    again, computed = run(both, tmp_path / "c", tmp_path)
    assert computed == 0
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(run([str(twin)], tmp_path / "c", tmp_path)[0], first[1:])


def test_a_shard_that_holds_a_key_twice_is_read(recordings, tmp_path):
    """As one written before contents were told apart from files."""
    run(recordings[:1], tmp_path / "c", tmp_path)
    cache = Cache(tmp_path / "c", SPEC)
    (key,) = cache.keys()
    ((_, result),) = cache.read([key])
    cache._write(cache_module._to_arrow([(key, result)] * 2))
    fresh = Cache(tmp_path / "c", SPEC)
    assert fresh.keys() == {key}
    assert len([*fresh.read([key])]) == 1


def test_content_counts_and_not_the_name(recordings, tmp_path):
    run(recordings, tmp_path / "c", tmp_path)
    renamed = shutil.copy(recordings[0], tmp_path / "other.wav")
    assert run([renamed], tmp_path / "c", tmp_path)[1] == 0
    write(Path(recordings[0]), voice(0.5, pitch=200))
    values, computed = run(recordings, tmp_path / "c", tmp_path)
    assert computed == 1
    assert values["length"].iloc[0] == 8000


def test_span_and_contract_count(recordings, tmp_path):
    from affectspace.tables import utterance_index

    run(recordings, tmp_path / "c", tmp_path)
    span = pd.DataFrame(index=utterance_index(recordings[:1], [0.05], [0.3]))
    assert run(span, tmp_path / "c", tmp_path)[1] == 1
    assert run(span, tmp_path / "c", tmp_path)[1] == 0
    for change in ({"level": "rms"}, {"channel": "mean"}, {"backend_version": "2"}):
        spec = replace(SPEC, **change)
        assert run(recordings, tmp_path / "c", tmp_path, spec=spec)[1] == 12
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 0


def test_reasons_in_the_content_are_cached_others_are_not(tmp_path):
    quiet = write(tmp_path / "quiet.wav", np.zeros(8000))
    broken = write(tmp_path / "nan.wav", voice(0.302))
    later = tmp_path / "later.wav"
    fake = Fake({302: "nan", 303: "raise"}, diary=tmp_path / "diary")
    failing = write(tmp_path / "failing.wav", voice(0.303))
    paths = [quiet, broken, later, failing]
    first = extract(paths, features=fake, cache=tmp_path / "c")
    assert first.rows["status"].to_list() == ["silent", "not_finite", "missing", "failed"]
    write(later, voice(0.4))
    again = extract(paths, features=Fake(diary=tmp_path / "diary2"), cache=tmp_path / "c")
    assert again.rows["status"].to_list() == ["silent", "not_finite", "ok", "ok"]
    assert again.rows["message"].to_list()[:2] == first.rows["message"].to_list()[:2]


def test_where_it_is(monkeypatch, tmp_path, recordings):
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "env"))
    assert default_root() == tmp_path / "env"
    run(recordings[:1], None, tmp_path)
    assert len(shards(tmp_path / "env" / f"{SPEC.hash}-{cache_module.RULES}")) == 1
    monkeypatch.delenv("AFFECTSPACE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_root() == tmp_path / "xdg" / "affectspace"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_root() == Path.home() / ".cache" / "affectspace"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_root() == Path.home() / "Library" / "Caches" / "affectspace"


# --- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 0.999])
def test_a_flipped_byte_is_noticed_wherever_it_is(recordings, tmp_path, share, caplog):
    values, _ = run(recordings, tmp_path / "c", tmp_path)
    (shard,) = shards(tmp_path / "c")
    data = bytearray(shard.read_bytes())
    data[int(share * len(data))] ^= 0xFF
    shard.write_bytes(data)
    again, computed = run(recordings, tmp_path / "c", tmp_path)
    assert computed == 12
    assert "is damaged" in caplog.text
    pd.testing.assert_frame_equal(again, values)
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 0


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_truncated_shard_is_computed_again(recordings, tmp_path, length):
    values, _ = run(recordings, tmp_path / "c", tmp_path)
    (shard,) = shards(tmp_path / "c")
    shard.write_bytes(shard.read_bytes()[:length])
    again, computed = run(recordings, tmp_path / "c", tmp_path)
    assert computed == 12
    pd.testing.assert_frame_equal(again, values)


def test_a_foreign_parquet_file_is_set_aside(recordings, tmp_path):
    run(recordings[:6], tmp_path / "c", tmp_path)
    folder = shards(tmp_path / "c")[0].parent
    pd.DataFrame({"other": [1]}).to_parquet(folder / "other.parquet")
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 6
    assert not (folder / "other.parquet").exists()


def test_only_the_damaged_shard_is_lost(recordings, tmp_path):
    run(recordings[:4], tmp_path / "c", tmp_path)
    (first,) = shards(tmp_path / "c")
    run(recordings, tmp_path / "c", tmp_path)
    first.write_bytes(b"nonsense")
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 4


def test_a_cache_that_can_not_be_written_costs_time_only(recordings, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    assert run(recordings, tmp_path / "file", tmp_path)[1] == 12
    assert "nothing more is cached" in caplog.text
    assert caplog.text.count("nothing more") == 1


def test_a_disk_that_fails_while_tidying_costs_nothing(tmp_path, monkeypatch, caplog):
    store = filled(tmp_path, 3)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(store, "_write", full)
    store.compact()
    assert "can't be tidied" in caplog.text
    assert len(store.keys()) == 3


# --- several runs, killed runs -----------------------------------------------------------------

SCRIPT = """
import signal
import sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where started in the background
from affectspace.features import cache, extract
from backends import Fake
cache.FLUSH_SECONDS = 0.1
folder, root, diary, sleep, jobs = sys.argv[1:]
fake = Fake(diary=Path(diary), sleep=float(sleep))
table = extract(sorted(Path(folder).iterdir()), features=fake, cache=root, jobs=int(jobs))
print(int(table.ok.sum()))
"""


def start(recordings, tmp_path, name="diary", sleep=0.0, jobs=1) -> subprocess.Popen:
    arguments = [Path(recordings[0]).parent, tmp_path / "c", tmp_path / name, sleep, jobs]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize(
    ("how", "jobs"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGINT, 2)]
)
def test_a_run_that_is_stopped_resumes(recordings, tmp_path, how, jobs):
    running = start(recordings, tmp_path, sleep=0.5, jobs=jobs)
    deadline = time.monotonic() + 30
    while lines(tmp_path / "diary") < 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(how)
    running.communicate(timeout=30)
    assert running.returncode != 0
    time.sleep(0.5)  # workers notice that the parent is gone
    started = lines(tmp_path / "diary")
    assert 8 <= started < 12
    (tmp_path / "diary").unlink()
    _, computed = run(recordings, tmp_path / "c", tmp_path)
    assert 12 - started <= computed <= 12 - 8 + 3 + jobs
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 0


def test_two_runs_at_once(recordings, tmp_path):
    runs = [start(recordings, tmp_path, f"diary{i}", sleep=0.05) for i in range(3)]
    answers = [running.communicate(timeout=60) for running in runs]
    assert [answer[0].split() for answer in answers] == [["12"]] * 3, answers
    assert run(recordings, tmp_path / "c", tmp_path)[1] == 0


def filled(root: Path, count: int) -> Cache:
    """Return a cache with `count` shards of one result each."""
    store = Cache(root, SPEC)
    for number in range(count):
        values = np.full(3, number, np.float32)
        store.add(
            bytes([number] * 16), Result("ok", "", 1.0, -20.0, 0.0, 0.5, 8000.0, 30.0, 0.0, values)
        )
        store.flush()
    return store


def test_a_shard_whose_results_were_found_in_another_one(tmp_path):
    """Two runs at once compute the same: by the time of the second shard nothing is wanted."""
    store = filled(tmp_path, 1)
    assert list(store._results(*shards(tmp_path), set())) == []


def test_many_shards_are_merged(tmp_path):
    filled(tmp_path, 20)
    assert len(shards(tmp_path)) == 20
    store = Cache(tmp_path, SPEC)
    keys = store.keys()
    assert (len(keys), len(shards(tmp_path))) == (20, 1)
    found = dict(store.read(keys))
    assert {key[0]: int(result.values[0]) for key, result in found.items()} == {
        number: number for number in range(20)
    }
    store.compact()  # nothing left to merge
    assert len(shards(tmp_path)) == 1


def test_merging_under_a_run_that_reads(tmp_path):
    filled(tmp_path, 5)
    reading = Cache(tmp_path, SPEC)
    keys = reading.keys()
    Cache(tmp_path, SPEC).compact()
    assert len(shards(tmp_path)) == 1
    assert len(dict(reading.read(keys))) == 5


def test_merging_twice_at_once(tmp_path, monkeypatch):
    filled(tmp_path, 5)
    one, two = Cache(tmp_path, SPEC), Cache(tmp_path, SPEC)
    load = one._load

    def load_while_the_other_merges(shard):
        table = load(shard)
        two.compact()
        return table

    monkeypatch.setattr(one, "_load", load_while_the_other_merges)
    one.compact()
    store = Cache(tmp_path, SPEC)
    assert len(dict(store.read(store.keys()))) == 5


def test_merging_leaves_large_shards(tmp_path, monkeypatch):
    store = filled(tmp_path, 4)
    monkeypatch.setattr(cache_module, "LARGE_SHARD", 10)
    store.compact()
    assert len(shards(tmp_path)) == 4


def test_merging_stops_where_a_shard_gets_large(tmp_path, monkeypatch):
    store = filled(tmp_path, 4)
    one = store._load(shards(tmp_path)[0]).nbytes
    monkeypatch.setattr(cache_module, "LARGE_SHARD", int(1.5 * one))
    monkeypatch.setattr(store, "_size", lambda shard: 0)
    store.compact()
    assert len(shards(tmp_path)) == 3
    assert len(store.keys()) == 4


def test_rows_that_two_runs_wrote_are_merged_into_one(tmp_path):
    filled(tmp_path, 3)
    store = Cache(tmp_path, SPEC)
    store.add(bytes([0] * 16), Result("ok", "", 2.0, values=np.zeros(3, np.float32)))
    store.add(bytes([1] * 16), Result("ok", "", 2.0, values=np.zeros(3, np.float32)))
    store.flush()
    store.compact()
    assert len(store.keys()) == 3
    assert len(list(store.read(store.keys()))) == 3


def test_flushing_by_time_and_by_size(tmp_path, monkeypatch):
    store = Cache(tmp_path, SPEC)
    result = Result("ok", values=np.zeros(3, np.float32))
    store.add(b"a" * 16, result)
    assert shards(tmp_path) == []
    monkeypatch.setattr(cache_module, "FLUSH_BYTES", 20)
    store.add(b"b" * 16, result)
    assert len(shards(tmp_path)) == 1
    monkeypatch.undo()
    monkeypatch.setattr(cache_module, "FLUSH_SECONDS", 0.0)
    store.add(b"c" * 16, result)
    assert len(shards(tmp_path)) == 2


def test_what_was_never_finished_is_removed(tmp_path):
    store = filled(tmp_path, 2)
    old, new = store.folder / ".old.tmp", store.folder / ".new.tmp"
    old.write_text("half")
    new.write_text("half")
    os.utime(old, (0, 0))
    store.compact()
    assert (old.exists(), new.exists()) == (False, True)


def test_nothing_is_said_where_all_is_well(recordings, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        run(recordings, tmp_path / "c", tmp_path)
        run(recordings, tmp_path / "c", tmp_path)
    assert caplog.text == ""
