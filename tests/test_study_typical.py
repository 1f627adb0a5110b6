"""Typical ratings, estimated from the corpora that remain."""

import numpy as np
import pandas as pd

from affectspace.study.material import Material
from affectspace.study.typical import heard_ratings
from made_features import SPEC


def made_material(copies=1):
    parts = [
        ("one", "joy", 4.0), ("one", "joy", 5.0), ("one", "anger", 2.0),
        ("two", "joy", 3.5), ("two", "anger", 1.0), ("two", "fear", 1.5),
        ("none", "joy", np.nan), ("none", "fear", np.nan), ("none", "awe", np.nan),
        ("part", "joy", 1.0), ("part", "joy", np.nan),
    ]  # fmt: skip
    rows = pd.DataFrame(parts, columns=["source", "emotion", "activation"])
    rows["valence"] = 3.0
    values = np.zeros((copies * len(rows), len(SPEC.features)), np.float32)
    return Material(SPEC, values, rows)


def test_a_category_is_what_corpora_rate_it_on_average_each_counting_once():
    heard = heard_ratings(made_material(), frozenset({"part"})).ratings["activation"]
    np.testing.assert_allclose(heard[:9], [4, 5, 2, 3.5, 1, 1.5, 4.0, 1.5, np.nan])
    assert np.isnan(heard[9:]).all()


def test_what_is_left_out_is_neither_heard_nor_used():
    heard = heard_ratings(made_material(), frozenset({"two", "part"})).ratings["activation"]
    np.testing.assert_allclose(heard[6:9], [4.5, np.nan, np.nan])
    assert np.isnan(heard[3:6]).all()


def test_an_unrated_row_of_a_rated_corpus_stays_unrated():
    assert np.isnan(heard_ratings(made_material(), frozenset()).ratings["activation"][10])


def test_copies_hear_what_their_recording_hears():
    heard = heard_ratings(made_material(copies=3), frozenset()).ratings["activation"]
    np.testing.assert_array_equal(heard[:11], heard[22:])


def test_a_typical_rating_counts_less_the_wider_its_category_spreads():
    weights = heard_ratings(made_material(), frozenset({"part"})).weights["activation"]
    assert (weights[:6] == 1).all()  # ratings count whole
    one, two = np.var([4.0, 5.0, 2.0]), np.var([3.5, 1.0, 1.5])
    variance = (one + two) / 2
    joy = (np.mean([0.0, 1.0]) + 0.25) / 2  # about 4, in one corpus and in the other
    np.testing.assert_allclose(weights[6], variance / (variance + joy))
    assert weights[7] == 1  # a single rating of fear has no spread


def test_without_typical_ratings_only_ratings_are_heard():
    heard = heard_ratings(made_material(), frozenset(), typical=False)
    assert np.isnan(heard.ratings["activation"][6:9]).all()
    assert (heard.weights["activation"] == 1).all()
