from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from affectspace.audio import Status
from affectspace.errors import AffectspaceError, ContractError, TableError
from affectspace.features import backend, extract, work
from affectspace.processes import available_cores
from affectspace.tables import utterance_index
from backends import SPEC, Fake, Products, Threads, Unstartable
from voices import encoded, noise, voice, write

HERE = Path(__file__).parent


def files(folder: Path, milliseconds: list[int]) -> list[str]:
    return [
        write(folder / f"{number}-{length}.wav", voice(length / 1000, pitch=100 + number))
        for number, length in enumerate(milliseconds)
    ]


def statuses(table) -> list[str]:
    return table.rows["status"].to_list()


@pytest.mark.parametrize("name", ["egemaps", "egemaps-lld", "compare"])
def test_values_are_those_of_the_backend(tmp_path, name):
    paths = files(tmp_path, [500, 700])
    table = extract(paths, features=name, cache=False)
    assert table.spec == backend(name).spec
    for path, values in zip(paths, table.values.to_numpy(), strict=True):
        samples = work.read_audio(path).samples
        np.testing.assert_array_equal(values, backend(name)(samples))


def test_one_path_is_a_file_or_a_folder_of_them(tmp_path):
    paths = files(tmp_path, [500, 700])
    whole = extract(tmp_path, cache=False)
    pd.testing.assert_frame_equal(whole.values, extract(paths, cache=False).values)
    for one in (paths[1], Path(paths[1]), os.fsencode(paths[1])):
        pd.testing.assert_frame_equal(extract(one, cache=False).values, whole.values[1:])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError):
        extract(str(tmp_path / "empty"), cache=False)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("cached", [True, False])
def test_every_row_comes_back_with_its_status(tmp_path, jobs, cached):
    rows = {
        write(tmp_path / "good.wav", voice()): "ok",
        str(tmp_path / "missing.wav"): "missing",
        write(tmp_path / "short.wav", voice(0.1)): "too_short",
        write(tmp_path / "silent.wav", np.zeros(16_000)): "silent",
        write(tmp_path / "noise.wav", noise(1.0)): "unvoiced",
        write(tmp_path / "raise.wav", voice(0.301)): "failed",
        write(tmp_path / "nan.wav", voice(0.302)): "not_finite",
        write(tmp_path / "shape.wav", voice(0.303)): "failed",
        write(tmp_path / "empty.wav", np.zeros(0)): "empty",
        str(tmp_path): "unreadable",
        write(tmp_path / "narrow.wav", voice(1.0, 8_000), 8_000): "ok",
    }
    fake = Fake({301: "raise", 302: "nan", 303: "shape"})
    table = extract(list(rows), features=fake, jobs=jobs, cache=tmp_path / "c" if cached else False)
    assert statuses(table) == list(rows.values())
    assert table.values.isna().all(axis=1).to_list() == [word != "ok" for word in rows.values()]
    assert table.rows["band_limited"].to_list()[0] is False
    assert table.rows["band_limited"].to_list()[-1] is True
    messages = dict(zip(rows.values(), table.rows["message"], strict=True))
    assert messages["ok"] == ""
    assert "expected 3 features, got (2,)" in messages["failed"]
    assert table.rows["message"].iloc[5] == "features could not be computed: RuntimeError: as told"
    assert not any(str(tmp_path) in message for message in table.rows["message"])


def test_order_index_columns_and_duplicates_stay(tmp_path):
    one, two = files(tmp_path, [2000, 900])
    index = utterance_index(
        [two, one, one, two, one], [0, 0.5, 0, 0, 0.5], [None, 1.25, None, None, 1.25]
    )
    utterances = pd.DataFrame({"speaker": list("abcde")}, index=index)
    fake = Fake(diary=tmp_path / "diary")
    table = extract(utterances, features=fake, jobs=1, cache=False)
    pd.testing.assert_index_equal(table.values.index, index)
    pd.testing.assert_index_equal(table.rows.index, index)
    assert table.rows["speaker"].to_list() == list("abcde")
    assert table.values["length"].to_list() == [14_400, 12_000, 32_000, 14_400, 12_000]
    assert table.rows["duration"].to_list() == [0.9, 0.75, 2.0, 0.9, 0.75]
    assert fake.computed() == 3


def test_spans_in_processes_are_those_of_one_process(tmp_path):
    (path,) = files(tmp_path, [40_000])
    starts = np.arange(0, 39, 0.25)
    index = utterance_index([path] * len(starts), starts, starts + 0.5)
    frame = pd.DataFrame(index=index)
    here, there = (extract(frame, features=Fake(), jobs=jobs, cache=False) for jobs in (1, 2))
    assert here.ok.all()
    pd.testing.assert_frame_equal(here.values, there.values)
    pd.testing.assert_frame_equal(here.rows, there.rows)


def test_workers_share_the_cores(tmp_path, monkeypatch):
    if "OMP_NUM_THREADS" in os.environ:
        pytest.skip("the environment says how many threads")
    monkeypatch.setattr("affectspace.features.pool.available_cores", lambda: 7)
    paths = files(tmp_path, [300, 310, 320, 330, 340, 350])
    for jobs, threads in ((2, 3), (3, 2)):
        table = extract(paths, features=Threads(), jobs=jobs, cache=False)
        assert set(table.values["threads"]) == {threads}


@pytest.mark.parametrize("jobs", [1, 2])
def test_products_run_in_one_thread_and_afterwards_as_before(tmp_path, jobs):
    with threadpool_limits(2, user_api="blas"):
        table = extract(files(tmp_path, [400, 500]), features=Products(), jobs=jobs, cache=False)
        threads = {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}
    assert threads == {2}
    assert table.values["threads"].to_list() == [1, 1]


def test_long_files_are_not_held_in_memory(tmp_path, monkeypatch):
    paths = files(tmp_path, [800])
    short = extract(paths, features=Fake(), cache=tmp_path / "c")
    monkeypatch.setattr(work, "IN_MEMORY", 1000)
    fake = Fake(diary=tmp_path / "diary")
    long = extract(paths, features=fake, cache=tmp_path / "c")
    assert fake.computed() == 0  # the same content has the same key
    pd.testing.assert_frame_equal(long.values, short.values)
    pd.testing.assert_frame_equal(extract(paths, features=fake, cache=False).values, short.values)


def test_a_long_file_is_hashed_once_and_again_when_it_changes(tmp_path, monkeypatch):
    (path,) = files(tmp_path, [5000])
    monkeypatch.setattr(work, "IN_MEMORY", 1000)
    monkeypatch.setattr("affectspace.features.batch.SPANS_PER_TASK", 2)
    starts = np.arange(0, 4, 0.25)
    frame = pd.DataFrame(index=utterance_index([path] * len(starts), starts, starts + 0.5))
    before = work._digest_of.cache_info().misses
    first = extract(frame, features=Fake(), jobs=1, cache=tmp_path / "c")
    assert work._digest_of.cache_info().misses == before + 1
    write(Path(path), 0.5 * voice(5.0, pitch=100))
    second = extract(frame, features=Fake(), jobs=1, cache=tmp_path / "c")
    assert (second.values["peak"] < first.values["peak"]).all()


def test_a_file_is_opened_once_for_many_spans(tmp_path, monkeypatch):
    from affectspace.audio import decode

    openings = []
    opening = decode._open
    monkeypatch.setattr(decode, "_open", lambda file: openings.append(1) or opening(file))
    (path,) = files(tmp_path, [5000])
    starts = np.arange(0, 4, 0.25)
    index = utterance_index([path] * len(starts), starts, starts + 0.5)
    assert extract(pd.DataFrame(index=index), features=Fake(), jobs=1, cache=False).ok.all()
    assert len(openings) == 1


def test_no_rows_and_few_rows(tmp_path):
    assert extract([], features="egemaps", cache=False).values.shape == (0, 88)
    fake = Fake({300: "interrupt"})
    with pytest.raises(KeyboardInterrupt):  # it ran in this process
        extract(files(tmp_path, [300]), features=fake, cache=False)


def test_channel_and_level_rules_are_applied_and_recorded(tmp_path):
    left, right = voice(), 0.1 * voice(pitch=200)
    path = write(tmp_path / "pair.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    second = extract([path], channel=1, level="rms:-30", cache=False)
    assert (second.spec.channel, second.spec.level) == (1, "rms:-30")
    expected = work.scale_to_level(right, -30)
    np.testing.assert_array_equal(second.values.to_numpy()[0], backend("native")(expected))
    assert second.rows["level"].iloc[0] < -35  # as recorded


def test_without_pyav_rows_say_what_is_needed_and_that_is_not_cached(tmp_path, monkeypatch):
    path = tmp_path / "voice.m4a"
    path.write_bytes(encoded(voice()[None], 16_000, "mp4", "aac"))
    monkeypatch.setitem(sys.modules, "av", None)
    table = extract([path], features=Fake(), cache=tmp_path / "c")
    assert statuses(table) == ["needs_av"]
    assert "-c constraints.txt '.[av]'" in table.rows["message"].iloc[0]
    monkeypatch.undo()
    assert statuses(extract([path], features=Fake(), cache=tmp_path / "c")) == ["ok"]


def test_relative_paths_hold_in_workers(tmp_path, monkeypatch):
    files(tmp_path, [400] * 5)
    monkeypatch.chdir(tmp_path)
    names = sorted(path.name for path in tmp_path.glob("*.wav"))
    table = extract(names, features=Fake(), jobs=2, cache=False)
    assert table.ok.all()
    assert table.rows.index.get_level_values("file").to_list() == names


def test_mistakes_of_the_caller(tmp_path):
    with pytest.raises(ContractError, match="no feature set"):
        extract([], features="mfcc")
    with pytest.raises(ContractError, match="level rule"):
        extract([], level="loud")
    with pytest.raises(ContractError, match="16000 Hz"):
        extract([], features=Fake(spec=replace(SPEC, sampling_rate=8_000)))
    with pytest.raises(ValueError, match="at least 1"):
        extract([], jobs=0)
    with pytest.raises(TableError, match="file, start, end"):
        extract(pd.DataFrame({"file": ["a.wav"]}))


# --- crashes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "said"), [("exit", "exit code 3"), ("segfault", "signal 11")])
@pytest.mark.parametrize("jobs", [2, 3])
def test_a_crash_costs_its_file_only(tmp_path, how, said, jobs):
    lengths = [400, 410, 301, 420, 430, 440, 301, 450, 460, 470, 480, 490]
    paths = files(tmp_path, lengths)
    fake = Fake({301: how})
    table = extract(paths, features=fake, jobs=jobs, cache=tmp_path / "c")
    expected = ["failed" if length == 301 else "ok" for length in lengths]
    assert statuses(table) == expected
    assert said in table.rows["message"].iloc[2]
    assert statuses(extract(paths, features=Fake(), cache=tmp_path / "c")) == ["ok"] * 12


def test_a_crash_in_the_middle_of_a_file_costs_its_span_only(tmp_path):
    (path,) = files(tmp_path, [6000])
    ends = [0.4, 0.301, 0.5, 0.6]
    index = utterance_index([path] * 4, None, ends)
    table = extract(pd.DataFrame(index=index), features=Fake({301: "exit"}), jobs=2, cache=False)
    assert statuses(table) == ["ok", "failed", "ok", "ok"]


def test_a_worker_that_is_killed_once_costs_nothing(tmp_path):
    paths = files(tmp_path, [400, 301, 420, 430, 440, 450])
    fake = Fake({301: "exit once"}, diary=tmp_path / "diary")
    assert statuses(extract(paths, features=fake, jobs=2, cache=False)) == ["ok"] * 6


def test_workers_that_can_not_start_are_an_error(tmp_path):
    with pytest.raises(AffectspaceError, match=r"can't start \(exit code 5\)"):
        extract(files(tmp_path, [400] * 5), features=Unstartable(), jobs=2, cache=False)


def test_a_script_needs_no_main_guard(tmp_path):
    paths = files(tmp_path, [400] * 5)
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom affectspace.features import extract\n"
        "print(extract(sys.argv[1:], jobs=2, cache=False).ok.sum())\n"
    )
    run = subprocess.run(
        [sys.executable, script, *paths], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["5"]


def test_cores():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_no_workers_stay_after_an_error(tmp_path):
    import multiprocessing

    def fail(*_):
        raise RuntimeError("full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("affectspace.features.cache.Cache.add", fail)
        with pytest.raises(RuntimeError, match="full"):
            extract(files(tmp_path, [400] * 6), features=Fake(), jobs=2, cache=tmp_path / "c")
    time.sleep(0.1)
    assert multiprocessing.active_children() == []


@pytest.mark.real
def test_egemaps_finds_no_voice_where_we_find_none(data_root: Path):
    names = ("emovo/m1/tri-m1-d1", "emovo/m1/tri-m1-d2", "emovo/m1/dis-m1-d1")
    paths = [data_root / "corpora" / f"{name}.flac" for name in (*names, "urdu/Sad/SM23_F2_S08")]
    assert set(statuses(extract(paths, cache=False))) == {Status.UNVOICED}
    column = backend("egemaps").spec.features.index("VoicedSegmentsPerSec")
    for path in paths:
        import soundfile

        samples, rate = soundfile.read(path, dtype="float32")
        signal = work.scale_to_level(samples[:: round(rate / 16_000)], -20)
        assert backend("egemaps")(signal)[column] == 0
