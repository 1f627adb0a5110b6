"""Protocol 1 on small made-up corpora: folds, seeds, what is left out, and the figures."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from affectspace.errors import ContractError, TableError
from affectspace.evaluation import adjusted_r2, adjusted_r2_pairs, check_results
from affectspace.evaluation.reproduction import Protocol, reproduce
from affectspace.training import Recipe
from made_features import SPEC, feature_table

RECIPE = Recipe(epochs=2, learning_rate=1e-3)
PLAIN = Protocol(objectives=("unsupervised",), folds=2, recipe=RECIPE)


@pytest.fixture(scope="module")
def corpora():
    return {
        "near": feature_table("near", 54),
        "far": feature_table("far", 30, speakers=5, seed=1),
    }


@pytest.fixture(scope="module")
def found(corpora):
    protocol = Protocol(objectives=("metric-act", "joint"), folds=2, seeds=2, recipe=RECIPE)
    return reproduce("near", corpora, protocol=protocol)


def embeddings_of(one, table):
    return one.model.encode(table.values.iloc[one.held_out])


def test_a_model_for_each_fold_seed_and_objective(found):
    which = [(one.objective, one.seed, one.fold) for one in found.trained]
    assert sorted(which) == sorted(product(("metric-act", "joint"), (0, 1), (0, 1)))
    assert len({one.model.record["seed"] for one in found.trained}) == 4
    assert all(one.model.spec == SPEC for one in found.trained)


def test_folds_part_the_rows_and_keep_the_classes(found, corpora):
    folds = {one.fold: one.held_out for one in found.trained}
    np.testing.assert_array_equal(np.sort(np.concatenate([*folds.values()])), np.arange(54))
    emotion = corpora["near"].rows["emotion"].to_numpy()
    splits = StratifiedKFold(2, shuffle=True, random_state=0).split(emotion, emotion)
    for fold, (_, held_out) in enumerate(splits):
        np.testing.assert_array_equal(folds[fold], held_out)


def test_results_are_a_results_table(found):
    results = found.results
    pd.testing.assert_frame_equal(results, check_results(results))
    assert set(results["protocol"]) == {"reproduction", "classification", "consistency"}
    assert set(results["source"]) == {"near"}
    assert set(results["target"]) == {"near", "far", "all"}
    assert not results["transductive"].any()


def test_figures_are_those_computed_directly(found, corpora):
    results = found.results[found.results["protocol"] == "reproduction"]
    for one in found.trained:
        mine = results[
            (results["model"] == one.objective)
            & (results["seed"] == one.seed)
            & (results["fold"] == one.fold)
        ].set_index(["target", "label", "metric"])["value"]
        for label in ("activation", "valence"):
            held_out = corpora["near"].rows[label].iloc[one.held_out]
            z = embeddings_of(one, corpora["near"])
            assert mine["near", label, "adjusted_r2"] == pytest.approx(adjusted_r2(z, held_out))
            assert mine["near", label, "adjusted_r2_pairs"] == pytest.approx(
                adjusted_r2_pairs(z, held_out)
            )
            far = corpora["far"]
            assert mine["far", label, "adjusted_r2"] == pytest.approx(
                adjusted_r2(one.model.encode(far), far.rows[label])
            )


def test_held_out_rows_are_not_trained_on(found, corpora):
    one = found.trained[0]
    inside = np.setdiff1d(np.arange(54), one.held_out)
    np.testing.assert_allclose(
        one.model.mean, corpora["near"].values.iloc[inside].mean(), rtol=1e-5
    )


def test_embeddings_are_of_the_first_fold_of_the_first_seed(found, corpora):
    table = found.embeddings
    assert list(table.columns) == [
        *("corpus", "model", "z1", "z2", "activation", "valence", "emotion"),
    ]
    for one in found.trained:
        if (one.seed, one.fold) == (0, 0):
            mine = table[table["model"] == one.objective]
            near, far = (mine[mine["corpus"] == name] for name in ("near", "far"))
            np.testing.assert_allclose(
                near[["z1", "z2"]], embeddings_of(one, corpora["near"]), rtol=1e-6
            )
            np.testing.assert_allclose(far[["z1", "z2"]], one.model.encode(corpora["far"]))
            assert near["emotion"].tolist() == (
                corpora["near"].rows["emotion"].iloc[one.held_out].tolist()
            )


def test_same_settings_same_results(found, corpora):
    protocol = Protocol(objectives=("joint",), folds=2, recipe=RECIPE)
    again = reproduce("near", corpora, protocol=protocol).results
    first = found.results[(found.results["model"] == "joint") & (found.results["seed"] == 0)]
    pd.testing.assert_series_equal(
        again["value"], first["value"].reset_index(drop=True), check_exact=False, atol=1e-5
    )


def test_shared_speakers_are_said(found):
    (warning,) = found.warnings
    assert warning.startswith("near: Train and test share 6 of 6 test speakers: near-0, near-1")


def test_split_by_speaker_shares_none():
    table = feature_table("near", 60, speakers=5)
    found = reproduce("near", {"near": table}, protocol=replace(PLAIN, folds=3, split="speaker"))
    speakers = table.rows["speaker"].to_numpy()
    for one in found.trained:
        inside = np.setdiff1d(np.arange(60), one.held_out)
        assert not set(speakers[one.held_out]) & set(speakers[inside])
    assert found.warnings == []


def test_unknown_speakers_count_as_one_and_are_not_split():
    table = feature_table("near", 60, speakers=5)
    names = table.rows["speaker"].where(table.rows["speaker"] != "near-2")
    table = replace(table, rows=table.rows.assign(speaker=names))
    found = reproduce("near", {"near": table}, protocol=replace(PLAIN, split="speaker"))
    unknown = np.flatnonzero(names.isna())
    assert {len(np.intersect1d(one.held_out, unknown)) for one in found.trained} == {0, 12}
    none = replace(table, rows=table.rows.drop(columns="speaker"))
    with pytest.raises(TableError, match="as many speakers"):
        reproduce("near", {"near": none}, protocol=replace(PLAIN, split="speaker"))


def test_transductive_results_say_so(corpora):
    protocol = replace(PLAIN, transductive=True)
    found = reproduce("near", corpora, protocol=protocol)
    flags = found.results[found.results["protocol"] == "reproduction"].groupby("target")
    assert flags["transductive"].agg(["min", "max"]).to_dict("index") == {
        "near": {"min": False, "max": False},
        "far": {"min": True, "max": True},
    }
    consistency = found.results[found.results["protocol"] == "consistency"]
    assert consistency["transductive"].all()
    assert "transductive" in found.warnings[-1]

    values = corpora["far"].values.to_numpy()
    one = found.trained[0]
    own = replace(one.model, mean=values.mean(0, dtype="f8"), scale=values.std(0, dtype="f8"))
    value = found.results.query(
        "fold == 0 and target == 'far' and label == 'activation' and metric == 'adjusted_r2'"
    )["value"].item()
    rated = corpora["far"].rows["activation"]
    assert value == pytest.approx(adjusted_r2(own.encode(values), rated), abs=1e-6)


def test_rows_without_features_are_left_out(corpora):
    near = corpora["near"]
    status = np.where(np.arange(54) % 4 == 0, "silent", "ok")
    values = near.values.copy()
    values[status == "silent"] = np.nan
    holed = replace(near, values=values, rows=near.rows.assign(status=status))
    kept = replace(near, values=near.values[status == "ok"], rows=near.rows[status == "ok"])
    results = [reproduce("near", {"near": t}, protocol=PLAIN).results for t in (holed, kept)]
    pd.testing.assert_frame_equal(*results)
    rated = results[0].query("metric == 'adjusted_r2' and label == 'valence'")
    assert rated["n"].sum() == 40


def test_the_classes_of_iemocap():
    words = ("anger", "happiness", "excitement", "neutral", "sadness", "frustration", "surprise")
    table = feature_table("iemocap", 84, speakers=4, emotions=words)
    other = replace(table, rows=table.rows.assign(speaker="x"))
    found = reproduce("iemocap", {"iemocap": table, "other": other}, protocol=PLAIN)
    emotions = found.embeddings.groupby("corpus")["emotion"].unique()
    assert set(emotions["iemocap"]) == {"anger", "happiness", "neutral", "sadness"}
    assert set(emotions["other"]) == set(words)
    assert sum(len(one.held_out) for one in found.trained) == 84 * 5 // 7
    elsewhere = reproduce("else", {"else": table}, protocol=PLAIN)
    assert sum(len(one.held_out) for one in elsewhere.trained) == 84


def test_a_corpus_whose_speakers_give_the_label_away_is_named():
    table = feature_table("near", 54)
    emotion = table.rows["speaker"].map(lambda s: ("anger", "sadness")[int(s[-1]) % 2])
    leaky = replace(table, rows=table.rows.assign(emotion=emotion))
    found = reproduce("near", {"near": table, "leaky": leaky}, protocol=PLAIN)
    assert any(
        w.startswith("leaky, emotion: The speaker alone predicts the label") for w in found.warnings
    )


def test_a_single_corpus_is_enough(corpora):
    found = reproduce("near", {"near": corpora["near"]}, protocol=PLAIN)
    assert set(found.results["target"]) == {"near"}
    assert set(found.results["protocol"]) == {"reproduction", "classification"}


def test_a_corpus_without_a_speaker_column_is_scored(corpora):
    nameless = {
        name: replace(table, rows=table.rows.drop(columns="speaker"))
        for name, table in corpora.items()
    }
    found = reproduce("near", nameless, protocol=PLAIN)
    scored = found.results.query("metric == 'adjusted_r2'")
    assert scored["value"].notna().all()
    assert (scored["speakers"] == 1).all()
    assert found.warnings == [
        "near: no speaker is known, so nobody can tell whether its folds share speakers."
    ]


def test_an_unrated_target_is_embedded_and_not_scored(corpora):
    bare = corpora["far"].rows[["speaker", "status"]]
    unrated = replace(corpora["far"], rows=bare)
    found = reproduce("near", {"near": corpora["near"], "far": unrated}, protocol=PLAIN)
    assert "far" not in set(found.results["target"])
    far = found.embeddings[found.embeddings["corpus"] == "far"]
    assert len(far) == 30
    assert far[["activation", "valence", "emotion"]].isna().all(axis=None)


def test_progress_is_reported(corpora, capsys):
    reproduce("near", {"near": corpora["near"]}, protocol=PLAIN, progress=True)
    captured = capsys.readouterr()
    assert "Training" in captured.err
    assert "Evaluating" in captured.err
    assert captured.out == ""


def changed(table, **columns):
    return replace(table, rows=table.rows.assign(**columns))


@pytest.mark.parametrize(
    ("source", "settings", "message"),
    [
        (feature_table(n=9, speakers=3), {"folds": 4}, "smallest class has 3"),
        (feature_table(speakers=2), {"folds": 3, "split": "speaker"}, "as many speakers"),
        (changed(feature_table(), emotion=np.nan), {}, "no known emotion"),
        (changed(feature_table(), status="silent"), {}, "none of 60 rows has features"),
        (
            changed(feature_table(), valence=np.nan),
            {"objectives": ("metric-act", "joint")},
            "objective 'joint' needs valence, but no row of made",
        ),
        (
            changed(feature_table(), valence=np.nan, activation=np.nan),
            {},
            "no row of made is rated",
        ),
    ],
)
def test_a_source_that_can_not_be_used(source, settings, message):
    with pytest.raises(TableError, match=message):
        reproduce("made", {"made": source}, protocol=replace(PLAIN, **settings))


def test_iemocap_without_a_class_of_the_study():
    table = feature_table(emotions=("frustration", "surprise"))
    with pytest.raises(TableError, match="smallest class has 0"):
        reproduce("iemocap", {"iemocap": table}, protocol=PLAIN)


def test_a_column_that_lacks():
    table = feature_table()
    bare = replace(table, rows=table.rows.drop(columns="emotion"))
    with pytest.raises(TableError, match="no known emotion"):
        reproduce("made", {"made": bare}, protocol=PLAIN)


def test_a_target_without_a_usable_row_is_named(corpora):
    with pytest.raises(TableError, match="far: none of 30 rows has features"):
        reproduce("near", corpora | {"far": changed(corpora["far"], status="failed")})


def test_features_of_another_contract_are_refused(corpora):
    other = feature_table(spec=replace(SPEC, backend_version="2"))
    with pytest.raises(ContractError, match="backend_version"):
        reproduce("near", corpora | {"other": other}, protocol=PLAIN)


@pytest.mark.parametrize(
    "settings",
    [
        {"objectives": ("metric-dominance",)},
        {"objectives": ()},
        {"folds": 1},
        {"seeds": 0},
        {"split": "session"},
    ],
)
def test_settings_that_are_none(settings):
    with pytest.raises(ValueError, match="must be"):
        Protocol(**settings)


def test_a_target_without_ratings_is_named(corpora):
    name = next(name for name in corpora if name != "near")
    unrated = corpora[name].rows.assign(activation=np.nan, valence=np.nan)
    found = reproduce(
        "near", corpora | {name: replace(corpora[name], rows=unrated)}, protocol=PLAIN
    )
    assert f"{name}: no row is rated, so it is in no table of ratings." in found.warnings
    assert found.used["near"] == len(corpora["near"])
