"""Recordings to embedding tables: every row, in order, with its status and cautions."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.audio import Content, Status, read_audio
from affectspace.errors import AudioError, ContractError, MissingExtraError, ModelError, TableError
from affectspace.features import backend, extract
from affectspace.model import Calibration, save_model
from affectspace.model.cautions import CLIPPING_FROM, NOISY_BELOW, QUIET_BELOW, Caution, cautions
from affectspace.model.recordings import gather
from affectspace.tables import read_table, utterance_index, write_table
from made_speech_model import speech_model
from voices import noise, voice, write

COLUMNS = [
    *("activation", "activation_low", "activation_high"),
    *("valence", "valence_low", "valence_high"),
    *("z1", "z2", "unusualness", "status", "message", "caution"),
    *("duration", "level", "clipped_share", "voiced_share", "bandwidth", "snr", "truncated"),
]
ESTIMATES = COLUMNS[:9]


@pytest.fixture(scope="module")
def model():
    return speech_model()


def files_of(table: pd.DataFrame) -> list[str]:
    return [Path(file).name for file in table.index.get_level_values("file")]


def test_numbers_are_those_of_the_steps_one_by_one(model, tmp_path):
    paths = [write(tmp_path / f"{i}.wav", voice(0.5 + i / 10, seed=i)) for i in range(3)]
    table = model.embed(paths, cache=False)
    assert list(table.columns) == COLUMNS
    for path, (_, row) in zip(paths, table.iterrows(), strict=True):
        signal = read_audio(path)
        features = backend("egemaps-lld")(signal.samples)[None]
        z = model.encode(features)
        for label, axis in (("activation", 0), ("valence", 1)):
            estimate = z[0, axis] + model.offsets[label]
            low, high = model.calibration.intervals[label]
            expected = np.clip([estimate, estimate + low, estimate + high], 1, 5)
            found = row[[label, f"{label}_low", f"{label}_high"]].astype(float)
            np.testing.assert_allclose(found, expected)
        np.testing.assert_allclose(row[["z1", "z2"]].astype(float), z[0])
        np.testing.assert_allclose(row["unusualness"], model.unusualness(features)[0])
        assert (row["duration"], row["level"]) == (signal.duration, signal.level)
        assert (row["status"], row["message"]) == ("ok", "")


def test_no_row_is_lost_and_none_that_failed_has_numbers(model, tmp_path):
    recordings = {
        write(tmp_path / "b good.wav", voice()): "ok",
        str(tmp_path / "missing.wav"): "missing",
        write(tmp_path / "é.wav", voice(0.1)): "too_short",
        write(tmp_path / "noise.wav", noise(1.0)): "unvoiced",
        write(tmp_path / "a.wav", voice(0.7)): "ok",
    }
    table = model.embed(list(recordings), cache=False)
    assert dict(zip(table.index.get_level_values("file"), table["status"], strict=True)) == (
        recordings
    )
    good = table["status"] == "ok"
    assert table.loc[good, ESTIMATES].notna().all(axis=None)
    assert table.loc[~good, ESTIMATES].isna().all(axis=None)
    assert (table.loc[~good, "caution"] == "").all()
    assert table.loc[good, "message"].eq("").all()
    assert not table.loc[~good, "message"].eq("").any()


def test_arrays_give_what_files_give(model, tmp_path):
    rates = {8_000: voice(0.8, 8_000), 16_000: voice(0.6), 44_100: voice(0.5, 44_100)}
    paths = [write(tmp_path / f"{r}.wav", x, r, subtype="FLOAT") for r, x in rates.items()]
    from_files = model.embed(paths, cache=False)
    from_arrays = model.embed([(x, rate) for rate, x in rates.items()])
    assert files_of(from_arrays) == ["signal-0", "signal-1", "signal-2"]
    pd.testing.assert_frame_equal(
        from_arrays.reset_index(drop=True), from_files.reset_index(drop=True)
    )


def test_audformats_indices_will_do(model, tmp_path):
    path = write(tmp_path / "a.wav", voice(0.8))
    filewise = pd.DataFrame({"emotion": ["joy"]}, index=pd.Index([path], name="file"))
    expected = model.embed([path], cache=False)
    pd.testing.assert_frame_equal(model.embed(filewise.index, cache=False), expected)
    pd.testing.assert_frame_equal(model.embed(expected.index, cache=False), expected)
    table = model.embed(filewise, cache=False)
    assert table["emotion"].tolist() == ["joy"]
    pd.testing.assert_frame_equal(table.drop(columns="emotion"), expected)


def test_samples_without_their_rate_are_no_recording(model):
    with pytest.raises(TypeError, match="a recording is a path"):
        model.embed((np.zeros(16_000),))


def test_arrays_and_files_in_one_list_keep_their_order(model, tmp_path):
    a, b = (write(tmp_path / f"{name}.wav", voice(0.5)) for name in "ab")
    silence = (np.zeros(16_000), 16_000)
    table = model.embed([b, (voice(0.5), 16_000), Path(a), silence], cache=False)
    assert files_of(table) == ["b.wav", "signal-1", "a.wav", "signal-3"]
    assert table["status"].tolist() == ["ok", "ok", "ok", "silent"]
    np.testing.assert_allclose(table["activation"].iloc[0], table["activation"].iloc[1], atol=0.01)


def test_one_array_stereo_integers(model):
    samples = np.round(voice(0.6) * 32767).astype(np.int16)
    one = model.embed((samples, 16_000.0))
    assert one.index.to_list()[0][:2] == ("signal", pd.Timedelta(0))
    stereo = np.stack([np.zeros_like(samples), samples])
    assert model.embed((stereo, 16_000))["status"].tolist() == ["silent"]
    other = model.embed((stereo, 16_000), channel=1)
    pd.testing.assert_frame_equal(other, one)
    assert model.embed((stereo, 16_000), channel=2)["status"].tolist() == ["no_channel"]
    assert model.embed((samples, 4_000))["status"].tolist() == ["sampling_rate"]


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(3), [np.zeros(3), 16_000], 7, [("a", "b", "c")], (np.zeros(3), "16000")],
)
def test_what_is_no_recording_is_a_type_error(model, wrong):
    with pytest.raises(TypeError, match=r"a path, a Content or a pair \(samples, sampling_rate\)"):
        model.embed(wrong)


def test_nothing_in_nothing_out(model):
    for nothing in ([], pd.DataFrame({"x": []}, utterance_index([]))):
        table = model.embed(nothing, cache=False)
        assert list(table.columns)[: len(COLUMNS)] == COLUMNS
        assert len(table) == 0
        assert table["activation"].dtype == "float64"


def test_columns_of_a_table_are_passed_on_and_never_overwritten(model, tmp_path):
    path = write(tmp_path / "a.wav", voice(1.2))
    index = utterance_index([path, path, "gone.wav", path], [0, 0.5, 0, 0], [0.5, None, None, 0.5])
    columns = {
        "speaker": ["x", "y", "z", "x"],
        "activation": [1.0, 2.0, 3.0, 1.0],
        "input_activation": [7, 8, 9, 7],
        "z3": [True, False, True, True],
        "start": ["s"] * 4,
    }
    given = pd.DataFrame(columns, index)
    table = model.embed(given, cache=False)
    assert list(table.columns) == [
        *COLUMNS,
        *("speaker", "input_activation", "input_input_activation", "input_z3", "input_start"),
    ]
    pd.testing.assert_index_equal(table.index, given.index)
    pd.testing.assert_frame_equal(
        table[table.columns[len(COLUMNS) :]].set_axis(given.columns, axis="columns"), given
    )
    assert table["status"].tolist() == ["ok", "ok", "missing", "ok"]
    assert table.iloc[0].equals(table.iloc[3])
    np.testing.assert_allclose(table["duration"], [0.5, 0.7, np.nan, 0.5])


def test_a_table_with_another_index_is_refused(model):
    index = pd.MultiIndex.from_tuples([("a.wav", 0)], names=["file", "begin"])
    with pytest.raises(TableError, match="index levels file, start, end"):
        model.embed(pd.DataFrame({"who": ["me"]}, index))


def test_the_table_says_by_which_model_and_parquet_keeps_it(model, tmp_path):
    table = model.embed((voice(), 16_000), channel="mean")
    facts = table.attrs["affectspace"]
    assert (facts["name"], facts["version"]) == ("voices", "1")
    assert facts["contract"] == model.spec.hash
    assert (facts["segment"], facts["channel"]) == ("none", "mean")
    write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").attrs["affectspace"] == facts


def test_estimates_on_the_scale_of_the_recordings(model, tmp_path):
    for i in range(12):
        write(tmp_path / f"{i:02}.wav", voice(0.4 + 0.05 * i, pitch=90 + 12 * i, seed=i))
    (tmp_path / "broken.wav").write_text("no audio")
    plain = model.embed(tmp_path)
    aligned = model.embed(tmp_path, align=True)
    scored = aligned["status"] == "ok"
    assert scored.sum() == 12
    table = extract(
        list(plain.index.unique("file")), features=model.spec.name, level=model.spec.level
    )
    expected = model.aligned(table).describe(table)
    np.testing.assert_allclose(aligned["activation"], expected["activation"])
    np.testing.assert_allclose(aligned["valence_high"], expected["valence_high"])
    pd.testing.assert_frame_equal(plain[["z1", "z2"]], aligned[["z1", "z2"]])
    assert (plain["activation"] != aligned["activation"])[scored].all()
    assert plain.attrs["affectspace"]["scale"] == "the model's"
    assert aligned.attrs["affectspace"]["scale"].startswith("aligned with 12 rows (")
    assert aligned.attrs["affectspace"]["name"] == "voices"
    with pytest.raises(TypeError, match="align should be True or False, not 'no'"):
        model.embed(tmp_path, align="no")
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "broken.wav").write_text("no audio")
    nothing = model.embed(tmp_path / "only", align=True)  # there is no collection to align with
    assert nothing["status"].tolist() == ["unreadable"]
    with pytest.raises(ModelError, match="can't be aligned"):  # before a recording is opened
        replace(model, calibration=None).embed(tmp_path / "only", align=True)


def test_the_level_rule_is_the_models(tmp_path):
    model = speech_model(level="rms:-26")
    loud, soft = (model.embed((gain * voice(), 16_000)) for gain in (1.0, 0.05))
    np.testing.assert_allclose(loud["activation"], soft["activation"], atol=0.02)
    assert soft["level"].iloc[0] < loud["level"].iloc[0] - 20


def test_a_model_that_can_not_take_recordings_says_why(model):
    with pytest.raises(ContractError, match="without a contract"):
        replace(model, spec=None).embed((voice(), 16_000))
    newer = replace(model, spec=replace(model.spec, backend_version="9.9"))
    with pytest.raises(ContractError, match=r"opensmile 9\.9"):
        newer.embed((voice(), 16_000))


def test_a_model_of_one_label_leaves_the_other_empty():
    model = speech_model()
    objective = type(model.objective)("metric-act", {"activation": ()})
    only = replace(model, objective=objective, offsets={"activation": 3.0}, calibration=None)
    table = only.embed((voice(0.8), 16_000))
    assert list(table.columns) == COLUMNS
    assert table["activation"].notna().all()
    assert table[["valence", "activation_low", "unusualness"]].isna().all(axis=None)
    assert table["caution"].tolist() == [""]


def test_a_second_run_computes_nothing(model, tmp_path, monkeypatch):
    paths = [write(tmp_path / f"{i}.wav", voice(0.5 + i / 10)) for i in range(2)]
    first = model.embed(paths, cache=tmp_path / "cache", jobs=1)
    monkeypatch.setattr("affectspace.features.work.read_audio", None)
    pd.testing.assert_frame_equal(model.embed(paths, cache=tmp_path / "cache", jobs=1), first)


# Cautions


def quality(**values: float) -> pd.DataFrame:
    usual = {"duration": 1.0, "level": -20.0, "clipped_share": 0.0, "bandwidth": 8000.0}
    return pd.DataFrame(
        {**usual, "snr": 30.0, "truncated": 0.0, "unusualness": 0.5, **values}, index=[0]
    )


SCORED = np.array([True])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ""),
        ({"duration": 0.39}, "short"),
        ({"duration": 0.4}, ""),
        ({"duration": 2.0}, ""),
        ({"duration": 2.01}, "long"),
        ({"bandwidth": 3400.0}, "band_limited"),
        ({"level": QUIET_BELOW - 0.1}, "quiet"),
        ({"level": QUIET_BELOW}, ""),
        ({"clipped_share": CLIPPING_FROM}, "clipping"),
        ({"snr": NOISY_BELOW - 0.1}, "noisy"),
        ({"snr": NOISY_BELOW}, ""),
        ({"snr": np.nan, "truncated": np.nan}, ""),
        ({"truncated": 0.5}, "truncated"),
        ({"unusualness": 0.99}, ""),
        ({"unusualness": 1.0}, "unusual"),
        ({"unusualness": np.nan, "duration": np.nan, "level": np.nan}, ""),
        ({"duration": 9.0, "level": -70.0, "unusualness": 1.0}, "long;quiet;unusual"),
    ],
)
def test_each_caution_has_its_limit(values, expected):
    calibration = Calibration(0.9, {}, np.array([0.0, 1.0]), (0.4, 2.0))
    assert cautions(quality(**values), calibration, SCORED).tolist() == [expected]


def test_without_calibration_no_duration_is_doubted():
    assert cautions(quality(duration=1e4), None, SCORED).tolist() == [""]


def test_what_is_not_scored_has_no_caution():
    assert cautions(quality(level=-90.0), None, ~SCORED).tolist() == [""]


def test_cautions_of_real_signals(model):
    doubtful = {
        "long": (voice(2.5), 16_000),
        "short": (voice(0.3), 16_000),
        "band_limited": (voice(1.0, 8_000), 8_000),
        "quiet": (0.002 * voice(), 16_000),
        "clipping": (np.clip(voice() / np.quantile(np.abs(voice()), 0.97), -1, 1), 16_000),
    }
    table = model.embed(list(doubtful.values()))
    assert table["status"].eq("ok").all()
    for caution, words in zip(doubtful, table["caution"], strict=True):
        assert caution in words.split(";")


def test_noise_and_a_cut_file_are_doubted(model, tmp_path):
    speech = np.concatenate([voice(1.0), np.zeros(16_000, np.float32)])
    hiss = noise(2.0)
    noisy = write(tmp_path / "noisy.wav", 0.3 * speech + 0.4 * hiss)
    quiet = write(tmp_path / "quiet.wav", 0.3 * speech + hiss / 100)
    cut = tmp_path / "cut.wav"
    cut.write_bytes(Path(quiet).read_bytes()[:-9_600])
    table = model.embed([noisy, quiet, cut], cache=False)
    assert [set(words.split(";")) & {"noisy", "truncated"} for words in table["caution"]] == [
        {"noisy"},
        set(),
        {"truncated"},
    ]
    assert table["snr"].iloc[0] < 12 < table["snr"].iloc[1]
    assert table["truncated"].tolist() == pytest.approx([0, 0, 0.3], abs=0.002)


def test_every_caution_has_a_sentence():
    for caution in Caution:
        assert caution.sentence
    assert not set(Caution) & set(Status)


# Segments


def times_of(table: pd.DataFrame) -> list[tuple[float, float]]:
    levels = table.index.to_frame()
    return [
        (start.total_seconds(), end.total_seconds())
        for start, end in zip(levels["start"], levels["end"], strict=True)
    ]


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_windows_of_a_file_and_of_an_array_are_the_same(model, tmp_path, rate):
    samples = np.concatenate([voice(1.0, rate), np.zeros(rate), voice(0.9, rate, pitch=200)])
    path = write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    from_file = model.embed(path, segment="0.5:0.25", cache=False)
    from_array = model.embed((samples, rate), segment="0.5:0.25")
    assert times_of(from_file)[:3] == [(0.0, 0.5), (0.25, 0.75), (0.5, 1.0)]
    assert times_of(from_array) == times_of(from_file)
    assert set(from_file["status"]) == {"ok", "silent"}
    pd.testing.assert_frame_equal(
        from_array.reset_index(drop=True), from_file.reset_index(drop=True)
    )


def test_a_segment_is_what_the_same_samples_are_alone(model):
    samples = voice(2.0)
    table = model.embed((samples, 16_000), segment="0.8")
    for (start, end), (_, row) in zip(times_of(table), table.iterrows(), strict=True):
        part = samples[round(start * 16_000) : round(end * 16_000)]
        alone = model.embed((part, 16_000)).iloc[0]
        pd.testing.assert_series_equal(row, alone, check_names=False)


def test_segments_keep_the_order_and_the_columns_of_the_input(model, tmp_path):
    long, short = (write(tmp_path / f"{s}.wav", voice(s)) for s in (1.2, 0.5))
    index = utterance_index([long, "gone.wav", short, long], [0, 0, 0, 0.4], [None] * 3 + [1.0])
    given = pd.DataFrame({"speaker": list("abcd"), "row": [1, 2, 3, 4]}, index)
    table = model.embed(given, segment="0.4", cache=False)
    assert table["speaker"].tolist() == ["a", "a", "a", "b", "c", "d"]
    assert table["row"].tolist() == [1, 1, 1, 2, 3, 4]
    assert times_of(table)[-1] == (0.4, 1.0)
    assert table["status"].tolist() == ["ok", "ok", "ok", "missing", "ok", "ok"]
    assert table.attrs["affectspace"]["segment"] == "0.4"


def test_files_and_arrays_are_cut_in_their_order(model, tmp_path):
    path = write(tmp_path / "a.wav", voice(0.8))
    recordings = [(voice(0.8), 16_000), path, (np.zeros(0), 16_000), (voice(0.4), 16_000)]
    table = model.embed(recordings, segment="0.4", cache=False)
    assert files_of(table) == ["signal-0"] * 2 + ["a.wav"] * 2 + ["signal-2", "signal-3"]
    assert table["status"].tolist() == ["ok"] * 4 + ["empty", "ok"]
    assert model.embed([], segment="0.4").shape == (0, len(COLUMNS))


def test_spans_of_speech_or_a_row_that_says_there_is_none(model, tmp_path, monkeypatch):
    """What is speech, the room `segments` holds; here, what becomes of it."""

    def found(blocks):
        samples = np.concatenate(list(blocks))
        frames = np.array_split(samples, -(-len(samples) // 512))
        return np.array([np.abs(frame).max() > 0.01 for frame in frames], np.float32)

    home = importlib.import_module("affectspace.segments.speech")
    monkeypatch.setattr(home, "speech_probabilities", found)
    pause = np.zeros(32_000)
    samples = np.concatenate([pause, voice(1.0), pause, voice(0.6), pause]).astype(np.float32)
    path = write(tmp_path / "a.wav", samples, subtype="FLOAT")
    quiet = write(tmp_path / "quiet.wav", np.zeros(48_000))
    from_file = model.embed([path, quiet], segment="speech", cache=False, jobs=1)
    from_array = model.embed(
        [(samples, 16_000), (np.zeros(48_000), 16_000)], segment="speech", jobs=1
    )
    for table in (from_file, from_array):
        assert table["status"].tolist() == ["ok", "ok", "no_speech"]
        assert table["message"].iloc[2] == Status.NO_SPEECH.sentence
        assert times_of(table)[0] == pytest.approx((1.9, 3.1), abs=0.1)
        assert times_of(table)[1] == pytest.approx((4.9, 5.7), abs=0.1)
        assert pd.isna(table.index[2][2])
    np.testing.assert_allclose(from_array["activation"], from_file["activation"])


def test_other_words_are_no_segmentation(model):
    with pytest.raises(ValueError, match="a segmentation is 'none', 'speech'"):
        model.embed((voice(), 16_000), segment="words")


# What comes in


def test_gather_keeps_order_and_numbers(tmp_path):
    found = gather(["a.wav", (np.zeros(3), 16_000), (np.zeros(3), 8_000), "b.wav"])
    assert found.table.index.get_level_values("file").tolist() == [
        *("a.wav", "signal-1", "signal-2", "b.wav")
    ]
    rates = {name: rate for name, (_, rate) in found.sources.items()}
    assert rates == {"signal-1": 16_000, "signal-2": 8_000}


def test_contents_are_read_as_the_files_are(model, tmp_path):
    paths = [write(tmp_path / f"{name}.wav", voice(0.8 + i / 5)) for i, name in enumerate("ab")]
    contents = [Content(Path(path).name, Path(path).read_bytes()) for path in paths]
    given = [contents[0], paths[1], Content("broken.wav", b"RIFF and nothing"), contents[1]]
    for segment in ("none", "0.4"):
        table = model.embed(given, segment=segment)
        broken = table["status"].eq("unreadable").to_numpy()
        assert files_of(table[broken]) == ["broken.wav"]
        first, second = (model.embed(path, segment=segment, cache=False) for path in paths)
        expected = pd.concat([first, second, second]).reset_index(drop=True)
        pd.testing.assert_frame_equal(table[~broken].reset_index(drop=True), expected)
    with pytest.raises(TableError, match=r"called 'a\.wav'"):
        model.embed([contents[0], contents[0]])


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_contents_in_processes(model, tmp_path, jobs):
    data = Path(write(tmp_path / "a.wav", voice(0.6))).read_bytes()
    table = model.embed([Content(f"{i}.wav", data) for i in range(6)], jobs=jobs, cache=False)
    assert files_of(table) == [f"{i}.wav" for i in range(6)]
    np.testing.assert_allclose(table["z1"], table["z1"].iloc[0], rtol=1e-9)


def test_addresses_are_read_as_files_are(model, tmp_path):
    path = write(tmp_path / "a.wav", voice(0.8))
    address = f"file://{path}"
    inside = f"tar://a.wav::{tmp_path}/shard.tar"
    with tarfile.open(tmp_path / "shard.tar", "w") as tar:
        tar.add(path, "a.wav")
    gone = f"file://{tmp_path}/gone.wav"
    write_table(pd.DataFrame(index=utterance_index([address, gone, inside])), tmp_path / "t.csv")
    table = model.embed(tmp_path / "t.csv", jobs=2)
    assert table.index.get_level_values("file").to_list() == [address, gone, inside]
    assert table["status"].to_list() == ["ok", "missing", "ok"]
    expected = pd.concat([model.embed(path, cache=False)] * 2).reset_index(drop=True)
    pd.testing.assert_frame_equal(table.iloc[[0, 2]].reset_index(drop=True), expected)
    assert model.embed(address, segment="0.4", cache=False)["status"].to_list() == ["ok", "ok"]


def test_a_host_that_does_not_answer_is_no_missing_file(model):
    row = model.embed("http://127.0.0.1:9/a.wav", cache=False).iloc[0]
    assert row["status"] == "unreadable"
    assert "connect" in row["message"].lower()


def test_what_no_address_can_be(model, monkeypatch):
    with pytest.raises(AudioError, match="nosuch:// can't be opened"):
        model.embed("nosuch://a.wav")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="fsspec"):
        model.embed("file:///a.wav")


def test_overhead_is_one_batch(model, tmp_path, monkeypatch):
    """The model sees all rows at once, so embedding costs little more than extraction."""
    calls = []
    monkeypatch.setattr(
        "affectspace.model.affect.AffectModel.describe",
        lambda self, features: calls.append(len(features)) or describe(self, features),
    )
    paths = [write(tmp_path / f"{i}.wav", voice(0.4)) for i in range(6)]
    table = model.embed([*paths, (voice(), 16_000)], cache=False, jobs=1)
    assert calls == [7]
    values = extract(paths, features="egemaps-lld", cache=False, jobs=1).values
    np.testing.assert_allclose(table[["z1", "z2"]].iloc[:6], model.encode(values))


describe = type(speech_model()).describe


# What it needs

ALONE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "sklearn", "scipy", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
folder, wav = sys.argv[1:]
import numpy as np
from affectspace import hear, load_model
from affectspace.cli import app

table = load_model(folder).embed([wav, (np.zeros(16000), 16000)], jobs=2)
assert table["status"].tolist() == ["ok", "silent"], table
assert hear.get_scene_embeddings(np.zeros((1, 16000)), hear.load_model(folder)).shape == (1, 2)
page = folder + "/page.html"
options = ["--model", folder, "-o", folder + "/o.csv", "--report", page, "--segment", "1"]
app(["embed", wav, *options])
"""


def test_neither_torch_nor_the_rest_of_the_extra_is_needed(model, tmp_path):
    folder = save_model(model, tmp_path / "model")
    path = write(tmp_path / "a.wav", voice())
    run = subprocess.run(
        [sys.executable, "-c", ALONE, str(folder), path],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "AFFECTSPACE_CACHE": str(tmp_path / "cache")},
    )
    assert run.returncode == 0, run.stderr
    assert (folder / "page.html").stat().st_size > 1000
    assert len(read_table(folder / "o.csv")) == 1


def test_a_frame_with_a_column_file_is_a_table(model, tmp_path):
    path = write(tmp_path / "a.wav", voice(2.0))
    frame = pd.DataFrame(
        {"file": [path, path], "start": [0.0, 0.5], "end": [1.5, None], "who": "me"}
    )
    found = model.embed(frame, cache=False)
    assert found.index.equals(utterance_index([path, path], [0, 0.5], [1.5, None]))
    assert found["who"].tolist() == ["me", "me"]
    assert found["status"].tolist() == ["ok", "ok"]
    with pytest.raises(TableError, match="or a column 'file'; this one has the columns who"):
        model.embed(frame[["who"]])


def test_an_array_the_other_way_round_says_so(model):
    stereo = np.stack([voice(), voice()], axis=1)
    found = model.embed([(stereo, 16_000), (stereo.T, 16_000)], cache=False)
    assert found["status"].tolist() == ["failed", "ok"]
    assert "looks like (n, channels), as soundfile gives it" in found["message"].iloc[0]


def test_a_number_of_seconds_is_a_segment(model):
    samples = (voice(3.0), 16_000)
    numbered = model.embed(samples, segment=1, cache=False)
    assert len(numbered) == 3
    pd.testing.assert_frame_equal(numbered, model.embed(samples, segment="1", cache=False))


def test_silence_in_one_of_two_channels_says_that_there_is_another(model):
    right = np.stack([np.zeros(16_000, np.float32), voice()])
    found = model.embed((right, 16_000), cache=False)
    assert found["status"].tolist() == ["silent"]
    assert "the recording has 2" in found["message"].iloc[0]
    assert model.embed((right, 16_000), channel=1, cache=False)["status"].tolist() == ["ok"]


def test_a_model_is_shown_in_one_line(model):
    assert repr(model).startswith("<AffectModel ")
    assert len(repr(model)) < 100


def test_windows_of_rows_that_overlap_come_once(model, tmp_path, caplog):
    path = write(tmp_path / "a.wav", voice(4.0))
    rows = pd.DataFrame({"who": ["one", "two"]}, utterance_index([path] * 2, [0, 1], [3, 4]))
    found = model.embed(rows, segment="1", cache=False)
    assert found["who"].tolist() == ["one", "one", "one", "two"]
    assert "2 segments belong to several rows" in caplog.text
    write_table(found, tmp_path / "found.csv")
    assert len(read_table(tmp_path / "found.csv")) == 4
