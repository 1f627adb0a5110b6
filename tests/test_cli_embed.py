"""`affectspace embed`: what goes in, what comes out where, exit codes."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.cli.readable import cell_width, readable
from affectspace.errors import ModelError, TableError
from affectspace.model import save_model
from affectspace.tables import read_table, utterance_index, write_table
from made_speech_model import speech_model
from voices import noise, voice, write


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(speech_model(), tmp_path_factory.mktemp("model"))


@pytest.fixture
def audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "wörk dir"
    (folder / "below").mkdir(parents=True)
    write(folder / "b 1.wav", voice(0.5))
    write(folder / "below" / "a.wav", voice(0.7, pitch=180))
    write(folder / "noise.wav", noise(0.5))
    write(folder / "._b 1.wav", voice(0.5))
    (folder / "broken.wav").write_text("no audio")
    return folder


@pytest.fixture
def run(model):
    def invoke(*arguments: object, stdin: bytes | None = None):
        words = ["embed", "--model", str(model), *map(str, arguments)]
        return CliRunner().invoke(app, words, input=stdin)

    return invoke


def names(table: pd.DataFrame) -> list[str]:
    return [Path(file).name for file in table.index.get_level_values("file")]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_folder_into_a_file(run, audio, tmp_path, suffix):
    output = tmp_path / "new folder" / f"out.{suffix}"
    result = run(audio, "-o", output)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    table = read_table(output)
    assert names(table) == ["b 1.wav", "a.wav", "broken.wav", "noise.wav"]
    assert table["status"].tolist() == ["ok", "ok", "unreadable", "unvoiced"]
    expected = speech_model().embed(audio)
    pd.testing.assert_frame_equal(
        table[["activation", "valence_low", "z2", "level"]],
        expected[["activation", "valence_low", "z2", "level"]],
    )
    for said in (
        "2 of 4 rows scored by the model voices 1",
        "1 unreadable (the file can't be read as audio), first ",
        "1 unvoiced (nothing has a pitch), first ",
        f"Written to {output}",
    ):
        assert said in result.stderr


def test_spans_that_no_recording_has_are_rows_of_an_output_that_can_be_an_input(run, audio):
    rows = "file,start,end\nb 1.wav,-1,0.4\nb 1.wav,0.4,0.3\nb 1.wav,,\nb 1.wav,,\ngone.wav,1,1\n"
    (audio / "t.csv").write_text(rows)
    statuses = ["bad_span", "bad_span", "ok", "missing"]
    for given, made in (("t.csv", "one.csv"), ("one.csv", "two.csv")):
        result = run(audio / given, "-o", audio / made)
        assert result.exit_code == 0, result.output
        table = read_table(audio / made)
        assert table["status"].tolist() == statuses
        assert names(table) == ["b 1.wav"] * 3 + ["gone.wav"]
    assert table["input_status"].tolist() == statuses


def test_csv_and_json_lines_have_the_model_beside_them(run, audio, tmp_path):
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        assert run(audio, "-o", tmp_path / name, "--channel", "0").exit_code == 0
    facts = json.loads((tmp_path / "out.csv.json").read_text())
    assert facts["contract"] == speech_model().spec.hash
    assert (facts["name"], facts["channel"], facts["segment"]) == ("voices", "first", "none")
    assert json.loads((tmp_path / "out.jsonl.json").read_text()) == facts
    assert read_table(tmp_path / "out.parquet").attrs["affectspace"] == facts
    assert not (tmp_path / "out.parquet.json").exists()


def test_json_lines_are_strict_json_with_seconds(run, audio, tmp_path):
    run(audio, "-o", tmp_path / "out.jsonl")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=refuse) for line in lines]
    assert [(row["start"], row["end"]) for row in rows] == [(0.0, None)] * 4
    assert rows[2]["activation"] is None
    assert 1 <= rows[0]["activation_low"] <= rows[0]["activation"] <= rows[0]["activation_high"]


def test_csv_on_stdout(run, audio, tmp_path):
    assert run(audio, "-o", tmp_path / "out.csv").exit_code == 0
    result = run(audio, "-o", "-")
    assert result.stdout == (tmp_path / "out.csv").read_text()
    assert "2 of 4 rows scored" in result.stderr
    assert "Written" not in result.stderr


def test_a_table_for_people_on_stdout(run, audio):
    result = run(audio)
    assert result.exit_code == 0
    header, first, *others = result.stdout.splitlines()
    assert header.split() == ["file", *(["activation", "valence", "z1", "z2", "unusual", "status"])]
    assert first.startswith(str(audio / "b 1.wav"))
    assert first.endswith("ok")
    assert [line.split()[-1] for line in others] == ["ok", "unreadable", "unvoiced"]
    assert "nan" not in result.stdout.lower()
    assert "in brackets their 90 % intervals" in result.stderr


def test_windows_of_a_recording_in_the_order_of_time(run, audio, tmp_path):
    result = run(audio / "below" / "a.wav", tmp_path / "gone.wav", "--segment", "0.3:0.2")
    header, *lines = result.stdout.splitlines()
    assert header.split()[:3] == ["file", "start", "end"]
    times = [line[: line.index("  3.")].split()[-2:] for line in lines[:-1] if "  3." in line]
    assert times[0] == ["0.00", "0.30"]
    assert len(lines) == 4
    assert lines[-1].split()[-1] == "missing"
    assert f"3 short (shorter than all that the model was trained on), first {audio}" in (
        result.stderr
    )
    assert "below/a.wav at 0.0 s\n" in result.stderr


def test_cautions_are_counted_with_what_they_mean(run, tmp_path, audio):
    write(tmp_path / "long.wav", voice(2.4))
    result = run(tmp_path / "long.wav")
    assert "ok, long" in result.stdout
    assert "1 long (longer than all that the model was trained on), first " in result.stderr


def test_exit_1_where_no_row_is_scored(run, audio, tmp_path):
    result = run(audio / "noise.wav", tmp_path / "gone.wav", "-o", tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "0 of 2 rows scored" in result.stderr
    table = read_table(tmp_path / "out.csv")
    assert table["status"].tolist() == ["unvoiced", "missing"]
    assert table["activation"].isna().all()


def test_a_collection_by_its_own_scale(run, audio, tmp_path):
    result = run(audio, "-o", tmp_path / "out.csv", "--align")
    assert result.exit_code == 0, result.output
    assert "2 of 4 rows scored by the model voices 1" in result.stderr
    assert "The estimates are aligned with 2 rows (" in result.stderr
    assert "compare them within that collection" in result.stderr
    expected = speech_model().embed(audio, align=True)
    found = read_table(tmp_path / "out.csv")
    pd.testing.assert_series_equal(found["activation"], expected["activation"])
    usual = run(audio, "-o", tmp_path / "out.csv")
    assert "aligned" not in usual.stderr
    result = run(audio, "-o", f"{tmp_path}/shards/", "--align")
    assert result.exit_code == 2
    assert "--align" in result.output


def test_lists_tables_and_stdin(run, audio, tmp_path, monkeypatch):
    (audio / "list.txt").write_text("below/a.wav\n\nb 1.wav\n")
    index = utterance_index(["b 1.wav", "below/a.wav"], [0, 0.1], [None, 0.5])
    write_table(pd.DataFrame({"activation": [1.0, 2.0]}, index), audio / "table.csv")
    monkeypatch.chdir(audio)
    output = tmp_path / "out.csv"
    assert run("list.txt", "-o", output).exit_code == 0
    assert names(read_table(output)) == ["a.wav", "b 1.wav"]
    assert run("-", "-o", output, stdin=b"below/a.wav\nb 1.wav\n").exit_code == 0
    assert names(read_table(output)) == ["a.wav", "b 1.wav"]
    assert run("table.csv", "-o", output).exit_code == 0
    table = read_table(output)
    assert table["input_activation"].tolist() == [1.0, 2.0]
    np.testing.assert_allclose(table["duration"], [0.5, 0.4])
    printed = run("table.csv").stdout.splitlines()
    assert printed[0].split()[:3] == ["file", "start", "end"]
    assert printed[2].split()[1:3] == ["0.10", "0.50"]


def test_a_row_named_twice_comes_once(run, audio, tmp_path, caplog):
    assert run(audio, audio / "b 1.wav", "-o", tmp_path / "out.csv").exit_code == 0
    assert len(read_table(tmp_path / "out.csv")) == 4
    assert "rows that came before are left out: 1" in caplog.text


def test_a_folder_without_audio(run, audio, tmp_path):
    (tmp_path / "void").mkdir()
    alone = run(tmp_path / "void", "-o", tmp_path / "out.csv")
    assert isinstance(alone.exception, TableError)
    assert not (tmp_path / "out.csv").exists()
    assert run(tmp_path / "void", audio, "-o", tmp_path / "out.csv").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "out.xlsx"),
        ("-o", "s3://bucket/out.csv"),
        ("-o", "out.csv", "--shard-size", "5"),
        ("--engine", "local"),
        ("-o", "out.csv", "--share", "1/2"),
        ("--retry-failed",),
        ("-o", "out/", "--report", "page.html"),
        ("-o", "out/", "--cache", "c"),
        ("-o", "out/", "--engine", "spark"),
        ("-o", "out/", "--address", "auto"),
        ("-o", "out/", "--share", "0/2"),
        ("-o", "out/", "--share", "3"),
        ("-o", "out/", "--shard-size", "0"),
        ("-o", "out/", "--segment", "words"),
        ("--report", "page.pdf"),
        ("--report", "page.html", "--report-audio", "loud"),
        ("--channel", "left"),
        ("--segment", "words"),
        ("--segment", "0"),
        ("--cache", "c", "--no-cache"),
        ("--jobs", "0"),
    ],
)
def test_wrong_usage_is_exit_2_and_writes_nothing(run, audio, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = run(audio, *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_an_input_is_never_overwritten(run, audio):
    index = utterance_index(["b 1.wav"])
    write_table(pd.DataFrame(index=index), audio / "table.csv")
    before = (audio / "table.csv").read_bytes()
    assert run(audio / "table.csv", "-o", audio / "below" / ".." / "table.csv").exit_code == 2
    assert (audio / "table.csv").read_bytes() == before
    assert run().exit_code == 2


def test_an_output_that_can_not_be_written_is_found_before_the_work(run, audio, monkeypatch):
    monkeypatch.setattr("affectspace.model.AffectModel.embed", None)
    result = run(audio, "-o", audio / "broken.wav" / "out.csv")
    assert isinstance(result.exception, TableError)
    assert "can't be written" in str(result.exception)
    result = run(audio, "--report", audio / "broken.wav" / "page.html")
    assert isinstance(result.exception, TableError)


def test_an_unknown_model(audio, tmp_path):
    result = CliRunner().invoke(app, ["embed", str(audio), "--model", str(tmp_path / "none")])
    assert isinstance(result.exception, ModelError)


# The table for people


def made_table(files: list[str], **columns: object) -> pd.DataFrame:
    plain = {
        **{f"{label}{end}": 3.0 for label in ("activation", "valence") for end in ("", "_low")},
        **{f"{label}_high": 4.5 for label in ("activation", "valence")},
        "z1": -0.125,
        "z2": 10.0,
        "unusualness": 0.5,
        "status": "ok",
        "caution": "",
    }
    return pd.DataFrame({**plain, **columns}, index=utterance_index(files))


def test_readable_text_is_exact():
    table = made_table(["a.wav", "longer.wav"], valence=[2.0, np.nan], valence_low=[1.0, np.nan])
    table["caution"] = ["short;quiet", ""]
    table["status"] = ["ok", "missing"]
    assert list(readable(table)) == [
        "file              activation           valence     z1     z2  unusual  status",
        "a.wav       3.00 (3.00-4.50)  2.00 (1.00-4.50)  -0.12  10.00     0.50  ok, short, quiet",
        "longer.wav  3.00 (3.00-4.50)                    -0.12  10.00     0.50  missing",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_terminal_cuts_names_and_never_numbers(width):
    files = [f"/data/corpus/{'deep/' * 9}{name}.wav" for name in ("one", "two", "声" * 30)]
    header, *lines = readable(made_table(files), width=width)
    assert all(cell_width(line) <= max(width, 66) for line in lines)
    assert all("3.00 (3.00-4.50)  3.00 (3.00-4.50)" in line for line in lines)
    assert ("z1" in header) == (width >= 80)
    assert [line.split()[0] for line in lines[:2]] == ["one.wav", "two.wav"]
    assert lines[2].startswith("声" * 30 if width == 200 else "…声")


def test_columns_line_up_whatever_the_script():
    nfd = unicodedata.normalize("NFD", "é.wav")
    lines = list(readable(made_table(["plain.wav", "怒り.wav", nfd, "a\x1b[2Jb\nc.wav"])))
    assert "\\x1b[2Jb\\nc.wav" in lines[-1]
    ends = {cell_width(line[: line.index(" 0.50")]) for line in lines[1:]}
    assert len(ends) == 1


def test_no_rows_is_a_header():
    (line,) = readable(made_table([]))
    assert line.split()[0] == "file"


def test_archives_go_with_a_folder(run, tmp_path):
    for output in ([], ["-o", tmp_path / "out.csv"]):
        result = run("shard.tar", *output)
        assert result.exit_code == 2
        assert "archives go with a folder" in " ".join(result.output.split())
