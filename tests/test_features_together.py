"""Spans computed together: the same rows as one by one, whatever happens to some of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.features import extract, pool, work
from affectspace.features.composite import Composite
from affectspace.tables import utterance_index
from backends import SPEC, Fake, Together
from voices import noise, voice, write

MILLISECONDS = [400, 410, 302, 420, 301, 430, 440, 303, 450, 460]


def files(folder: Path, milliseconds: list[int] = MILLISECONDS) -> list[str]:
    return [
        write(folder / f"{number}-{length}.wav", voice(length / 1000, pitch=100 + number))
        for number, length in enumerate(milliseconds)
    ]


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines()


def statuses(table) -> list[str]:
    return table.rows["status"].to_list()


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("what", ["nan", "raise", "shape"])
def test_rows_are_those_of_one_by_one(tmp_path, what, jobs):
    paths = [*files(tmp_path), str(tmp_path / "missing.wav"), write(tmp_path / "n.wav", noise(1.0))]
    on = {301: what}
    together, alone = (
        extract(paths, features=backend, jobs=jobs, cache=False)
        for backend in (Together(on), Fake(on))
    )
    pd.testing.assert_frame_equal(together.rows, alone.rows)
    pd.testing.assert_frame_equal(together.values, alone.values)


def test_as_many_as_there_are_and_as_may_be(tmp_path, monkeypatch):
    paths = files(tmp_path)
    fake = Together(diary=tmp_path / "diary")
    extract(paths, features=fake, jobs=1, cache=False)
    assert lines(fake.diary) == ["together 10"]
    monkeypatch.setattr(work, "TOGETHER", 4)
    extract(paths, features=fake, jobs=1, cache=False)
    assert lines(fake.diary)[1:] == ["together 4", "together 4", "together 2"]
    monkeypatch.setattr(work, "TOGETHER_SAMPLES", 16 * 900)  # reached by the third
    extract(paths[:6], features=fake, jobs=1, cache=False)
    assert lines(fake.diary)[4:] == ["together 3", "together 3"]


def test_spans_of_a_file_and_recordings_in_memory_too(tmp_path):
    (path,) = files(tmp_path, [3000])
    index = utterance_index([path] * 3 + ["a", "b"], [0, 1, 2, 0, 0], [1, 2, 3, None, None])
    sources = {"a": (voice(0.5), 16_000), "b": Path(path).read_bytes()}
    fake = Together(diary=tmp_path / "diary")
    table = extract(pd.DataFrame(index=index), features=fake, sources=sources, jobs=1, cache=False)
    assert statuses(table) == ["ok"] * 5
    assert lines(fake.diary) == ["together 5"]


@pytest.mark.parametrize("jobs", [2, 3])
def test_a_crash_among_others_costs_its_span_only(tmp_path, jobs):
    paths = files(tmp_path, 5 * MILLISECONDS)
    fake = Together({301: "exit", 303: "segfault"}, diary=tmp_path / "diary")
    table = extract(paths, features=fake, jobs=jobs, cache=tmp_path / "cache")
    expected = ["failed" if length in (301, 303) else "ok" for length in 5 * MILLISECONDS]
    assert statuses(table) == expected
    assert any(line.startswith("together") for line in lines(fake.diary))
    alone = Counter(line for line in lines(fake.diary) if not line.startswith("together"))
    assert alone[str(301 * 16)] == alone[str(303 * 16)] == 5 * pool.TRIES
    again = extract(paths, features=Together(), jobs=jobs, cache=tmp_path / "cache")
    assert statuses(again) == ["ok"] * len(paths)  # what failed so isn't kept


def test_a_crash_of_several_spans_of_one_file(tmp_path):
    (path,) = files(tmp_path, [6000])
    ends = [0.4, 0.301, 0.5, 0.303, 0.6]
    table = extract(
        pd.DataFrame(index=utterance_index([path] * 5, None, ends)),
        features=Together({301: "exit", 303: "exit"}),
        jobs=2,
        cache=False,
    )
    assert statuses(table) == ["ok", "failed", "ok", "failed", "ok"]


def test_a_crash_in_one_set_of_two_spares_what_the_other_gives(tmp_path):
    paths = files(tmp_path)
    specs = replace(SPEC, name="left"), replace(SPEC, name="right")
    left, right = Together(spec=specs[0]), Fake({301: "exit"}, spec=specs[1])
    cache = tmp_path / "cache"
    table = extract(paths, features=Composite([left, right]), jobs=2, cache=cache)
    assert statuses(table) == ["failed" if ms == 301 else "ok" for ms in MILLISECONDS]
    counting = Together(spec=specs[0], diary=tmp_path / "diary")
    counting.diary.touch()
    assert statuses(extract(paths, features=counting, jobs=1, cache=cache)) == ["ok"] * len(paths)
    assert lines(counting.diary) == []


def test_a_recording_is_read_once_for_all_sets(tmp_path, monkeypatch):
    paths = files(tmp_path)
    read = Counter()
    reading = work.read_audio

    def counted(*arguments, **settings):
        read["audio"] += 1
        return reading(*arguments, **settings)

    monkeypatch.setattr(work, "read_audio", counted)
    left, right = (Fake(spec=replace(SPEC, name=name)) for name in ("left", "right"))
    cache = tmp_path / "cache"
    table = extract(paths, features=Composite([left, right]), jobs=1, cache=cache)
    assert read["audio"] == len(paths)
    extract(paths[:3], features=replace(left, spec=replace(SPEC, name="new")), jobs=1, cache=cache)
    assert read["audio"] == len(paths) + 3
    three = Composite([left, right, Fake(spec=replace(SPEC, name="new"))])
    again = extract(paths, features=three, jobs=1, cache=cache)
    assert read["audio"] == 2 * len(paths)  # of the third set seven were left to compute
    np.testing.assert_array_equal(again.values.to_numpy()[:, :6], table.values)


def test_native_together_is_native_alone(tmp_path):
    paths = [*files(tmp_path), write(tmp_path / "unvoiced.wav", noise(0.5))]
    together = extract(paths, features="native", jobs=1, cache=False)
    for path, values in zip(paths, together.values.to_numpy(), strict=True):
        alone = extract([path], features="native", jobs=1, cache=False).values.to_numpy()[0]
        np.testing.assert_allclose(values, alone, rtol=1e-4, atol=1e-4)
