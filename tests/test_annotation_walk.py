"""From an unlabelled folder to an adapted model, by the commands of docs/agreement.md."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from affectspace import corpora, load_model
from affectspace.annotation import ratings_of, write_ratings
from affectspace.cli import app
from affectspace.evaluation.metrics import ccc, mae
from affectspace.synthesis.corpora import CORPORA, TABLE, write_corpora
from affectspace.tables import read_table, resolve_files, write_table


def run(*arguments):
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == 0, result.output
    return result


def halves(table):
    """The utterances of the first half of the speakers, and of the others."""
    speakers = sorted(table["speaker"].unique())
    first = table["speaker"].isin(speakers[: len(speakers) // 2])
    return table[first], table[~first]


def some_missing(ratings, seed):
    """Leave each item a random two of its raters, as an assignment would."""
    rng = np.random.default_rng(seed)
    left = ratings.sample(frac=1, random_state=rng.integers(2**31))
    levels = [left.index.get_level_values("file"), left["label"].to_numpy()]
    return left[(left.groupby(levels).cumcount() < 2).to_numpy()]


def made_ratings(truth, seed=0):
    """Four raters with habits of their own, in half steps."""
    rng = np.random.default_rng(seed)
    parts = []
    for rater, offset, noise in (("a", 0.4, 0.3), ("b", -0.3, 0.4), ("c", 0, 0.5), ("d", 0.1, 0.6)):
        for label in ("activation", "valence"):
            heard = truth[label] + offset + noise * rng.normal(size=len(truth))
            value = ((2 * heard).round() / 2).clip(1, 5).to_numpy()
            row = {"rater": rater, "label": label, "value": value}
            parts.append(pd.DataFrame(row, index=truth.index))
    return pd.concat(parts)


def errors_of(model, table, cache):
    """CCC and mean absolute error of estimated activation."""
    found = load_model(str(model)).embed(table, cache=str(cache))
    truth, estimate = table["activation"], found["activation"]
    return ccc(truth, estimate), mae(truth, estimate)


def test_with_made_speech_and_made_raters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = replace(CORPORA[1], name="speech", n_utterances=64, n_speakers=8)
    folder = write_corpora(tmp_path, recipes=[recipe], seed=3)["speech"]
    truth = read_table(folder / TABLE)
    mine, rest = halves(truth)
    plain = mine.set_axis(mine.index.set_levels(mine.index.levels[0].str[:-4], level="file"))
    write_ratings(some_missing(made_ratings(plain), seed=1), "ratings.csv")  # names, no folders
    write_table(resolve_files(truth[["speaker"]], "speech"), "recordings.csv")

    ways = ("--gold", "gold.csv", "--audio", "recordings.csv", "--estimator", "ewe")
    ways += ("--language", "zxx")  # which evaluate leaves out
    told = run("agreement", "ratings.csv", *ways)
    assert "64 ratings of 32 items by 4 raters" in told.stdout
    gold = read_table("gold.csv")
    assert len(gold) == 64
    assert gold["activation_n"].tolist() == [2] * 32 + [0] * 32
    assert gold["speaker"].notna().all()

    adapting = ("-o", "mine", "--cache", "cache", "--suggest", "5")
    told = run("adapt", "default", "--data", "gold.csv", *adapting)
    assert "activation (32 ratings of 4 speakers): adapted" in told.stderr
    unrated = set(gold[gold["activation"].isna()].index.get_level_values("file"))
    suggested = read_table("mine/suggestions.csv").index.get_level_values("file")
    assert len(suggested) == 5
    assert set(suggested) <= unrated

    rest = resolve_files(rest, "speech")
    before, after = (errors_of(model, rest, tmp_path / "cache") for model in ("default", "mine"))
    assert after[0] > before[0] + 0.1  # six seeds gained .11 to .35
    assert after[1] < before[1]

    evaluating = ("--model", "default", "--model", "mine", "--rival", "none", "--protocol", "2")
    told = run(
        "evaluate", "--source", "speech=gold.csv", *evaluating, "-o", "out", "--cache", "cache"
    )
    assert "model | speech" in told.stdout


@pytest.mark.real
def test_with_the_raters_of_emotale(tmp_path, data_root, monkeypatch):
    """A model that heard German only; Danish utterances, each heard by two of three people."""
    monkeypatch.chdir(tmp_path)
    german = corpora.read("emodb", data_root / "corpora/emodb", data_root / "labels/dtu")[::4]
    write_table(german, "german.csv")
    training = ("--objective", "joint", "--clip", "4", "--output", "german", "--cache", "cache")
    run("train", "--source", "german=german.csv", *training)

    danish = corpora.read("emotale", data_root / "corpora/emotale")
    mine, rest = halves(danish[danish["language"] == "da"])
    some = mine.sample(80, random_state=0)
    write_ratings(some_missing(ratings_of(some).table, seed=0), "ratings.csv")
    write_table(some[["speaker"]], "recordings.csv")

    labels = ("--label", "activation", "--label", "valence")
    ways = ("--gold", "gold.csv", "--audio", "recordings.csv")
    told = run("agreement", "ratings.csv", *labels, *ways)
    assert "activation: 160 ratings of 80 items by 3 raters" in told.stdout
    run("adapt", "german", "--data", "gold.csv", "-o", "danish", "--cache", "cache")

    rest = rest[::3]
    before, after = (errors_of(model, rest, tmp_path / "cache") for model in ("german", "danish"))
    assert after[0] > before[0] + 0.15  # eight splits and draws gained .42 to .54
    assert after[1] < before[1] - 0.05
