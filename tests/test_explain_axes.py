"""The axes of a model, and walks along them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affectspace.explain import Axis, axes_of, changes, walk
from affectspace.explain.axes import family_changes, feature_names
from affectspace.model import Architecture, Objective
from made_models import FEATURES, SIZES, made_model
from made_voices import LOUD, linear_model, speech

WIDE = replace(SIZES, n_latent=4)


def shapes(model):
    return [(axis.name, axis.rated) for axis in axes_of(model)]


def test_labels_come_first_and_then_the_dimensions_that_none_shaped():
    assert shapes(made_model()) == [("activation", True), ("valence", True)]
    assert shapes(made_model(architecture=WIDE)) == [
        *(("activation", True), ("valence", True), ("z3", False), ("z4", False)),
    ]
    assert shapes(made_model("unsupervised")) == [("z1", False), ("z2", False)]
    assert shapes(made_model("metric-val")) == [("valence", True)]


def test_places_are_the_models_estimates():
    model = replace(
        made_model(architecture=WIDE),
        objective=Objective("wide", {"activation": (0, 2), "valence": (1,)}),
        gains={"activation": 2.0, "valence": -0.5},
        offsets={"activation": 3.0, "valence": 2.5},
    )
    z = np.random.default_rng(0).normal(size=(20, 4))
    for axis in axes_of(model)[:2]:
        np.testing.assert_allclose(axis.places(z), model.estimate(z)[axis.name])
    np.testing.assert_array_equal(axes_of(model)[2].places(z), z[:, 3])


@pytest.mark.parametrize("changed", [{"offsets": {}}, {"gains": {"activation": 0.0}}])
def test_a_label_without_a_scale_is_read_in_z(changed):
    axis = axes_of(made_model("metric-act", **changed))[0]
    assert axis.unit == "activation"
    assert not axis.rated
    assert axis.places([[1.0, 3.0]]) == pytest.approx([2.0])


@pytest.mark.parametrize("with_rows", [True, False])
def test_every_stop_is_where_it_says_and_decodes_to_its_values(with_rows):
    model = made_model(architecture=WIDE, gains={"activation": 1.5, "valence": -2.0})
    z = np.random.default_rng(1).normal(size=(100, 4)) @ np.triu(np.ones((4, 4)))
    for axis in axes_of(model):
        walked = walk(model, axis, z if with_rows else None, steps=4)
        assert len(walked) == 4 * FEATURES
        stops = walked.groupby("stop")
        places = stops["place"].first().to_numpy()
        if with_rows:
            np.testing.assert_allclose(places[[0, -1]], np.quantile(axis.places(z), (0.05, 0.95)))
        else:
            assert places[-1] - places[0] == pytest.approx(2.0)
        np.testing.assert_allclose(np.diff(places, 2), 0, atol=1e-12)
        values = np.array([stop["value"] for _, stop in stops])
        deviations = np.array([stop["deviation"] for _, stop in stops])
        np.testing.assert_allclose(deviations * model.scale + model.mean, values)
        reencoded = axis.places(model.encode(values))
        np.testing.assert_allclose(stops["reencoded"].first(), reencoded)


def test_other_dimensions_follow_as_they_do_in_the_rows():
    """Slow twin: a regression of each dimension on the axis."""
    model = made_model(architecture=WIDE)
    z = np.random.default_rng(1).normal(size=(60, 4)) @ np.triu(np.ones((4, 4)))
    axis = axes_of(model)[1]
    walked = walk(model, axis, np.vstack([z, np.full((1, 4), np.nan)]), steps=2)
    for stop, values in walked.groupby("stop")["value"]:
        place = walked.loc[walked["stop"] == stop, "place"].iloc[0]
        there = [np.polyval(np.polyfit(axis.places(z), z[:, i], 1), place) for i in range(4)]
        np.testing.assert_allclose(values, model.decode(np.array([there]))[0], rtol=1e-6)


def test_a_walk_finds_what_an_axis_was_made_of():
    model, table = linear_model(), speech()
    walked = walk(model, axes_of(model)[0], model.encode(table))
    np.testing.assert_allclose(walked["reencoded"], walked["place"], atol=1e-6)
    found = changes(walked)
    assert set(found["feature"][:2]) == set(LOUD)
    apart = walked["place"].max() - walked["place"].min()
    np.testing.assert_allclose(found["change"][:2], apart, rtol=1e-6)
    np.testing.assert_allclose(
        (found["last"] - found["first"])[:2],
        apart * model.scale[[model.feature_names.index(f) for f in found["feature"][:2]]],
        rtol=1e-5,
    )
    by_family = family_changes(walked).set_index("family")
    assert by_family.loc["loudness", "words"] == "louder"
    assert by_family.loc["loudness", "score"] == pytest.approx(apart, rel=1e-6)
    assert by_family.loc["tempo", "words"] == ""
    assert np.isnan(by_family.loc["timbre", "score"])


@pytest.mark.parametrize("z", [np.zeros((0, 2)), np.ones((5, 2)), np.full((3, 2), np.nan)])
def test_rows_that_lie_in_one_place_are_no_help(z):
    model = made_model()
    axis = axes_of(model)[0]
    np.testing.assert_array_equal(walk(model, axis, z)["value"], walk(model, axis)["value"])


def test_one_stop_is_no_walk():
    with pytest.raises(ValueError, match="at least 2"):
        walk(made_model(), axes_of(made_model())[0], steps=1)


def test_names_of_features():
    assert feature_names(made_model())[:2] == ["a", "b"]
    assert feature_names(made_model(feature_names=None))[:2] == ["a", "b"]
    bare = made_model(feature_names=None, spec=None)
    assert feature_names(bare)[-1] == f"feature {FEATURES}"
    assert set(walk(bare, axes_of(bare)[0])["family"]) == {"other"}


def test_an_axis_by_hand():
    axis = Axis("z1", np.array([1.0, 0.0]))
    sizes = Architecture(n_features=FEATURES)
    walked = walk(made_model("unsupervised", sizes), axis)
    assert set(walked["axis"]) == {"z1"}
