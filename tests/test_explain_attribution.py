"""Why this estimate: attributions that add up, and their words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from affectspace.errors import ContractError
from affectspace.explain import attribute, reasons
from affectspace.explain.attribution import MOST_SAID, sentence
from affectspace.features import FeatureTable
from made_features import feature_table
from made_models import made_model
from made_speech_model import speech_model
from made_voices import FEATURES, HIGH, LOUD, linear_model, speech


def test_features_and_families_add_up_to_the_difference_from_the_usual():
    model = speech_model()
    rng = np.random.default_rng(0)
    features = model.mean + 6 * model.scale * rng.normal(size=(30, len(model.mean)))
    usual = model.mean + model.scale * rng.normal(size=len(model.mean))
    found = attribute(model, features, reference=usual)
    expected = model.predict(features).to_numpy() - model.predict(usual[None]).to_numpy()
    np.testing.assert_allclose(found.estimates - found.usual, expected)
    np.testing.assert_allclose(found.values.sum(axis=2), expected, atol=1e-10)
    np.testing.assert_allclose(found.by_family().sum(axis=2), expected, atol=1e-10)
    assert np.abs(found.deviations).max() <= 8  # both ends are clipped at 4


def test_of_a_linear_model_it_is_weight_times_deviation():
    model, table = linear_model(clip=None), speech()
    found = attribute(model, table)
    deviations = (table.values.to_numpy() - model.mean) / model.scale
    weights = model.weights["encoder.0.weight"] * [1.0, 0.5]
    expected = deviations[:, None, :] * weights.T
    np.testing.assert_allclose(found.values, expected, atol=1e-6)
    np.testing.assert_allclose(found.deviations, deviations)


def test_a_feature_as_usual_adds_nothing_and_the_usual_itself_nothing_at_all():
    model, table = made_model(), feature_table()
    features = table.values.to_numpy(np.float64, copy=True)
    features[:, 2] = model.mean[2]
    found = attribute(model, features)
    assert (found.values[:, :, 2] == 0).all()
    assert (attribute(model, features, reference=features).values == 0).all()


def test_family_scores_are_means_of_signed_deviations():
    model, table = linear_model(), speech()
    found = attribute(model, table)
    of = {name: found.deviations[:, FEATURES.index(name)] for name in FEATURES}
    scores = dict(zip(found.families, found.family_scores().T, strict=True))
    np.testing.assert_allclose(
        scores["tempo"],
        (of["VoicedSegmentsPerSec"] - of["MeanVoicedSegmentLengthSec"]) / 2,
    )
    np.testing.assert_allclose(scores["loudness"], np.mean([of[name] for name in LOUD], axis=0))
    assert np.isnan(scores["timbre"]).all()


def test_reasons_add_up_and_name_what_moved_the_estimate():
    model, table = linear_model(), speech(noise=0.1)
    told = reasons(model, table)
    assert told.index.equals(table.values.index)
    families = [name for name in told if name.endswith("_in_activation")]
    assert len(families) == 8 + 1  # and the limit
    np.testing.assert_allclose(
        told["activation"], told["usual_activation"] + told[families].sum(axis=1)
    )
    loud = table.rows["activation"] > 4.5
    assert told.loc[loud, "why_activation"].str.startswith("louder +").all()
    soft = table.rows["activation"] < 1.5
    assert told.loc[soft, "why_activation"].str.startswith("softer -").all()
    # the valence axis hears pitch, which only noise and the speakers move
    assert told["why_valence"].str.match("(higher |lower )?pitch [+-]|as usual").all()


def test_estimates_end_where_the_scale_does_and_the_parts_still_add_up():
    model, table = linear_model(), speech()
    beyond = replace(model, scale=model.scale / 4)  # everything lies four times as far out
    told = reasons(beyond, table)
    plain = beyond.predict(table)
    assert (plain["activation"] > 5).any()
    assert (plain["activation"] < 1).any()
    for label in ("activation", "valence"):
        parts = [name for name in told if name.endswith(f"_in_{label}")]
        added = told[f"usual_{label}"] + told[parts].sum(axis=1)
        np.testing.assert_allclose(told[label], added)
        np.testing.assert_allclose(told[label], plain[label].clip(1, 5))
        cut = (plain[label] - plain[label].clip(1, 5)).abs() >= 0.005
        assert (told[f"why_{label}"].str.contains("end of the scale") == cut).all()


def test_blocks_change_nothing_whether_the_reference_is_one_row_or_many(monkeypatch):
    model, table = linear_model(), speech(follows=HIGH)
    references = [None, model.mean + 1, table.values.to_numpy()[::-1]]
    whole = [reasons(model, table, reference=reference) for reference in references]
    monkeypatch.setattr("affectspace.explain.attribution._BLOCK", 200)
    for reference, expected in zip(references, whole, strict=True):
        found = reasons(model, table, reference=reference)
        assert found.equals(expected)


def test_rows_without_features_have_no_reasons():
    model, table = linear_model(), speech()
    values = table.values.copy()
    values.iloc[3] = np.nan
    rows = table.rows.copy()
    rows.iloc[3, rows.columns.get_loc("status")] = "silent"
    told = reasons(model, FeatureTable(table.spec, values, rows))
    assert (
        told.iloc[3]
        .drop(["why_activation", "why_valence"])
        .drop(["usual_activation", "usual_valence"])
        .isna()
        .all()
    )
    assert told.iloc[3][["why_activation", "why_valence"]].tolist() == ["", ""]
    assert told.drop(told.index[3]).notna().all(axis=None)
    none = FeatureTable(table.spec, values.iloc[:0], rows.iloc[:0])
    assert list(reasons(model, none)) == list(told)


def test_a_model_without_labels_gives_no_reasons_but_no_error_either():
    told = reasons(made_model("unsupervised"), feature_table())
    assert told.shape == (60, 0)


def test_features_of_another_contract_are_refused():
    with pytest.raises(ContractError):
        reasons(made_model(), speech())
    with pytest.raises(ContractError):
        attribute(linear_model(), speech().values.iloc[:, ::-1])


@pytest.mark.parametrize(
    ("added", "scores", "said"),
    [
        ([0.5, 0.3, 0.2], [1.0, -1.0, np.nan], "higher pitch +0.50, softer +0.30, timbre +0.20"),
        ([-0.5, 0.01, 0.0], [0.1, 2.0, np.nan], "pitch -0.50, rest +0.01"),
        ([0.004, -0.003, 0.001], [2.0, 2.0, np.nan], "as usual"),
        ([0.02, 0.02, 0.001], [2.0, 2.0, np.nan], "higher pitch +0.02, louder +0.02"),
        ([np.nan, 0.1, 0.1], [np.nan, 1.0, np.nan], ""),
        ([-1.0, 0.05, 0.05], [-2.0, 0.3, np.nan], "lower pitch -1.00, rest +0.10"),
    ],
)
def test_sentences(added, scores, said):
    found = sentence(["pitch", "loudness", "timbre"], np.array(added), np.array(scores))
    assert found == said


def test_a_sentence_has_an_end():
    names = ["pitch", "loudness", "tempo", "formants", "voice quality", "timbre"]
    found = sentence(names, np.full(6, 0.2), np.full(6, 1.0))
    assert found.count(",") == MOST_SAID
    assert found.endswith("rest +0.40")
