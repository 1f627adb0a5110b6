from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from affectspace import corpora, tables
from affectspace.cli import app, main
from affectspace.corpora import fetch as fetching
from affectspace.corpora.fetch import Fetched


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["corpora", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "emodb/wav").mkdir(parents=True)
    for name in ("03a01Fa", "08a01Na", "08a01Wa"):
        (tmp_path / f"emodb/wav/{name}.wav").touch()
    (tmp_path / "l.csv").write_text("file,activation,valence\n03a01Fa.wav,3.5,2\n")
    return tmp_path


def test_list_has_a_line_for_each_corpus() -> None:
    result = run("list")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert [line.split()[0] for line in lines] == ["NAME", *corpora.names()]
    column = lines[0].index("LANGUAGE")
    assert {line[column - 1] for line in lines} == {" "}
    assert "da,en" in result.stdout
    assert "apply" in lines[1]


@pytest.mark.parametrize("name", corpora.names())
def test_show_tells_licence_citation_source_and_layout(name: str) -> None:
    shown = run("show", name).stdout
    corpus = corpora.get(name)
    for text in (corpus.licence, corpus.citation, corpus.homepage):
        assert text in shown
    assert corpus.layout.strip().splitlines()[0] in shown
    if any(not file.verifiable for file in corpus.downloads):
        assert f"fetch {name} --allow-unverified" in shown


def test_read_gives_data_on_stdout_and_talk_on_stderr(root: Path) -> None:
    result = run("read", "emodb", root / "emodb", "--labels", root / "l.csv")
    assert result.exit_code == 0
    read = pd.read_csv(io.StringIO(result.stdout), dtype={"speaker": str})
    assert read["speaker"].tolist() == ["03", "08", "08"]
    assert read.columns[:3].tolist() == ["file", "start", "end"]
    assert "3 rows, 2 speakers" in result.stderr
    assert "1 anger" in result.stderr
    assert "rated: 1 activation, 1 valence" in result.stderr


@pytest.mark.parametrize("name", ["out.csv", "new/out.parquet"])
def test_read_writes_a_table(root: Path, name: str) -> None:
    result = run("read", "emodb", root / "emodb", "-o", root / name)
    assert result.stdout == ""
    assert f"written to {root / name}" in result.stderr
    expected = corpora.read("emodb", root / "emodb")
    pd.testing.assert_frame_equal(
        tables.read_table(root / name)[list(corpora.COLUMNS)], expected[list(corpora.COLUMNS)]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "iemocap"), "Apply with the release form at https://sail.usc.edu"),
        (("fetch", "nope"), "there is no corpus 'nope'"),
        (("show", "nope"), "there is no corpus 'nope'"),
        (("fetch", "urdu"), "--allow-unverified"),
        (("read", "emodb", "/no/such/folder"), "EMO-DB is expected as\nemodb/"),
    ],
)
def test_errors_are_one_message_and_exit_code_1(
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["affectspace", "corpora", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    out, err = capsys.readouterr()
    assert stop.value.code == 1
    assert out == ""
    assert err.startswith("affectspace: ")
    assert message in err


def test_wrong_usage_is_exit_code_2() -> None:
    assert run("read", "emodb").exit_code == 2


def test_fetch_prints_paths_and_says_what_is_unverified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def fetch_corpus(corpus: corpora.Corpus, output: Path, **settings: object) -> list[Fetched]:
        asked.update(settings, name=corpus.name)
        return [Fetched(output / corpus.name, "sha256:abc", verified=False)]

    monkeypatch.setattr(fetching, "fetch_corpus", fetch_corpus)
    result = run("fetch", "urdu", "-o", tmp_path, "--mirror", "http://m", "--allow-unverified")
    assert result.stdout == f"{tmp_path / 'urdu'}\n"
    assert "sha256:abc UNVERIFIED" in result.stderr
    assert "please cite: Latif" in result.stderr
    assert asked == {"name": "urdu", "mirror": "http://m", "allow_unverified": True}


def test_fetch_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fetching,
        "fetch_labels",
        lambda output, mirror: [Fetched(output / "labels/URDU.csv", "sha256:abc", verified=True)],
    )
    result = run("fetch", "labels", "-o", tmp_path)
    assert result.stdout == f"{tmp_path / 'labels/URDU.csv'}\n"
    assert "sha256:abc verified" in result.stderr


def test_help_of_every_command_has_an_explanation() -> None:
    for command in ("list", "show", "read", "fetch"):
        text = run(command, "--help").stdout
        assert command in text
        assert len(text) > 200


def test_the_data_page_shows_what_the_commands_print() -> None:
    page = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    assert run("list").stdout in page
    for name in corpora.names():
        assert corpora.get(name).layout in page
