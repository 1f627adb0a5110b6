"""The figures: which panels, which axes, and what the data may lack."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from affectspace import plots
from affectspace.explain import Criteria, explain_axes
from made_voices import LOUD, linear_model, speech

MODELS, CORPORA = ("unsupervised", "joint"), ("near", "far", "farther")


def embeddings(models=MODELS, corpora=CORPORA, *, n=20, dimensions=2):
    rng = np.random.default_rng(0)
    parts = []
    for model in models:
        for j, corpus in enumerate(corpora):
            z = rng.normal(loc=3 * j, size=(n, dimensions))
            part = pd.DataFrame(z, columns=[f"z{i + 1}" for i in range(dimensions)])
            parts.append(part.assign(model=model, corpus=corpus, activation=rng.uniform(1, 5, n)))
    return pd.concat(parts, ignore_index=True)


def panels(figure):
    """All axes but the colour bar."""
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


def drawn(figure):
    """Draw it once: what can't be drawn fails here."""
    figure.canvas.draw()
    return figure


def points(panel):
    return np.concatenate([np.asarray(c.get_offsets()) for c in panel.collections])


def test_figure3_has_a_row_per_model_and_a_column_per_corpus():
    figure = drawn(plots.figure3(embeddings(), title="Made up"))
    assert isinstance(figure, Figure)
    assert len(panels(figure)) == 6
    assert [axes.get_title() for axes in panels(figure)[:3]] == list(CORPORA)
    assert [axes.get_ylabel().partition("\n")[0] for axes in panels(figure)[::3]] == list(MODELS)
    assert figure.get_suptitle() == "Made up"
    (bar,) = set(figure.axes) - set(panels(figure))
    assert bar.get_ylim() == (1, 5)
    assert "activation" in bar.get_ylabel()


def test_figure3_shares_limits_and_colours():
    found = panels(plots.figure3(embeddings()))
    assert len({axes.get_xlim() for axes in found}) == 1
    assert len({axes.get_ylim() for axes in found}) == 1
    for axes in found:
        _, rated = axes.collections
        assert (rated.norm.vmin, rated.norm.vmax) == (1, 5)


def test_figure3_draws_each_point_in_its_panel():
    table = embeddings(models=("joint",))
    for panel, corpus in zip(panels(plots.figure3(table)), CORPORA, strict=True):
        mine = table.loc[table["corpus"] == corpus, ["z1", "z2"]].to_numpy()
        assert points(panel).shape == mine.shape
        inside = points(panel)[np.argsort(points(panel)[:, 0])][3:-3]
        assert np.isin(inside[:, 0], mine[:, 0]).all()


def test_figure3_draws_outliers_on_the_border():
    table = embeddings(n=200)
    table.loc[0, ["z1", "z2"]] = 1e6
    figure = drawn(plots.figure3(table))
    panel = panels(figure)[0]
    assert panel.get_xlim()[1] < 100
    assert points(panel)[:, 0].max() < panel.get_xlim()[1]
    assert len(points(panel)) == 200


@pytest.mark.parametrize("missing", [slice(0, 10), slice(None)])
def test_figure3_draws_unknown_ratings_too(missing):
    table = embeddings(models=("joint",), corpora=("near",))
    table.loc[table.index[missing], "activation"] = np.nan
    (panel,) = panels(drawn(plots.figure3(table)))
    assert len(points(panel)) == len(table)
    unknown, known = panel.collections
    assert len(unknown.get_offsets()) == table["activation"].isna().sum()
    assert len(known.get_offsets()) == table["activation"].notna().sum()


def test_figure3_of_one_dimension_and_of_more():
    (panel,) = panels(drawn(plots.figure3(embeddings(("a",), ("b",), dimensions=1))))
    assert (points(panel)[:, 1] == 0).all()
    assert len(panels(drawn(plots.figure3(embeddings(dimensions=4))))) == 6


def test_figure3_of_a_space_that_fell_into_a_point():
    table = embeddings(("a",), ("b",)).assign(z1=1.0, z2=1.0)
    (panel,) = panels(drawn(plots.figure3(table)))
    assert panel.get_xlim()[0] < 1 < panel.get_xlim()[1]


def test_figure3_by_another_label():
    table = embeddings().rename(columns={"activation": "valence"})
    figure = drawn(plots.figure3(table, label="valence"))
    assert any("valence" in axes.get_ylabel() for axes in figure.axes)


def history(models=MODELS, *, folds=3, epochs=5):
    parts = []
    for model in models:
        for fold in range(folds):
            run = pd.DataFrame({"epoch": np.arange(1, epochs + 1)})
            for term in ("loss", "reconstruction", "residual", "slope"):
                run[term] = np.linspace(1, 0.1 * fold, epochs)
            if model == "unsupervised":
                run["slope"] = np.nan
            parts.append(run.assign(model=model, seed=0, fold=fold))
    return pd.concat(parts)


def test_loss_curves_have_a_row_per_model_and_a_line_per_fold():
    figure = drawn(plots.loss_curves(history(), title="Made up"))
    assert len(figure.axes) == 8
    assert figure.axes[0].get_ylabel() == "unsupervised"
    assert figure.axes[4].get_ylabel() == "joint"
    assert all(len(axes.lines) == 3 for axes in figure.axes)
    assert figure.get_suptitle() == "Made up"
    np.testing.assert_allclose(figure.axes[4].lines[2].get_ydata(), np.linspace(1, 0.2, 5))
    assert figure.axes[0].get_ylim() == figure.axes[4].get_ylim()


def test_loss_curves_of_one_model_that_stopped_at_once():
    figure = drawn(plots.loss_curves(history(("joint",), folds=1, epochs=1)))
    assert len(figure.axes) == 4


def results(models=MODELS, corpora=CORPORA, labels=("activation", "valence")):
    rows = [
        {
            "model": model,
            "target": corpus,
            "label": label,
            "metric": metric,
            "fold": fold,
            "value": 0.1 * i + 0.2 * fold,
            "low": 0.0,
            "high": 0.9,
        }
        for i, model in enumerate(models)
        for corpus in corpora
        for label in labels
        for fold in (0, 1)
        for metric in ("adjusted_r2", "ccc")
    ]
    return pd.DataFrame(rows)


def test_intervals_have_a_panel_per_label_and_a_colour_per_model():
    figure = drawn(plots.intervals(results(), title="Made up"))
    assert [axes.get_title() for axes in figure.axes] == ["activation", "valence"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == list(CORPORA)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == list(MODELS)
    assert len({line.get_color() for line in figure.axes[0].lines}) == 2
    np.testing.assert_allclose(figure.axes[0].lines[1].get_xdata(), [0.2] * 3)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert figure.get_suptitle() == "Made up"


def test_intervals_of_another_metric_one_model_and_one_corpus():
    figure = drawn(plots.intervals(results(("joint",), ("near",), ("valence",)), metric="ccc"))
    (axes,) = figure.axes
    assert axes.get_xlabel() == "CCC"


def test_intervals_with_gaps():
    table = results()
    table.loc[table["target"] == "far", ["low", "high"]] = np.nan
    table = table[(table["target"] != "farther") | (table["label"] == "activation")]
    figure = drawn(plots.intervals(table))
    assert np.isnan(figure.axes[1].lines[0].get_xdata()[2])
    assert len(figure.axes[0].get_yticks()) == 3


@pytest.fixture(scope="module")
def findings():
    tables = {
        "one": speech("aa", follows=LOUD),
        "two": speech("bb", seed=1),
        "three": speech("cc", seed=2, speakers=3, rated=False),
    }
    criteria = Criteria(halvings=10, halvings_per_resample=2, formulas=20, resamples=40)
    return explain_axes(linear_model(), tables, criteria=criteria)


def test_walks_have_a_panel_per_axis_and_a_dot_per_stop(findings):
    figure = drawn(plots.axis_walk(findings.walked, most=6, title="Made up"))
    first, second = panels(figure)
    assert (first.get_title(), second.get_title()) == ("activation", "valence")
    labels = [tick.get_text() for tick in first.get_yticklabels()]
    assert set(labels[:2]) == {"mean loudness", "loudness, 50th percentile"}
    assert len(labels) == 6
    assert all(len(dots.get_offsets()) == 5 for dots in first.collections)
    assert figure.get_suptitle() == "Made up"


def test_correlations_have_a_column_for_the_model_and_for_listeners(findings):
    figure = drawn(plots.axis_correlations(findings.followed))
    assert [axes.get_title() for axes in figure.axes] == [
        *("activation, model", "activation, listeners", "valence, model", "valence, listeners"),
    ]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["aa", "bb", "cc"]
    of_model, of_listeners = figure.axes[:2]
    dots = [[line for line in axes.lines if line.get_marker() == "o"] for axes in figure.axes]
    assert [len(lines) for lines in dots] == [3, 2, 3, 2]
    assert of_model.get_xlim() == of_listeners.get_xlim() == (-1, 1)
    loudness = [t.get_text() for t in of_model.get_yticklabels()].index("loudness")
    assert dots[0][0].get_xdata()[loudness] == pytest.approx(1.0)


def test_correlations_of_one_language_without_ratings():
    tables = {"one": speech("aa", rated=False)}
    found = explain_axes(linear_model(), tables)
    assert len(drawn(plots.axis_correlations(found.followed)).axes) == 2
    assert len(drawn(plots.axis_meanings(found.compared)).axes) == 1


def test_meanings_are_coloured_by_verdict(findings):
    figure = drawn(plots.axis_meanings(findings.compared, title="Made up"))
    assert [axes.get_title() for axes in figure.axes] == ["activation", "valence"]
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels[0] == "aa, bb: model"
    assert labels[-1] == "bb: model with listeners"
    by_verdict = findings.compared.query("axis == 'activation'").groupby("verdict").size()
    found = {line.get_label(): len(line.get_xdata()) for line in figure.axes[0].lines}
    assert {name: found[name] for name in by_verdict.index} == by_verdict.to_dict()
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    assert colours["same"] == plots.VERDICT_COLOURS["same"]
