"""`affectspace adapt`: a model and a table in, a model folder and suggestions out."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.errors import TableError
from affectspace.model import load_model, save_model
from affectspace.study.adaptation import adapt_model
from affectspace.tables import read_table
from made_features import feature_table
from made_models import CALIBRATION, made_model


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
    adapt_model(model, data, output=tmp_path / "aligned", align=True)
    assert load_model(tmp_path / "aligned").record["aligned"]["rows"] == 60


def test_a_wrong_goal_is_wrong_usage(model, data, tmp_path):
    result = invoke(model, "--data", data, "-o", tmp_path / "out", "--goal", "best")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
