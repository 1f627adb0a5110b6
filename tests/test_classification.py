"""The linear probe: that it never hears the speaker it is tested on, and its edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from affectspace.errors import TableError
from affectspace.evaluation import Resampling, Setting, probe_uar, score_classification
from affectspace.evaluation.classification import _predict

QUICK = Resampling(resamples=50)


def corpus(speakers=5, takes=4, noise=1.0, seed=0):
    """Three emotions on a line, in 2 dimensions, spoken by everyone."""
    rng = np.random.default_rng(seed)
    emotions = np.tile(np.repeat(["anger", "neutral", "sadness"], takes), speakers)
    place = np.tile(np.repeat([2.0, 0.0, -2.0], takes), speakers)
    z = place[:, None] + noise * rng.normal(size=(len(place), 2))
    return z, emotions, np.repeat(np.arange(speakers), 3 * takes).astype(str)


def test_is_sklearns_leave_one_group_out():
    z, emotions, speakers = corpus()
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    guess = cross_val_predict(model, z, emotions, groups=speakers, cv=LeaveOneGroupOut())
    probe = probe_uar(z, emotions, speakers, resampling=QUICK)
    assert probe.uar == pytest.approx(balanced_accuracy_score(emotions, guess))
    assert list(probe.predictions) == list(guess)
    assert probe.interval.low <= probe.uar <= probe.interval.high
    assert (probe.chance, probe.n, probe.speakers, probe.folds) == (1 / 3, 60, 5, 5)
    assert probe.categories == ("anger", "neutral", "sadness")


def test_a_voice_can_not_help():
    """Each speaker has one emotion and a corner of its own: by the voice, all would be right."""
    rng = np.random.default_rng(0)
    corners = rng.normal(size=(12, 8)) * 20
    speakers = np.repeat(np.arange(12), 10)
    z = corners[speakers] + rng.normal(size=(120, 8))
    probe = probe_uar(z, np.array(list("abc"))[speakers % 3], speakers, resampling=None)
    assert probe.uar < 0.6


def test_noise_is_at_chance_and_order_does_not_matter():
    z, emotions, speakers = corpus(speakers=20, noise=1e3)
    probe = probe_uar(z, emotions, speakers, resampling=None)
    assert probe.uar == pytest.approx(1 / 3, abs=0.12)
    order = np.random.default_rng(1).permutation(len(z))
    other = probe_uar(z[order], emotions[order], speakers[order], resampling=None)
    assert other.uar == pytest.approx(probe.uar, abs=1e-9)


def test_many_speakers_are_left_out_in_ten_groups():
    z, emotions, speakers = corpus(speakers=31, takes=1)
    assert probe_uar(z, emotions, speakers, resampling=None).folds == 10
    thirty = speakers != "0"
    assert probe_uar(z[thirty], emotions[thirty], speakers[thirty], resampling=None).folds == 30


def test_a_category_of_one_speaker_is_left_out():
    z, emotions, speakers = corpus()
    emotions = np.where((speakers == "0") & (emotions == "anger"), "disgust", emotions)
    probe = probe_uar(z, emotions, speakers, resampling=QUICK)
    assert probe.left_out == ("disgust",)
    assert probe.n == 56
    assert probe.predictions[:4] == (None,) * 4


def test_unknown_rows_are_left_out():
    z, emotions, speakers = corpus()
    words, voices = emotions.astype(object), speakers.astype(object)
    z[0], words[1], voices[2] = np.nan, None, np.nan
    probe = probe_uar(z, words, voices, resampling=None)
    assert probe.n == 57
    assert probe.predictions[:3] == (None,) * 3
    assert None not in probe.predictions[3:]


def test_a_training_half_with_one_category_predicts_it():
    z = np.array([[0.0], [0.1], [5.0], [5.1]])
    emotions, speakers = np.array(list("aabb")), np.array([0, 0, 1, 1])
    found = _predict(z, emotions, speakers, LeaveOneGroupOut())
    assert found.tolist() == ["b", "b", "a", "a"]


def test_one_category_left_is_nothing_to_recognise():
    probe = probe_uar([0.0, 1.0, 0.1, 1.1], list("aaab"), list("xxyy"), resampling=None)
    assert probe.left_out == ("b",)
    assert np.isnan(probe.uar)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_nothing_to_recognise(rows):
    z, emotions, speakers = corpus()
    probe = probe_uar(z[:rows], emotions[:rows], speakers[:rows])
    assert np.isnan([probe.uar, probe.chance, *probe.interval]).all()
    assert probe.folds == 0


def test_arrays_of_different_length_raise():
    z, emotions, speakers = corpus()
    with pytest.raises(TableError):
        probe_uar(z[:-1], emotions, speakers)


def test_results():
    z, emotions, speakers = corpus()
    table = pd.DataFrame({"emotion": emotions, "speaker": speakers})
    setting = Setting(protocol="classification", source="a", target="b", model="joint")
    score, chance = score_classification(z, table, setting=setting, resampling=QUICK)
    probe = probe_uar(z, emotions, speakers, resampling=QUICK)
    assert (score.metric, score.value) == ("uar", probe.uar)
    assert (score.low, score.high) == probe.interval
    assert (chance.metric, chance.value, chance.n) == ("uar_chance", 1 / 3, 60)
    assert score.label == "emotion"
    assert score_classification(z, table.drop(columns="emotion"), setting=setting) == []
