"""`affectspace annotate`: a study made, changed, served, exported and backed up by the command."""

import json
import os
import signal
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner
from uvicorn import Server

from affectspace.annotation.folder import open_folder
from affectspace.annotation.store import read_settings
from affectspace.cli import app
from affectspace.errors import MissingExtraError, ServiceError, StudyError
from affectspace.tables import read_table
from affectspace.web.running import bind
from made_study import made_tones, raters_of

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks._raters import Page, compare, rate_together, served, stored


def invoke(*arguments):
    return CliRunner().invoke(app, ["annotate", *map(str, arguments)])


@pytest.fixture
def audio(tmp_path):
    return made_tones(tmp_path / "audio", 6)


def test_a_study_is_made_and_changed(audio, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("Listen first.")
    made = invoke(
        *(tmp_path / "study", "--audio", audio, "--rater", "Anna", "--practice", 2, "--no-serve"),
        *("--title", "Voices", "--instructions", words, "--language", "da", "--repeats", 0.2),
        *("--dominance", "optional", "--category", "required", "--categories", "joy, anger"),
    )
    assert made.exit_code == 0, made.output
    assert made.stdout.strip() == str(tmp_path / "study")
    changed = invoke(tmp_path / "study", "--no-serve", "--raters-per-item", 2, "--rater", "Bo")
    assert changed.exit_code == 0, changed.output
    study = open_folder(tmp_path / "study")
    with study.store.reading() as connection:
        settings = read_settings(connection)
    assert list(raters_of(study)) == ["Anna", "Bo"]
    assert (settings.title, settings.instructions) == ("Voices", "Listen first.")
    assert (settings.language, settings.repeat_share, settings.raters_per_item) == ("da", 0.2, 2)
    assert (settings.dominance, settings.category) == ("optional", "required")
    assert settings.categories == ("joy", "anger")
    study.store.close()


def test_without_recordings_or_a_study_it_says_what_to_do(tmp_path):
    for arguments in (
        ["--port", 0],
        ["--backup", tmp_path / "x.zip"],
        ["--export", tmp_path / "x.csv"],
    ):
        result = invoke(tmp_path / "study", *arguments)
        assert isinstance(result.exception, StudyError)
        assert "--audio" in str(result.exception)


def test_the_port_is_tried_before_a_study_is_made(audio, tmp_path):
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        result = invoke(tmp_path / "study", "--audio", audio, "--port", port)
    assert isinstance(result.exception, ServiceError)
    assert not (tmp_path / "study").exists()
    result = invoke(tmp_path / "study", "--audio", audio, "--public-url", "lab.example")
    assert isinstance(result.exception, ServiceError)


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("affectspace.annotation")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    result = invoke(tmp_path / "study")
    assert isinstance(result.exception, MissingExtraError)
    assert "-c constraints.txt '.[annotate]'" in str(result.exception)


def test_results_and_backup_are_written_beside_a_study_that_runs(audio, tmp_path):
    with served(tmp_path / "study", audio, 2, ["--repeats", "0"]) as service:
        page = Page(service.links["rater 1"])
        page.open()
        item = page.ask("GET", "/api/rater/next")["item"]["assignment"]
        said = {"assignment": item, "key": "k" * 20, "activation": 4, "valence": 2.5}
        page.ask("POST", "/api/rater/ratings", said)
        for name in ("gold.csv", "log.jsonl", "gold.parquet"):
            result = invoke(tmp_path / "study", "--export", tmp_path / name)
            assert result.exit_code == 0, result.output
            assert result.stdout.strip() == str(tmp_path / name)
        result = invoke(
            *(tmp_path / "study", "--export", tmp_path / "all.csv", "--format", "ratings"),
            *("--backup", tmp_path / "backup.zip"),
        )
        assert result.stdout.split() == [str(tmp_path / "all.csv"), str(tmp_path / "backup.zip")]
        assert service.stop() == 0
    table = read_table(tmp_path / "gold.csv", resolve=True)
    assert table["activation"].dropna().tolist() == [4.0]
    assert all(Path(file).is_file() for file in table.index.get_level_values("file"))
    assert json.loads((tmp_path / "log.jsonl").read_text())["valence"] == 2.5
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        assert set(archive.namelist()) == {"ratings.sqlite", "study.json", "secret"}
    result = invoke(tmp_path / "study", "--export", tmp_path / "x.csv", "--format", "x")
    assert "no format" in str(result.exception)


def test_it_listens_on_this_machine_alone_and_stops_when_asked(audio, tmp_path):
    with served(tmp_path / "study", audio, 1) as service:
        assert all(link.startswith("http://127.0.0.1:") for link in service.links.values())
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/healthz") as answer:
            assert json.load(answer) == {"ok": True}
        links = dict(service.links)
        os.kill(service.pid, signal.SIGTERM)
        service.stop()
        service.start()
        assert service.links == links  # printed again, the same


def test_nothing_that_a_rater_saw_accepted_is_lost_however_often_the_service_is_killed(tmp_path):
    """A small one of `python -m benchmarks.annotate`."""
    audio = made_tones(tmp_path / "audio", 30)
    options = ["--raters-per-item", "3"]
    with served(tmp_path / "study", audio, 6, options) as service:
        rated, _ = rate_together(service, pause=0.01, most=1000, kills=2)
        assert sum(one.retries for one in rated) > 0
        # the last place may be free for none but those who have done their share: they come back
        back, _ = rate_together(service, pause=0, most=1000, seed=1)
        service.stop()
    rated += back
    assert [one.error for one in rated if one.error] == []
    rows = stored(tmp_path / "study")
    assert compare(rows, rated) == {"lost": 0, "doubled": 0, "altered": 0, "unknown": 0}
    assert len([row for row in rows if row[3] == 0]) == 90


def test_the_command_prints_links_and_ends_when_it_is_interrupted(audio, tmp_path, monkeypatch):
    started = Server.startup

    async def startup(server, sockets=None):
        await started(server, sockets=sockets)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Server, "startup", startup)
    result = invoke(tmp_path / "study", "--audio", audio, "--rater", "Anna", "--port", 0)
    assert result.exit_code == 0, result.output
    names = [line.partition("\t")[0] for line in result.stdout.splitlines()]
    assert names == ["study lead", "Anna"]
    result = invoke(tmp_path / "other", "--audio", audio, "--port", 0, "--host", "0.0.0.0")  # noqa: S104
    assert "nothing is encrypted" in result.stderr
    assert "no raters yet" in result.stderr
    result = invoke(tmp_path / "study", "--public-url", "study.example")
    assert "https://" in str(result.exception)
