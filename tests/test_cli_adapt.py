"""`affectspace adapt`: a model and a table in, a model folder and suggestions out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.adapt import summary
from affectspace.cli import app
from affectspace.errors import CorpusError, ModelError, TableError
from affectspace.features import FeatureTable
from affectspace.model import load_model, read_card, read_metrics, save_model
from affectspace.study.adaptation import adapt_model
from affectspace.tables import read_table, write_table
from made_features import feature_table
from made_models import ALIGNABLE, CALIBRATION, made_model
from made_speech_model import speech_model
from voices import voice, write


def invoke(*arguments):
    return CliRunner().invoke(app, ["adapt", *map(str, arguments)])


@pytest.fixture
def model(tmp_path):
    return save_model(made_model(name="made", calibration=CALIBRATION), tmp_path / "model")


@pytest.fixture
def data(tmp_path):
    table = feature_table()
    table.rows.loc[table.rows.index[40:], ["activation", "valence"]] = np.nan
    table.write(tmp_path / "new.parquet")
    return tmp_path / "new.parquet"


def test_ratings_make_a_better_model_and_say_what_they_are_worth(model, data, tmp_path):
    result = invoke(model, "--data", data, "-o", tmp_path / "out", "--suggest", 5)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "out")
    assert "activation (40 ratings of 6 speakers): adapted; expected CCC" in result.stderr
    suggested = read_table(tmp_path / "out" / "suggestions.csv")
    rated = [f"made{i}.wav" for i in range(40)]
    assert len(suggested) == 5
    assert not set(suggested.index.get_level_values("file")) & set(rated)
    adapted = load_model(tmp_path / "out")
    assert adapted.record["adapted"][0]["rated"] == 40
    values, truth = feature_table().values[40:], feature_table().rows[40:]
    before = (load_model(model).predict(values)["activation"] - truth["activation"]).abs().mean()
    after = (adapted.predict(values)["activation"] - truth["activation"]).abs().mean()
    assert after < 0.7 * before


def test_columns_of_other_names_are_taken(model, tmp_path):
    table = feature_table()
    renamed = table.rows.rename(columns={"activation": "energy"}).drop(columns="valence")
    type(table)(table.spec, table.values, renamed).write(tmp_path / "new.parquet")
    found = adapt_model(
        model, tmp_path / "new.parquet", output=tmp_path / "o", columns={"activation": "energy"}
    )
    assert found.adaptation.choices["activation"].ratings == 60
    assert found.adaptation.choices["valence"].step == "kept"
    renamed.rename(columns={"energy": "arousal"}).to_csv(tmp_path / "ratings.csv")
    read = read_table(tmp_path / "ratings.csv")
    type(table)(table.spec, table.values, read).write(tmp_path / "read.parquet")
    named = {"activation": "arousal"}  # which is called activation once it is read
    again = adapt_model(model, tmp_path / "read.parquet", output=tmp_path / "q", columns=named)
    assert again.adaptation.choices["activation"].ratings == 60
    result = invoke(
        model,
        "--data",
        tmp_path / "new.parquet",
        "-o",
        tmp_path / "p",
        "--labels",
        "activation=mood",
    )
    assert result.exit_code == 1
    assert isinstance(result.exception, TableError)
    assert "no column 'mood' for activation" in str(result.exception)


def test_without_ratings_there_are_suggestions_and_alignment(model, data, tmp_path):
    table = feature_table()
    bare = table.rows.drop(columns=["activation", "valence"])
    type(table)(table.spec, table.values, bare).write(data)
    with pytest.raises(TableError, match="nothing to adapt to: name their columns"):
        adapt_model(model, data, output=tmp_path / "none")
    found = adapt_model(model, data, output=tmp_path / "some", suggestions=3)
    assert not found.adaptation.changed
    pd.testing.assert_frame_equal(
        load_model(tmp_path / "some").predict(table.values), load_model(model).predict(table.values)
    )
    arguments = (model, "--data", data, "-o", tmp_path / "aligned", "--align")
    with pytest.raises(ModelError, match="can't be aligned"):  # as nobody measured collections
        raise invoke(*arguments).exception
    save_model(made_model(name="made", calibration=ALIGNABLE), model)
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    assert "The estimates were aligned with 60 rows (" in result.stderr
    assert "as it was" not in result.stderr
    card = read_card(tmp_path / "aligned")
    assert "## On a collection's own scale\n\nIts estimates were aligned with 60 rows (" in card
    assert "Adapted" not in card
    assert read_metrics(tmp_path / "aligned") == []
    aligned, expected = load_model(tmp_path / "aligned"), load_model(model).aligned(table)
    pd.testing.assert_frame_equal(aligned.predict(table.values), expected.predict(table.values))
    assert aligned.name == "made"
    assert aligned.calibration.collections.keys() == {"activation", "valence"}
    feature_table().write(data)
    result = invoke(model, "--data", data, "-o", tmp_path / "both", "--align")
    assert "note: with 20 ratings and more it is better not to align." in result.stderr
    both = load_model(tmp_path / "both")
    assert both.name == "made, adapted"
    assert "activation (60 ratings of 6 speakers): adapted" in result.stderr
    assert "activation" not in both.record.get("aligned", {}).get("labels", ())


def test_a_folder_of_recordings_is_one_to_align_with(tmp_path):
    model = save_model(speech_model(), tmp_path / "model")
    (tmp_path / "my talks").mkdir()
    for i in range(3):
        write(tmp_path / "my talks" / f"{i}.wav", voice(0.5 + 0.1 * i, pitch=90 + 30 * i, seed=i))
    (tmp_path / "my talks" / "broken.wav").write_text("no audio")
    result = invoke(model, "--data", tmp_path / "my talks", "-o", tmp_path / "out", "--align")
    assert result.exit_code == 0, result.output
    assert "aligned with 3 rows (" in result.stderr
    assert "0 ratings" not in result.stderr
    expected = speech_model().embed(tmp_path / "my talks", align=True)
    found = load_model(tmp_path / "out").embed(tmp_path / "my talks")
    np.testing.assert_allclose(found["activation"], expected["activation"])
    assert found.attrs["affectspace"]["scale"] == expected.attrs["affectspace"]["scale"]
    with pytest.raises(TableError, match="nothing to adapt to"):
        adapt_model(model, tmp_path / "my talks", output=tmp_path / "none")
    with pytest.raises(CorpusError, match="no corpus 'emodbb'"):  # a misspelt name
        adapt_model(
            model, tmp_path / "my talks", name="emodbb", output=tmp_path / "none", align=True
        )
    wanted = invoke(model, "--data", tmp_path / "my talks", "-o", tmp_path / "s", "--suggest", 2)
    assert f"2 utterances to rate next: {tmp_path / 's' / 'suggestions.csv'}" in wanted.stderr


def test_estimates_of_an_embedding_table_are_no_ratings(tmp_path):
    model = save_model(speech_model(), tmp_path / "model")
    for i in range(6):
        write(tmp_path / f"{i}.wav", voice(0.5 + 0.1 * i, pitch=90 + 30 * i, seed=i))
    table = speech_model().embed(tmp_path)
    write_table(table, tmp_path / "out.csv")
    with pytest.raises(TableError, match="estimates of an embedding table are none"):
        adapt_model(model, tmp_path / "out.csv", output=tmp_path / "none")
    found = adapt_model(model, tmp_path / "out.csv", output=tmp_path / "aligned", align=True)
    assert {choice.ratings for choice in found.adaptation.choices.values()} == {0}
    assert "activation and valence are estimates and were not read" in found.warnings[0]
    named = {"activation": "activation"}  # whoever insists
    found = adapt_model(model, tmp_path / "out.csv", output=tmp_path / "named", columns=named)
    assert found.adaptation.choices["activation"].ratings == 6
    assert found.warnings == ()


def test_ratings_that_do_not_go_with_the_voices_are_pointed_out(model, data, tmp_path):
    adaptation = adapt_model(model, data, output=tmp_path / "out").adaptation
    assert "no agreement at all" not in summary(adaptation)[0]
    of_activation = adaptation.expected["label"] == "activation"
    against = adaptation.expected["after"].mask(of_activation, -0.1)
    adaptation = replace(adaptation, expected=adaptation.expected.assign(after=against))
    activation, valence = summary(adaptation)
    assert activation.endswith("; no agreement at all: are these the ratings of these recordings?")
    assert "no agreement at all" not in valence


def test_a_wrong_goal_is_wrong_usage(model, data, tmp_path):
    result = invoke(model, "--data", data, "-o", tmp_path / "out", "--goal", "best")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_misspelt_column_is_refused_and_the_right_one_suggested(model, data, tmp_path):
    table = feature_table()
    rows = table.rows.rename(columns={"activation": "activaton"})
    type(table)(table.spec, table.values, rows).write(data)
    with pytest.raises(TableError, match=r"'activaton': correct it, or .* activation=activaton"):
        adapt_model(model, data, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"activaton": [3]}, "correct it"),
        ({"activation": [9]}, "should be from 1 to 5"),
        ({"energy": [9]}, "activation should be a number from 1 to 5; 1 of 1 are not"),
        ({"speaker": ["a"]}, "has no ratings"),
    ],
)
def test_wrong_ratings_are_refused_before_a_recording_is_opened(columns, message, tmp_path):
    table = pd.DataFrame({"file": ["gone.wav"], **columns})
    table.to_csv(tmp_path / "data.csv", index=False)
    named = {"activation": "energy"} if "energy" in columns else None
    with pytest.raises(TableError, match=message):  # else: not one row could be used
        adapt_model("default", tmp_path / "data.csv", output=tmp_path / "out", columns=named)


def test_speech_that_the_model_was_trained_on_is_pointed_out(model, data, tmp_path):
    trained = replace(load_model(model), record={"sources": {"other": {}, "near": {}}})
    for name, rows in (("new", {"corpus": "near"}), ("other", {}), ("new", {})):
        table = FeatureTable.read(data)
        table = replace(table, rows=table.rows.assign(**rows))
        table.write(tmp_path / "met" / f"{name}.parquet")
        met = tmp_path / "met" / f"{name}.parquet"
        found = adapt_model(trained, met, output=tmp_path / f"out-{name}-{len(rows)}")
        assert len(found.warnings) == (name == "other" or "corpus" in rows)
    save_model(trained, tmp_path / "trained")
    data.rename(tmp_path / "other.parquet")
    told = invoke(tmp_path / "trained", "--data", tmp_path / "other.parquet", "-o", tmp_path / "x")
    assert "note: The model was trained on other: it knows these utterances" in told.stderr


def test_nothing_to_suggest_is_said(model, data, tmp_path):
    table = feature_table()
    ratings = table.rows[["activation", "valence"]].fillna(3.0)
    type(table)(table.spec, table.values, table.rows.assign(**ratings)).write(data)
    full = invoke(model, "--data", data, "-o", tmp_path / "full", "--suggest", "4")
    assert "No row without ratings is left" in full.stderr


def test_one_rating_shifts_and_says_that_nothing_was_measured(model, data, tmp_path):
    table = feature_table()
    rows = table.rows.copy()
    rows.iloc[1:, rows.columns.get_indexer(["activation", "valence"])] = np.nan
    type(table)(table.spec, table.values, rows).write(data)
    few = invoke(model, "--data", data, "-o", tmp_path / "few")
    assert "only shifted" in few.stderr
    assert "nothing is left to measure it on" in few.stderr


def test_too_few_ratings_to_tell_are_called_so(model, data, tmp_path):
    found = adapt_model(model, data, output=tmp_path / "out").adaptation
    choices = {k: replace(x, step="kept", ratings=3) for k, x in found.choices.items()}
    lines = summary(replace(found, choices=choices))
    assert all("too few to tell; rate 20 or more" in line for line in lines)
