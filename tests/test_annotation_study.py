"""A study as a folder: begun, gone on with, moved, copied, backed up; settings; what is in it."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import sqlalchemy as sa

from affectspace.annotation import schema
from affectspace.annotation.collected import FORMATS, collect, write_collected
from affectspace.annotation.findings import evidence_of, findings, state_of
from affectspace.annotation.folder import back_up, open_folder
from affectspace.annotation.material import LISTED, LONGEST, find_items
from affectspace.annotation.overview import in_words, progress
from affectspace.annotation.settings import StudySettings
from affectspace.annotation.store import Store, read_settings
from affectspace.annotation.study import Wishes, prepare_study
from affectspace.annotation.submission import Rating, undo
from affectspace.errors import StudyError, TableError
from affectspace.tables import read_table
from affectspace.web.tokens import read_secret
from made_study import made_study, made_tones, query, rate_on, raters_of, take


def ratings_in(study):
    return query(study, sa.select(sa.func.count()).select_from(schema.ratings))[0][0]


def test_a_study_goes_on_where_it_was(tmp_path):
    with made_study(tmp_path, title="Voices", raters_per_item=1) as study:
        rate_on(study, raters_of(study)["Anna"], 3)
        held, _ = take(study, raters_of(study)["Anna"])
    study = prepare_study(tmp_path / "study", Wishes(raters=["anna", "Cem"]), changes={"seed": 3})
    assert list(raters_of(study)) == ["Anna", "Bo", "Cem"]
    assert take(study, raters_of(study)["Anna"])[0] == held
    with study.store.reading() as connection:
        settings = read_settings(connection)
    assert (settings.title, settings.raters_per_item, settings.seed) == ("Voices", 1, 3)
    assert ratings_in(study) == 3
    study.store.close()


def test_a_study_moves_together_with_its_recordings(tmp_path):
    with made_study(tmp_path / "here") as study:
        rate_on(study, raters_of(study)["Anna"], 2)
    shutil.move(tmp_path / "here", tmp_path / "there")
    study = open_folder(tmp_path / "there" / "study")
    assert study.audio == tmp_path / "there" / "audio"
    assert ratings_in(study) == 2
    study.store.close()


def test_a_study_whose_recordings_moved_asks_for_them_and_remembers(tmp_path):
    with made_study(tmp_path):
        pass
    shutil.move(tmp_path / "audio", tmp_path / "elsewhere")
    with pytest.raises(StudyError, match="--audio FOLDER"):
        open_folder(tmp_path / "study")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match=r"none of the 10 recordings"):
        prepare_study(tmp_path / "study", Wishes(audio=[str(tmp_path / "empty")]))
    shutil.rmtree(tmp_path / "empty")
    with pytest.raises(StudyError, match="folder where they are now"):
        prepare_study(tmp_path / "study", Wishes(audio=[str(tmp_path / "x.csv")]))
    study = prepare_study(tmp_path / "study", Wishes(audio=[str(tmp_path / "elsewhere")]))
    study.store.close()
    study = open_folder(tmp_path / "study")
    assert study.audio == tmp_path / "elsewhere"
    study.store.close()


def test_a_study_with_its_recordings_inside_can_be_zipped_and_sent(tmp_path):
    with made_study(tmp_path / "a", wishes={"copy": True}) as study:
        read_secret(study.secret)
        rate_on(study, raters_of(study)["Anna"], 2)
    shutil.make_archive(str(tmp_path / "sent"), "zip", tmp_path / "a" / "study")
    shutil.rmtree(tmp_path / "a")
    shutil.unpack_archive(tmp_path / "sent.zip", tmp_path / "b")
    study = open_folder(tmp_path / "b")
    assert study.audio == tmp_path / "b" / "audio"
    assert len(rate_on(study, raters_of(study)["Anna"])) == 8
    study.store.close()


def test_a_backup_is_made_while_ratings_come_in_and_goes_on_elsewhere(tmp_path):
    with made_study(tmp_path, wishes={"copy": True}) as study:
        secret = read_secret(study.secret)
        rate_on(study, raters_of(study)["Anna"], 3)
        with study.store.writing() as connection:  # somebody is writing just now
            connection.execute(sa.update(schema.raters).values(language="de"))
            back_up(study, tmp_path / "backup.zip")
        rate_on(study, raters_of(study)["Anna"], 2)
        with pytest.raises(StudyError, match=r"\.zip"):
            back_up(study, tmp_path / "backup.tar")
    assert stat.S_IMODE(os.stat(tmp_path / "backup.zip").st_mode) == 0o600  # noqa: PTH116
    with zipfile.ZipFile(tmp_path / "backup.zip") as archive:
        archive.extractall(tmp_path / "restored")
    restored = open_folder(tmp_path / "restored")
    assert ratings_in(restored) == 3
    assert raters_of(restored)["Anna"].language is None
    assert read_secret(restored.secret) == secret
    assert len(rate_on(restored, raters_of(restored)["Anna"])) == 7
    restored.store.close()


def test_the_tools_of_sqlite_copy_it_while_it_runs(tmp_path):
    """What the documentation says of `VACUUM INTO`, by another process."""
    with made_study(tmp_path) as study:
        rate_on(study, raters_of(study)["Anna"], 3)
        copy = tmp_path / "copy.sqlite"
        work = "sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', sys.argv[2:])"
        code = f"import sqlite3, sys; {work}"
        subprocess.run(
            [sys.executable, "-c", code, study.path / "ratings.sqlite", copy], check=True
        )
        rate_on(study, raters_of(study)["Anna"], 1)
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM ratings").fetchone() == (3,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_ratings_are_safe_on_disk_when_they_are_accepted(tmp_path):
    with made_study(tmp_path) as study, study.store.reading() as connection:
        pragmas = ("journal_mode", "synchronous", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 2, 1]  # 2 is FULL


def test_what_is_no_study_is_said_in_words(tmp_path):
    with pytest.raises(StudyError, match="--audio"):
        prepare_study(tmp_path / "none", Wishes())
    with pytest.raises(StudyError, match="holds no study"):
        open_folder(tmp_path)
    with made_study(tmp_path) as study:
        path = study.path
    (path / "ratings.sqlite").rename(path / "gone")
    with pytest.raises(StudyError, match="missing"):
        open_folder(path)
    (path / "gone").rename(path / "ratings.sqlite")
    with sqlite3.connect(path / "ratings.sqlite") as connection:
        connection.execute("UPDATE study SET version = 99")
    with pytest.raises(StudyError, match="format 99"):
        open_folder(path)
    for facts in (
        "{",
        "[]",
        json.dumps({"format": 2, "audio": "", "audio_absolute": "", "database": ""}),
    ):
        (path / "study.json").write_text(facts)
        with pytest.raises(StudyError, match=r"study\.json"):
            open_folder(path)


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql://nobody@127.0.0.1:1/x"])
def test_a_database_that_cannot_be_had_is_said_in_words(url):
    with pytest.raises(StudyError):
        Store(url)


def test_a_password_is_not_kept(tmp_path):
    from affectspace.annotation.folder import _write_facts

    _write_facts(tmp_path, tmp_path, "postgresql://user:secret@host/name")
    assert "secret" not in (tmp_path / "study.json").read_text()


def test_a_failed_begin_leaves_no_study_behind(tmp_path):
    audio = made_tones(tmp_path / "audio", 3)
    (tmp_path / "items.csv").write_text("file\nother.wav\n")
    wishes = Wishes(audio=[str(audio)], only=str(tmp_path / "items.csv"))
    with pytest.raises(StudyError, match="name no item"):
        prepare_study(tmp_path / "study", wishes)
    study = prepare_study(tmp_path / "study", Wishes(audio=[str(audio)]))
    study.store.close()


def test_a_study_begins_with_the_items_that_a_table_names(tmp_path):
    audio = made_tones(tmp_path / "audio", 5)
    (tmp_path / "items.csv").write_text("file\naudio/anger_003.wav\n")
    wishes = Wishes(audio=[str(audio)], only=str(tmp_path / "items.csv"), raters=["A"])
    study = prepare_study(tmp_path / "study", wishes)
    assert [one.item_id for one in rate_on(study, raters_of(study)["A"])] == [4]
    study.store.close()


def test_what_cannot_be_played_is_left_out_and_said(tmp_path, caplog):
    audio = made_tones(tmp_path / "audio", 2)
    (audio / "broken.wav").write_bytes(b"nothing")
    soundfile.write(audio / "long.wav", np.zeros(round((LONGEST + 1) * 8000)), 8000)
    assert len(find_items([audio])) == 2
    assert "left out: 2 of 4" in caplog.text
    for name in ("anger_000.wav", "anger_001.wav", "long.wav"):
        (audio / name).unlink()
    with pytest.raises(StudyError, match="nothing to rate"):
        find_items([audio])
    with pytest.raises(TableError):
        find_items([tmp_path / "none.csv"])


def test_what_no_model_could_use_is_left_out_unless_it_is_wanted(tmp_path, caplog):
    audio = made_tones(tmp_path / "audio", 2)
    for number in range(LISTED):
        soundfile.write(audio / f"silence_{number:02d}.wav", np.zeros(8000), 8000)
    soundfile.write(audio / "short.wav", np.zeros(80), 8000)
    (audio / "broken.wav").write_bytes(b"nothing")
    assert [Path(item.file).name for item in find_items([audio])] == [
        "anger_000.wav",
        "anger_001.wav",
    ]
    assert f"left out: {LISTED + 2} of {LISTED + 4}\n  " in caplog.text
    assert "silence_00.wav: the level is below -80 dBFS" in caplog.text
    assert caplog.text.endswith("\n  and 2 more\n")
    assert len(find_items([audio], keep_unusable=True)) == LISTED + 3  # nobody can hear the broken
    wishes = Wishes(audio=[str(audio)], keep_unusable=True)
    study = prepare_study(tmp_path / "study", wishes)
    assert query(study, sa.select(sa.func.count()).select_from(schema.items)) == [(LISTED + 3,)]
    study.store.close()


def test_spans_and_what_is_known_of_them_come_from_a_table(tmp_path):
    made_tones(tmp_path, 2, seconds=2)
    (tmp_path / "spans.csv").write_text(
        "file,start,end,speaker,language\nanger_000.wav,0.5,1.25,7,de\nanger_000.wav,1.25,,,\n"
    )
    wishes = Wishes(audio=[str(tmp_path / "spans.csv")], raters=["A"])
    study = prepare_study(tmp_path / "study", wishes, changes={"repeat_share": 0})
    given = rate_on(study, raters_of(study)["A"])
    assert sorted(one.seconds for one in given) == [0.75, 0.75]
    write_collected(study, "table", tmp_path / "out" / "gold.csv")
    table = read_table(tmp_path / "out" / "gold.csv", resolve=True)
    assert table["speaker"].tolist()[0] == "7"
    assert table["language"].tolist()[0] == "de"
    files = table.index.get_level_values("file")
    assert {os.path.realpath(file) for file in files} == {
        os.path.realpath(tmp_path / "anger_000.wav")
    }
    study.store.close()


def test_practice_is_set_apart_at_random_or_named(tmp_path):
    with made_study(tmp_path / "a", items=6, wishes={"practice_count": 2}) as study:
        assert len(query(study, sa.select(schema.items).where(schema.items.c.practice))) == 2
    with (
        pytest.raises(StudyError, match="too few"),
        made_study(tmp_path / "b", items=2, wishes={"practice_count": 2}),
    ):
        pass
    audio = made_tones(tmp_path / "c" / "audio", 2)
    with (
        pytest.raises(StudyError, match="nothing left"),
        made_study(tmp_path / "c", items=2, wishes={"practice": [str(audio)]}),
    ):
        pass


@pytest.mark.parametrize(
    "changes",
    [
        *({"dominance": "maybe"}, {"title": "x" * 201}, {"instructions": "x" * 20_001}),
        *({"categories": ("a", "a")}, {"categories": (" ",)}, {"raters_per_item": 0}),
        *({"items_per_rater": -1}, {"repeat_share": 1.5}, {"repeat_share": float("nan")}),
        *({"repeat_distance": 0}, {"category": "required", "categories": ()}),
    ],
)
def test_a_setting_out_of_its_range_is_refused(changes):
    with pytest.raises(StudyError):
        StudySettings(**changes)


def test_settings_are_stored_whole_and_foreign_ones_refused():
    settings = StudySettings(title="Ü", dominance="optional", categories=("a", "b"))
    assert StudySettings.from_json(settings.to_json()) == settings
    with pytest.raises(StudyError, match="colour"):
        StudySettings.from_json('{"colour": 1}')


def rated_study(tmp_path, **settings):
    return made_study(tmp_path, items=8, wishes={"practice_count": 1}, **settings)


def test_what_is_collected_is_what_was_said_last_without_practice(tmp_path):
    with rated_study(tmp_path, repeat_share=0.4) as study:
        people = raters_of(study)
        for rater in people.values():
            rate_on(study, rater, rating=lambda given: Rating(1 + given.item_id % 5, 2.0))
        last = rate_on(study, people["Anna"])
        assert last == []
        with study.store.reading() as connection:
            collected = collect(connection)
            counts = progress(connection)
    table = collected.table
    assert len(table) == 2 * 2 * (7 + 3)
    assert table["repeat"].sum() == 2 * 2 * 3
    assert (counts["ratings"], counts["repeats"], counts["expected"]) == (14, 6, 14)
    assert in_words(counts).startswith("7 recordings by 2 raters make 14 ratings. On top, some")
    assert "3 hidden repeats for each rater, who thus gives 10 ratings." in in_words(counts)
    assert sum(day["ratings"] for day in counts["by_day"]) == 20
    assert len(collected.items) == 7


def test_an_undone_rating_is_in_the_log_only(tmp_path):
    with rated_study(tmp_path) as study:
        anna = raters_of(study)["Anna"]
        last = rate_on(study, anna, 3)[-1]
        with study.store.writing() as connection:
            undo(connection, anna, last.public)
        write_collected(study, "log", tmp_path / "log.jsonl")
        write_collected(study, "ratings", tmp_path / "ratings.csv")
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["did"] for line in log] == ["rated"] * 3 + ["undone"]
    assert len(pd.read_csv(tmp_path / "ratings.csv")) == 1


def test_every_format_can_be_written(tmp_path):
    with rated_study(tmp_path, raters_per_item=2) as study:
        for name, rater in raters_of(study).items():
            shift = 0.5 if name == "Bo" else 0.0
            rate_on(
                study, rater, rating=lambda given, s=shift: Rating(1 + given.item_id % 4 + s, 2)
            )
        for name, form in FORMATS.items():
            path = tmp_path / f"{name}{form.suffix}"
            write_collected(study, name, path)
            assert path.stat().st_size > 0
        with pytest.raises(StudyError, match="no format"):
            write_collected(study, "xlsx", tmp_path / "x.xlsx")
        with pytest.raises(StudyError, match=r"ends in \.csv"):
            write_collected(study, "table", tmp_path / "x.parquet")
        with study.store.reading() as connection:
            found, state = findings(evidence_of(connection)), state_of(connection)
            assert state_of(connection) == state
    table, other = (
        read_table(tmp_path / "table.csv"),
        read_table(tmp_path / "table-parquet.parquet"),
    )
    pd.testing.assert_frame_equal(table, other)
    assert table["activation_Bo"].sub(table["activation_Anna"]).eq(0.5).all()
    assert table["activation"].sub(table["activation_Anna"]).sub(0.25).abs().max() < 1e-12
    activation = found["labels"][0]
    assert activation["pairwise_r"] == 1.0
    assert activation["icc21"]["value"] < 1.0
    assert {item["spread"] for item in found["items"] if item["label"] == "activation"} == {0.5}
    statistics = pd.read_csv(tmp_path / "agreement.csv")
    row = statistics[
        (statistics["statistic"] == "ICC(2,1)") & (statistics["label"] == "activation")
    ]
    assert row["value"].iloc[0] == pytest.approx(activation["icc21"]["value"], abs=1e-4)


def test_quality_tells_who_hurries_and_who_uses_one_value(tmp_path):
    names = ("Anna", "Bo", "Cem")
    with made_study(tmp_path, items=24, raters=names) as study:
        said = {
            "Anna": lambda given: Rating(1 + given.item_id % 5, 2, milliseconds=900),
            "Bo": lambda given: Rating(1 + given.item_id % 5, 3, milliseconds=900),
            "Cem": lambda given: Rating(3, 2, milliseconds=50),
        }
        for name, rater in raters_of(study).items():
            rate_on(study, rater, rating=said[name])
        with study.store.reading() as connection:
            found = {rater["name"]: rater for rater in findings(evidence_of(connection))["raters"]}
    assert {"one_value", "hurried"} <= set(found["Cem"]["notes"])
    assert "hurried" not in found["Anna"]["notes"]
    assert found["Cem"]["hurried_share"] == 1.0
    assert found["Anna"]["median_seconds"] == 0.9
