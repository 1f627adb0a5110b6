from __future__ import annotations

import io
import json
import logging
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace import tables
from affectspace.audio.names import locate
from affectspace.errors import MissingExtraError, TableError


def table_of(files: list[str], **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(columns, index=tables.utterance_index(files))


@pytest.fixture
def table() -> pd.DataFrame:
    index = tables.utterance_index(
        ["a/b.wav", "c d.wav", "é.wav"], [0, 1.25, "0 days 00:00:01"], [None, 2.000000001, pd.NaT]
    )
    frame = pd.DataFrame({"activation": [1.0, np.nan, 4.5], "age": [20.0, np.nan, 31.0]}, index)
    frame["speaker"] = tables.text_column(["01", "2", None]).array
    frame["emotion"] = tables.text_column(["anger", "NA", "None"]).array
    frame["intensity"] = tables.text_column([None, None, None]).array
    frame["loudness"] = [0.1, 0.2, np.nan]
    frame["take"] = tables.text_column(["a", None, "b"]).array
    return frame


# The index


def test_index_has_audformats_levels_and_dtypes(table: pd.DataFrame) -> None:
    audformat = pytest.importorskip("audformat")
    audformat.assert_index(table.index)
    assert list(table.index.names) == ["file", "start", "end"]
    levels = table.index.to_frame()
    assert levels["start"].dtype == levels["end"].dtype == "timedelta64[ns]"


def test_index_reads_seconds_text_and_timedeltas() -> None:
    times = [1.5, "1.5", "0 days 00:00:01.5", pd.Timedelta("1.5s"), np.timedelta64(1500, "ms")]
    index = tables.utterance_index(list("abcde"), times, ["nan", None, np.nan, pd.NaT, ""])
    assert set(index.get_level_values("start")) == {pd.Timedelta("1.5s")}
    assert index.get_level_values("end").isna().all()


def test_index_is_whole_files_without_times() -> None:
    index = tables.utterance_index(["a.wav"])
    assert index[0][1] == pd.Timedelta(0)
    assert pd.isna(index[0][2])


def test_empty_index_keeps_its_dtypes() -> None:
    empty = pd.DataFrame(index=tables.utterance_index([]))
    tables.check_table(empty)
    assert len(empty) == 0


def test_index_refuses_other_lengths_and_words() -> None:
    with pytest.raises(TableError, match="2 files came with 1 starts"):
        tables.utterance_index(["a", "b"], starts=[0])
    with pytest.raises(TableError, match="start can't be read as a time"):
        tables.utterance_index(["a"], starts=["soon"])


@pytest.mark.parametrize("text", ["0,5", "1,5", "0 days 00:00:01,5", "1 5", "1_5", "1:30", "inf"])
def test_index_refuses_times_that_could_be_misread(text: str) -> None:
    with pytest.raises(TableError, match=f"end can't .* '{text}' should be seconds such as 1.5"):
        tables.utterance_index(["a"], ends=[text])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0.5", 0.5), (" 5 ", 5), (".5", 0.5), ("1e-3", 0.001), ("-1", -1), ("1.5s", 1.5)),
        *(("1500 ms", 1.5), ("1h 30m", 5400), ("00:01:30.25", 90.25), ("P0DT0H1M1.5S", 61.5)),
        *(("0 days 00:00:01.500000000", 1.5), ("-1 days +23:59:59.5", -0.5)),
    ],
)
def test_text_without_a_unit_is_seconds(text: str, seconds: float) -> None:
    index = tables.utterance_index(["a"], [text])
    assert index[0][1].total_seconds() == seconds


# Checks


@pytest.mark.parametrize(
    ("files", "starts", "ends", "message"),
    [
        (["a", "a"], None, None, "2 of 2 rows come more than once, first: file 'a'"),
        (["", "a"], None, None, "1 of 2 rows have no file name"),
        (["a", "b"], [0, None], None, "have no start"),
        (["a", "b"], [0, -1], None, "start before 0"),
        (["a", "b"], [0, 2], [1, 2], "end no later than they start"),
    ],
)
def test_check_names_the_first_bad_row(
    files: list[str], starts: list[object], ends: list[object], message: str
) -> None:
    frame = pd.DataFrame(index=tables.utterance_index(files, starts, ends))
    with pytest.raises(TableError, match=message):
        tables.check_table(frame)


def test_check_refuses_other_indices() -> None:
    with pytest.raises(TableError, match="index levels file, start, end; this one has None"):
        tables.check_table(pd.DataFrame({"file": ["a"]}))
    times = pd.to_timedelta([0]).astype("timedelta64[us]")
    index = pd.MultiIndex.from_arrays([["a"], times, times], names=["file", "start", "end"])
    with pytest.raises(TableError, match="'start' should have dtype timedelta64"):
        tables.check_table(pd.DataFrame(index=index))


def test_check_refuses_arousal_and_ratings_in_words() -> None:
    with pytest.raises(TableError, match="rename it to activation"):
        tables.check_table(table_of(["a"], arousal=[1.0]))
    with pytest.raises(TableError, match="'valence_a1' should hold numbers"):
        tables.check_table(table_of(["a"], valence_a1=["high"]))


# Reading and writing


@pytest.mark.parametrize(
    "name", ["table.csv", "table.parquet", "table.jsonl", "new/folder/TABLE.CSV"]
)
def test_round_trip_keeps_values_order_and_dtypes(
    table: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    tables.write_table(table, tmp_path / name)
    again = tables.read_table(tmp_path / name)
    pd.testing.assert_frame_equal(again, table)
    assert again.index.to_frame().dtypes.equals(table.index.to_frame().dtypes)


def test_csv_is_as_audformat_writes_and_reads_it(table: pd.DataFrame, tmp_path: Path) -> None:
    audformat = pytest.importorskip("audformat")
    tables.write_table(table, tmp_path / "table.csv")
    header, first = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()[:2]
    assert header.startswith("file,start,end,activation")
    assert first.startswith("a/b.wav,0 days 00:00:00.000000,,1.0")
    read = audformat.utils.read_csv(tmp_path / "table.csv")
    pd.testing.assert_index_equal(read.index, table.index, exact=False)


@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_text_has_nine_digits_and_large_numbers_whole(tmp_path: Path, name: str) -> None:
    values = np.random.default_rng(0).normal(0, 100, 50).astype("float32")
    table = table_of([f"{n}.wav" for n in range(50)], single=values.astype("float64"))
    table["third"], table["key"] = [1 / 3, *[2.0] * 49], 20261125001.5
    tables.write_table(table, tmp_path / name)
    assert "0.333333333," in (tmp_path / name).read_text()
    read = tables.read_table(tmp_path / name)
    np.testing.assert_array_equal(read["single"].astype("float32"), values)
    np.testing.assert_allclose(read["third"], table["third"], rtol=5e-9)
    assert read.dtypes.equals(table.dtypes)
    assert set(read["key"]) == {20261125001.5}


def test_csv_times_are_timedeltas_for_pandas_too(table: pd.DataFrame, tmp_path: Path) -> None:
    """As docs/embed.md says to read them."""
    tables.write_table(table, tmp_path / "table.csv")
    plain = pd.read_csv(tmp_path / "table.csv")
    times = plain[["start", "end"]].apply(pd.to_timedelta)
    pd.testing.assert_frame_equal(
        times, table.index.to_frame(index=False)[["start", "end"]], check_dtype=False
    )


def test_csv_with_files_only(tmp_path: Path) -> None:
    (tmp_path / "files.csv").write_text("file\na.wav\nb.wav\n")
    frame = tables.read_table(tmp_path / "files.csv")
    assert frame.index.to_list()[1][:2] == ("b.wav", pd.Timedelta(0))
    assert frame.empty


def test_arousal_is_read_as_activation_and_never_written(tmp_path: Path) -> None:
    text = "\ufefffile,start,end,arousal,arousal_a1,speaker\na.wav,0.5,1.25,3,2,007\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    frame = tables.read_table(tmp_path / "a.csv")
    assert list(frame.columns) == ["activation", "activation_a1", "speaker"]
    assert frame.index[0] == ("a.wav", pd.Timedelta("0.5s"), pd.Timedelta("1.25s"))
    assert frame["speaker"].tolist() == ["007"]
    assert frame["activation"].dtype == "float64"


def test_both_names_of_activation_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,arousal,activation\na.wav,1,2\n")
    with pytest.raises(TableError, match="also called arousal"):
        tables.read_table(tmp_path / "a.csv")


def test_relative_files_are_resolved_on_request(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file\nx/a.wav\n/abs/b.wav\n")
    plain = tables.read_table(tmp_path / "a.csv")
    assert plain.index.get_level_values("file").tolist() == ["x/a.wav", "/abs/b.wav"]
    files = tables.read_table(tmp_path / "a.csv", resolve=True).index.get_level_values("file")
    assert files.tolist() == [str(tmp_path / "x/a.wav"), "/abs/b.wav"]


def test_parquet_with_plain_columns_is_read_too(tmp_path: Path) -> None:
    pd.DataFrame({"file": ["a"], "end": [2.5]}).to_parquet(tmp_path / "a.parquet")
    assert tables.read_table(tmp_path / "a.parquet").index[0][2] == pd.Timedelta("2.5s")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "name\nx\n", "needs a column 'file'; it has name"),
        ("a.csv", "file,valence\nx,high\n", "column 'valence'"),
        ("a.csv", "file,start\n,0\nb,0\n", "1 of 2 rows have no file name"),
        ("a.csv", "", "can't be read as a table"),
        ("a.parquet", "no parquet", "can't be read as a table"),
        ("a.txt", "file\nx\n", "ends in .csv, .parquet, .jsonl"),
    ],
)
def test_unreadable_tables_say_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(TableError, match=message):
        tables.read_table(tmp_path / name)


def test_missing_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="does not exist"):
        tables.read_table(tmp_path / "a.csv")


def test_a_write_that_fails_leaves_the_old_file(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail(self: pd.DataFrame, target: Path, **_: object) -> None:
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        tables.write_table(table, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('file,start,end\na,"0,5",2.5\na,0.5,2.5\n', "start can't be read as a time: '0,5' should"),
        ("file,start,end\na,0,5,2.5\n", "more columns than the header; is there a decimal comma"),
        ("file;start;end\na;0,5;2,5\n", "separated by ';', and should be by commas"),
        ("file\tstart\na\t0\n", r"separated by '\\t', and should be by commas"),
        (
            "file,start\na,-1\n",
            "1 of 1 rows start before 0, first: file 'a', start -1 s, end empty",
        ),
        ("file,start,end\na,1,2\nb,2.5,1.25\n", "no later .* start 2.5 s, end 1.25 s"),
        ("file,start\na,1\na,1\n", "2 of 2 rows come more than once, first: file 'a', start 1 s"),
        ("file,rater\na,x\na,y\n", "more than once, .* `affectspace agreement --gold` makes one"),
    ],
)
def test_bad_rows_are_told_with_the_table_and_in_seconds(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(TableError, match=rf"rows\.csv.*{message}"):
        tables.read_table(tmp_path / "rows.csv")


def test_an_empty_start_is_the_start_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,start,end\na,,\nb,,2\nc,1,2\n")
    (tmp_path / "a.jsonl").write_text('{"file": "a", "start": null}\n{"file": "b"}\n')
    starts = tables.read_table(tmp_path / "a.csv").index.get_level_values("start")
    assert starts.total_seconds().tolist() == [0, 0, 1]
    assert starts.dtype == "timedelta64[ns]"
    starts = tables.read_table(tmp_path / "a.jsonl").index.get_level_values("start")
    assert starts.total_seconds().tolist() == [0, 0]


def test_bad_spans_that_tell_of_it_can_be_written_and_read(tmp_path: Path) -> None:
    index = tables.utterance_index(["a", "b"], [-1, 2], [1, 2])
    frame = pd.DataFrame({"status": tables.text_column(["bad_span", "missing"]).array}, index)
    for suffix in tables.TABLE_SUFFIXES:
        tables.write_table(frame, tmp_path / f"t{suffix}")
        pd.testing.assert_frame_equal(tables.read_table(tmp_path / f"t{suffix}"), frame)
    with pytest.raises(
        TableError, match="1 of 2 rows end no later than they start, first: file 'b'"
    ):
        tables.write_table(frame.assign(status=["bad_span", "ok"]), tmp_path / "t.csv")


# JSON lines


def test_json_lines_have_seconds_and_nulls(table: pd.DataFrame, tmp_path: Path) -> None:
    table["loudness"] = [0.1, np.inf, np.nan]
    tables.write_table(table, tmp_path / "t.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text("utf-8").splitlines()]
    assert list(rows[0]) == ["file", "start", "end", *table.columns]
    assert [(row["start"], row["end"]) for row in rows] == [
        (0.0, None),
        (1.25, 2.000000001),
        (1.0, None),
    ]
    assert [row["activation"] for row in rows] == [1.0, None, 4.5]
    assert [row["loudness"] for row in rows] == [0.1, None, None]
    assert [row["speaker"] for row in rows] == ["01", "2", None]
    assert rows[2]["file"] == "é.wav"


# Files that can't be written


def test_a_file_that_can_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    tables.check_writable(tmp_path / "a.csv")
    tables.check_writable(tmp_path / "new" / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.csv", "new"]


def test_what_can_not_be_written_is_found_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TableError, match="is a folder; name a file"):
        tables.check_writable(tmp_path)
    with pytest.raises(TableError, match=r"a\.csv can't be written: "):
        tables.check_writable(tmp_path / "file" / "a.csv")


# What somebody points at


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    for name in ("b.wav", "a b/é.FLAC", "a b/c.Mp3", ".hidden.wav", "._b.wav", ".git/x.wav"):
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "all" / "notes.doc").touch()
    (tmp_path / "void").mkdir()
    return tmp_path


def found(root: Path, *inputs: object, **options: object) -> list[str]:
    frame = tables.find_utterances([str(each) for each in inputs], **options)  # type: ignore[arg-type]
    names = frame.index.get_level_values("file")
    return [name.removeprefix(f"{root}/") for name in names]


def test_a_folder_is_searched_to_the_bottom_but_for_what_is_hidden(collection: Path) -> None:
    everything = ["all/a b/c.Mp3", "all/a b/é.FLAC", "all/b.wav"]
    assert found(collection, collection / "all") == everything
    assert found(collection, collection / "all" / ".git") == ["all/.git/x.wav"]
    assert found(collection, collection / "all" / "._b.wav") == ["all/._b.wav"]


def test_a_linked_folder_is_searched_once(collection: Path) -> None:
    (collection / "links").mkdir()
    (collection / "links" / "one").symlink_to(collection / "all")
    (collection / "links" / "two").symlink_to(collection / "all")
    (collection / "all" / "up").symlink_to(collection)
    names = [Path(name).name for name in found(collection, collection / "links")]
    assert sorted(names) == ["b.wav", "c.Mp3", "é.FLAC"]


def test_a_list_is_relative_to_itself(collection: Path) -> None:
    text = "\ufeffall/b.wav\r\n\r\n   \nall/a b/é.FLAC  \nnowhere.wav\nall/a b\n/abs/x.wav"
    (collection / "list.txt").write_bytes(text.encode())
    expected = ["all/b.wav", "all/a b/é.FLAC", "nowhere.wav", "all/a b/c.Mp3", "/abs/x.wav"]
    assert found(collection, collection / "list.txt") == expected
    (collection / "list.txt").write_bytes("all/b.wav\r\nä.wav\r\n".encode("utf-16"))
    assert found(collection, collection / "list.txt") == ["all/b.wav", "ä.wav"]


def test_standard_input_is_a_list_relative_to_the_current_folder() -> None:
    stdin = io.BytesIO(b"x/b.wav\n\na.wav")
    assert found(Path(), "-", "c.wav", stdin=stdin) == ["x/b.wav", "a.wav", "c.wav"]
    assert found(Path(), "-") == ["-"]
    with pytest.raises(TableError, match="one file per line"):
        found(Path(), "-", stdin=io.BytesIO(b"a.wav\0b.wav\0"))


def test_tables_of_every_kind_are_relative_to_themselves(collection: Path) -> None:
    frame = table_of(["all/b.wav"], speaker=["7"])
    for suffix in tables.TABLE_SUFFIXES:
        path = collection / f"t{suffix}"
        tables.write_table(frame, path)
        read = tables.find_utterances([path])
        assert read["speaker"].tolist() == ["7"]
        assert found(collection, path) == ["all/b.wav"]


def test_a_row_that_comes_twice_counts_once_and_keeps_its_columns(
    collection: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(collection)
    index = tables.utterance_index(["all/b.wav", "all/b.wav"], [0, 1])
    tables.write_table(pd.DataFrame({"speaker": ["x", "y"]}, index), "t.csv")
    frame = tables.find_utterances(["all/b.wav", "all", collection / "t.csv", "./all/b.wav"])
    names = frame.index.get_level_values("file").tolist()
    assert names == ["all/b.wav", "all/a b/c.Mp3", "all/a b/é.FLAC", str(collection / "all/b.wav")]
    assert frame["speaker"].fillna("").tolist() == ["x", "", "", "y"]
    assert frame["speaker"].dtype == tables.TEXT_DTYPE
    assert "rows that came before are left out: 3, first all/b.wav" in caplog.text


def test_spans_of_an_input_come_as_they_are_and_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "t.csv").write_text(
        "file,start,end,who\na,-1,2,\na,3,2,x\nb,0.5,1,y\n./b,0.5,1,z\nb,,1,w\n"
    )
    frame = tables.find_utterances([tmp_path / "t.csv"])
    spans = frame.index.to_frame()[["start", "end"]].apply(lambda times: times.dt.total_seconds())
    assert spans.to_numpy().tolist() == [[-1, 2], [3, 2], [0.5, 1], [0, 1]]
    assert frame["who"].fillna("").tolist() == ["", "x", "y", "w"]
    assert "rows that came before are left out: 1, first " in caplog.text
    (tmp_path / "t.csv").write_text("file,start\n,1\nb,1\n")
    with pytest.raises(TableError, match=r"t\.csv: 1 of 2 rows have no file name"):
        tables.find_utterances([tmp_path / "t.csv"])


def test_nothing_to_embed_is_an_error_only_where_it_is_all(
    collection: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (collection / "list.txt").write_text("\n")
    with pytest.raises(TableError, match=r"void holds no audio.*; .*list\.txt names no files"):
        found(collection, collection / "void", collection / "list.txt")
    with pytest.raises(TableError, match="there is no input"):
        tables.find_utterances([])
    assert caplog.text == ""
    assert found(collection, collection / "void", "gone.wav") == ["gone.wav"]
    assert "void holds no audio" in caplog.text


def test_a_list_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"l\.txt can't be read as a list: No such file"):
        tables.find_utterances([tmp_path / "l.txt"])


# Names that aren't spelt as on disk


def test_a_table_in_the_current_folder_adds_nothing_to_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables.write_table(table_of(["x/a.wav", "/b.wav"]), "t.csv")
    assert found(Path(), "t.csv") == ["x/a.wav", "/b.wav"]
    assert found(tmp_path, tmp_path / "t.csv") == ["x/a.wav", "/b.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names on disk are text")
def test_a_name_that_is_not_utf8_goes_there_and_back(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    Path(os.fsdecode(raw)).touch()
    (name,) = found(tmp_path, tmp_path)
    assert name == r"caf\xe9.wav"
    assert os.fsencode(locate(f"{tmp_path}/{name}")) == raw
    tables.write_table(table_of([name]), tmp_path / "t.parquet")
    assert tables.read_table(tmp_path / "t.parquet").index[0][0] == name


def test_accents_are_found_in_either_form(tmp_path: Path) -> None:
    folder, name = unicodedata.normalize("NFD", "é"), unicodedata.normalize("NFC", "ü.wav")
    (tmp_path / folder).mkdir()
    (tmp_path / folder / name).touch()
    on_disk = f"{tmp_path}/{folder}/{name}"
    for form in ("NFC", "NFD"):
        assert Path(locate(unicodedata.normalize(form, on_disk))).samefile(on_disk)
    assert locate(f"{tmp_path}/é/ö.wav") == f"{tmp_path}/é/ö.wav"
    assert locate("nowhere/ö.wav") == "nowhere/ö.wav"
    both = [unicodedata.normalize(form, on_disk) for form in ("NFC", "NFD")]
    assert tables.find_utterances(both).index.get_level_values("file").tolist() == both[:1]


# audformat databases


@pytest.fixture
def database(tmp_path: Path) -> Path:
    audformat = pytest.importorskip("audformat")
    db = audformat.Database("db")
    db.schemes["rating"] = audformat.Scheme("float")
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral"])
    files = audformat.filewise_index(["x/a.wav", "x/b.wav"])
    segments = audformat.segmented_index(["x/a.wav", "x/a.wav"], ["0s", "1s"], ["1s", pd.NaT])
    for name, index in (("files", files), ("segments", segments)):
        db[name] = audformat.Table(index)
        for column, scheme in (("arousal", "rating"), ("emotion", "emotion")):
            db[name][column] = audformat.Column(scheme_id=scheme)
        db[name]["arousal"].set([1.5, np.nan])
        db[name]["emotion"].set(["anger", None])
    db.save(str(tmp_path))
    return tmp_path


def test_audformat_filewise_table(database: Path) -> None:
    frame = tables.read_audformat(database, "files")
    assert frame.index.get_level_values("file").tolist() == [
        str(database / "x/a.wav"),
        str(database / "x/b.wav"),
    ]
    assert frame.index.get_level_values("end").isna().all()
    assert frame["activation"].tolist()[0] == 1.5
    assert frame["emotion"].dtype == tables.TEXT_DTYPE
    assert frame["emotion"].isna().tolist() == [False, True]


def test_audformat_segmented_table(database: Path) -> None:
    frame = tables.read_audformat(database, "segments")
    assert frame.index.get_level_values("start").tolist() == [pd.Timedelta(0), pd.Timedelta("1s")]
    tables.write_table(frame, database / "a.parquet")


def test_audformat_names_what_is_missing(database: Path, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no table 'emotion'; it has files, segments"):
        tables.read_audformat(database, "emotion")
    with pytest.raises(TableError, match=r"no db\.yaml"):
        tables.read_audformat(tmp_path / "x", "files")


def test_audformat_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(MissingExtraError, match=r"install .*\.\[audformat\]"):
        tables.read_audformat(tmp_path, "files")


# Labels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("filename,activation,valence \na 1 (2).wav,4,2.5\n", {"a 1 (2)": [4, 2.5]}),
        ("filname,activation ,valence\n01-C.wav,4,1\n", {"01-C": [4, 1]}),
        (",,filename,activation,valence\n,,S_1.wav,4,3\n,,S_2.wav,,nan\n",
         {"S_1": [4, 3], "S_2": [np.nan, np.nan]}),
        ("file,arousal,valence,remark\nx/y.flac,1,5,loud\n,,,\n", {"y": [1, 5]}),
    ],
)  # fmt: skip
def test_labels_are_read_as_published(
    tmp_path: Path, text: str, expected: dict[str, list[float]]
) -> None:
    (tmp_path / "l.csv").write_text(text)
    labels = tables.read_labels(tmp_path / "l.csv")
    assert list(labels.columns) == ["activation", "valence"]
    pd.testing.assert_frame_equal(
        labels,
        pd.DataFrame(expected, index=["activation", "valence"], dtype="float64").T,
        check_names=False,
        check_index_type=False,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,activation\na.wav,6\nb.wav,3\n", "1 of 2 rows are off the scale from 1 to 5: a"),
        ("file,activation\na.wav,loud\n", "column 'activation'"),
        ("file,activation\na.wav,1\nx/a.flac,2\n", "1 files have more than one line: a"),
        ("file,loudness\na.wav,1\n", "need a column 'file' and one or more of activation"),
        ("who,valence\na.wav,1\n", "it has who, valence"),
    ],
)
def test_labels_that_make_no_sense(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(TableError, match=message):
        tables.read_labels(tmp_path / "l.csv")


def test_another_scale_or_none(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("file,activation\na.wav,9\n")
    assert tables.read_labels(tmp_path / "l.csv", scale=(1, 9)).loc["a", "activation"] == 9
    assert tables.read_labels(tmp_path / "l.csv", scale=None).loc["a", "activation"] == 9


def test_labels_join_over_suffix_folder_and_unicode_form(caplog: pytest.LogCaptureFixture) -> None:
    decomposed = unicodedata.normalize("NFD", "x/é.flac")
    frame = table_of([decomposed, "y/b.wav", "c.wav"], valence=[2.0, 3.0, 4.0])
    labels = pd.DataFrame({"activation": [1.0, np.nan], "valence": [5.0, np.nan]}, ["é", "b"])
    with caplog.at_level(logging.INFO, "affectspace"):
        labelled = tables.add_labels(frame, labels)
    assert labelled["activation"].fillna(0).tolist() == [1, 0, 0]
    assert labelled["valence"].fillna(0).tolist() == [5, 0, 4]
    assert "2 of 3 rows have a label; 2 of 2 labels have a row" in caplog.text
    assert frame["valence"].tolist() == [2, 3, 4]


def test_labels_without_a_row_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    tables.add_labels(table_of(["a.wav"]), pd.DataFrame({"valence": [1.0, 2.0]}, ["a", "b"]))
    assert caplog.records[0].levelname == "WARNING"
    assert "1 of 2 labels have a row" in caplog.text


def test_labels_go_to_all_segments_of_a_file() -> None:
    index = tables.utterance_index(["a.wav", "a.wav"], [0, 1], [1, 2])
    labels = pd.DataFrame({"valence": [1.0]}, ["a"])
    assert tables.add_labels(pd.DataFrame(index=index), labels)["valence"].tolist() == [1, 1]


def test_labels_that_match_nothing_or_two_files() -> None:
    labels = pd.DataFrame({"valence": [1.0]}, ["a"])
    with pytest.raises(TableError, match="none of 1 labels matches one of 1 rows: the labels are"):
        tables.add_labels(table_of(["b.wav"]), labels)
    with pytest.raises(TableError, match="labels of a fit more than one file"):
        tables.add_labels(table_of(["x/a.wav", "y/a.wav"]), labels)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "lines", "rated"),
    [("EMO_DB", 535, 535), ("URDU", 400, 400), ("CAFE", 936, 936), ("AESD", 455, 454)],
)
def test_published_label_files(data_root: Path, name: str, lines: int, rated: int) -> None:
    labels = tables.read_labels(data_root / "labels" / "dtu" / f"{name}.csv")
    assert len(labels) == lines
    assert labels.notna().all(axis="columns").sum() == rated
    assert labels.stack().dropna().between(1, 5).all()


def test_a_folder_is_filled_at_the_end_or_not_at_all(tmp_path):
    folder = tmp_path / "new" / "folder"
    with tables.filled_at_once(folder) as beside:
        (beside / "a.txt").write_text("one")
        assert not (folder / "a.txt").exists()
    (folder / "b.txt").write_text("mine")

    def fail():
        with tables.filled_at_once(folder) as beside:
            (beside / "a.txt").write_text("two")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt"]
    assert (folder / "a.txt").read_text() == "one"


def test_patterns_are_expanded(tmp_path):
    for name in ("b.wav", "a.wav", "c.txt", "[x].wav"):
        (tmp_path / name).touch()
    files = lambda *inputs: [  # noqa: E731
        Path(file).name for file in tables.find_utterances(inputs).index.get_level_values("file")
    ]
    assert files(tmp_path / "?.wav") == ["a.wav", "b.wav"]
    assert files(tmp_path / "[x].wav") == ["[x].wav"]
    assert files(tmp_path / "*.flac") == ["*.flac"]


def test_empty_words_of_a_csv_are_texts(tmp_path):
    index = tables.utterance_index(["a.wav", "b.wav"])
    words = pd.DataFrame({"status": ["ok", "ok"], "message": "", "caution": ""}, index)
    tables.write_table(words, tmp_path / "t.csv")
    found = tables.read_table(tmp_path / "t.csv")
    assert not found["caution"].str.contains("noisy").any()
    pd.testing.assert_frame_equal(found, words, check_dtype=False)
