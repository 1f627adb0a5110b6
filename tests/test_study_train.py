"""A recipe's way from corpora to a calibrated model folder with its card."""

import json
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from affectspace import corpora, features
from affectspace.audio.degrade import Degradation
from affectspace.errors import TableError
from affectspace.evaluation.calibrate import covered
from affectspace.evaluation.lolo import left_out, targets_of
from affectspace.features.degraded import Degraded
from affectspace.model import (
    check_model,
    find_model,
    load_model,
    read_card,
    read_metrics,
    shipped_models,
)
from affectspace.study import Extraction, ModelRecipe, read_corpus, train_model
from affectspace.study.card import measured_card
from affectspace.study.languages import PROTOCOL, _left_out_with, sisters
from affectspace.study.material import gather
from affectspace.study.recipes import RECIPES
from affectspace.synthesis import CORPORA, write_corpora
from affectspace.training import Recipe
from made_features import feature_table

SPEC = features.spec("egemaps-lld")
EXTRACTION = Extraction(features="egemaps-lld", jobs=1, cache=False)
RECIPE = ModelRecipe(
    name="made",
    version="1",
    licence="mit",
    features="egemaps-lld",
    training=Recipe(epochs=40, learning_rate=3e-3, clip=4.0),
    calibrate=True,
)


def made_corpora(folder, languages=("de", "ur", "da"), unrated="it"):
    """Feature tables of corpora in languages of their own, one of them without ratings."""
    paths = {}
    for seed, language in enumerate([*languages, unrated]):
        name = f"corpus-{language}"
        table = feature_table(name, 60, spec=SPEC, seed=seed)
        gender = np.where(table.rows["speaker"].str[-1].astype(int) % 2, "female", "male")
        rows = table.rows.assign(
            language=language, duration=np.linspace(1, 4, 60), gender=gender, age=25
        )
        if language == unrated:
            rows = rows.drop(columns=["activation", "valence"])
        replace(table, rows=rows).write(folder / f"{name}.parquet")
        paths[name] = folder / f"{name}.parquet"
    return paths


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    paths = made_corpora(tmp_path_factory.mktemp("corpora"))
    output = tmp_path_factory.mktemp("models") / "made"
    return paths, output, train_model(paths, output=output, recipe=RECIPE, cache=False)


@pytest.fixture(scope="module")
def results(trained):
    return pd.DataFrame(read_metrics(trained[1]))


@pytest.fixture(scope="module")
def metrics(results):
    """Those of whole targets, not aligned with them."""
    return results[(results["group"] == "") & ~results["transductive"]]


def test_each_model_is_aligned_with_the_language_that_it_never_met(results, metrics, trained):
    aligned = results[results["transductive"]]
    assert set(aligned["metric"]) == {"ccc", "mae", "coverage_90", "interval_width"}
    keys = ["protocol", "source", "target", "label"]
    assert set(aligned[keys].itertuples(index=False)) == set(metrics[keys].itertuples(index=False))
    held = aligned[aligned["metric"] == "coverage_90"]
    assert held[held["label"] == "activation"]["value"].mean() > 0.8
    card = read_card(trained[1])
    assert "### Aligned with a collection" in card
    row = aligned[
        (aligned["target"] == "corpus-ur")
        & (aligned["label"] == "valence")
        & (aligned["metric"] == "mae")
    ].iloc[0]
    _, line = [line for line in card.splitlines() if line.startswith("| corpus-ur | valence | ")][
        :2
    ]
    assert f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in line
    plain = measured_card(trained[2], results[~results["transductive"]])
    assert "Aligned with a collection" not in plain


def test_each_language_left_out_is_scored_by_a_model_that_never_met_it(metrics):
    assert set(metrics["protocol"]) == {PROTOCOL}
    assert set(metrics["target"]) == {"corpus-de", "corpus-ur", "corpus-da"}
    for row in metrics.itertuples():
        met = row.source.split("+")
        assert row.target not in met
        assert "corpus-it" in met
        assert len(met) == 3
    wanted = {"adjusted_r2", "pearson", "ccc", "mae", "coverage_90", "interval_width"}
    for _, rows in metrics.groupby(["target", "label"]):
        assert wanted <= set(rows["metric"])


def test_what_can_be_learned_is_learned_and_the_intervals_hold(metrics):
    means = metrics.groupby(["metric", "label"])["value"].mean()
    assert means["pearson", "activation"] > 0.9
    assert 0.8 < means["coverage_90", "activation"] < 1


def test_groups_of_each_language_left_out_are_compared(results, metrics, trained):
    groups = results[results["group"] != ""]
    names = {"female", "male", "female against male"}  # all are of one age
    assert set(groups["group"]) == {f"gender: {name}" for name in names}
    assert set(groups["target"]) == set(metrics["target"])
    keys = ["target", "label", "source"]
    assert set(groups[keys].itertuples(index=False)) == set(metrics[keys].itertuples(index=False))
    errors = groups[groups["metric"] == "mae"].groupby(["target", "label"])["value"].mean()
    whole = metrics[metrics["metric"] == "mae"].set_index(["target", "label"])["value"]
    pd.testing.assert_series_equal(errors, whole.sort_index(), check_names=False)
    row = groups[
        (groups["target"] == "corpus-ur")
        & (groups["label"] == "valence")
        & (groups["metric"] == "shift_at_equal_ratings")
    ].iloc[0]
    card = read_card(trained[1])
    shown = [line for line in card.splitlines() if "| corpus-ur | valence | female against" in line]
    assert f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}] |" in shown[0]
    assert "## Does it treat groups of speakers alike?" in card


def test_languages_of_a_corpus_and_unrated_corpora_are_compared_by_groups(tmp_path):
    paths = made_corpora(tmp_path, languages=("de", "ur", "da"), unrated="en")
    table = features.FeatureTable.read(paths["corpus-da"])
    languages = np.where(np.arange(60) % 4 < 2, "da", "en")
    replace(table, rows=table.rows.assign(language=languages)).write(paths["corpus-da"])
    train_model(paths, output=tmp_path / "model", recipe=RECIPE, cache=False)
    results = pd.DataFrame(read_metrics(tmp_path / "model"))
    apart = results[results["group"] == "language: da against en"]
    assert set(apart["target"]) == {"corpus-da"}
    assert set(apart["source"]) == {"corpus-de+corpus-ur"}
    assert (apart["n"] == 60).all()
    unrated = results[results["target"] == "corpus-en"]
    assert set(unrated["metric"]) == {"shift_at_equal_emotions"}
    assert set(unrated["source"]) == {"corpus-de+corpus-ur"}
    card = read_card(tmp_path / "model")
    assert "| corpus-en | activation | female against male | 6 |" in card


def test_a_corpus_in_no_known_language_is_compared_with_nothing():
    columns = {"source": list("abcd"), "language": ["de", "ur", "da", None]}
    rows = pd.DataFrame({**columns, "activation": [1, 2, 3, np.nan], "valence": np.nan})
    targets = targets_of(rows)
    gone = left_out(targets[0], rows)
    assert gone == {"a", "d"}
    assert [name for name, _ in _left_out_with(targets[0], gone, targets, rows)] == ["a"]


def test_a_shift_in_every_corpus_is_said_in_words(trained, results):
    chosen = results["metric"] == "shift_at_equal_ratings"
    shifts = {"value": 0.4, "low": 0.1, "high": 0.7}
    card = measured_card(
        trained[2], results.assign(**{k: results[k].mask(chosen, v) for k, v in shifts.items()})
    )
    assert "**Female against male: at the same rating the first are estimated 0.40 to" in card
    assert "0.40 higher in valence, in every corpus that tells" in card
    card = measured_card(trained[2], results.assign(low=results["low"].mask(chosen, -0.1)))
    assert "in every corpus" not in card


def test_a_card_says_what_only_the_teacher_heard_and_what_copies_counted(trained, results):
    model = trained[2]
    told = {"teacher_features": "native+compare", "copies_weigh": 0.3}
    settings = model.record["settings"]
    taught = replace(model, record={**model.record, "settings": {**settings, **told}})
    card, usual = measured_card(taught, results), measured_card(model, results)
    assert "knew the feature sets `native+compare`" in card
    assert "a copy counted 0.3 of the recording" in card
    assert "knew the feature sets" not in usual
    assert "a copy counted" not in usual


@pytest.mark.parametrize(
    ("degradations", "said"),
    [
        ((), None),
        ((Degradation(gain=(-20, 10), snr=(0, 25)),), "1 degraded copy (level, noise) and"),
        (
            (Degradation(gain=(-20, 10)), Degradation(codecs=("telephone", "mp3"))),
            "2 degraded copies (level, telephone, MP3) and",
        ),
    ],
)
def test_a_card_says_which_copies_were_met(trained, results, degradations, said):
    model = trained[2]
    settings = {**model.record["settings"], "degradations": [asdict(one) for one in degradations]}
    card = measured_card(replace(model, record={**model.record, "settings": settings}), results)
    assert ("degraded cop" in card) == (said is not None)
    assert said is None or said in card


def test_a_card_without_groups_does_not_speak_of_them(trained, metrics):
    assert "groups of speakers" not in measured_card(trained[2], metrics)


def test_the_model_of_everything_is_calibrated(trained):
    paths, _, model = trained
    assert model.record["rows"] == 240
    assert model.calibration.coverage == 0.9
    assert model.calibration.durations == pytest.approx((1, 4), abs=0.02)
    tables = [features.FeatureTable.read(path) for path in list(paths.values())[:3]]
    found = pd.concat([model.describe(table) for table in tables])
    ratings = pd.concat([table.rows["activation"] for table in tables])
    low, high = found["activation_low"], found["activation_high"]
    assert covered(ratings, low, high) > 0.85
    slope = np.polyfit(found["activation"], ratings, 1)[0]
    assert slope == pytest.approx(1, abs=0.15)
    assert found["unusualness"].median() == pytest.approx(0.5, abs=0.15)


def test_the_folder_passes_every_check_and_says_what_was_measured(trained, metrics):
    _, output, _ = trained
    assert {finding.check for finding in check_model(output) if not finding.ok} == set()
    card = read_card(output)
    assert card.startswith("---\nlicense: mit\n")
    row = metrics[
        (metrics["target"] == "corpus-ur")
        & (metrics["label"] == "activation")
        & (metrics["metric"] == "ccc")
    ].iloc[0]
    line, *_ = [line for line in card.splitlines() if line.startswith("| corpus-ur | activation")]
    assert f"{row['value']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in line
    assert "No decision about a person" in card
    assert "Valence is weak" in card
    for language in ("de", "ur", "da", "it"):
        assert f"corpus-{language}" in card


def test_the_same_command_gives_the_same_model_and_metrics(trained, tmp_path):
    paths, output, _ = trained
    train_model(paths, output=tmp_path / "again", recipe=RECIPE, cache=False)
    for name in ("model.safetensors", "metrics.json", "config.json", "README.md"):
        assert (tmp_path / "again" / name).read_bytes() == (output / name).read_bytes()


def test_two_rated_languages_are_too_few_to_calibrate(tmp_path):
    paths = made_corpora(tmp_path, languages=("de", "ur"))
    with pytest.raises(TableError, match="needs at least 3; rated are corpus-de, corpus-ur"):
        train_model(paths, output=tmp_path / "model", recipe=RECIPE, cache=False)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    small = replace(CORPORA[0], n_utterances=6, n_speakers=2, durations=(0.6, 0.7))
    folder = write_corpora(tmp_path_factory.mktemp("sound"), recipes=[small])[small.name]
    return folder / "utterances.csv"


def test_copies_are_features_of_degraded_recordings(recordings):
    corpus = read_corpus("sounds", recordings, extraction=EXTRACTION)
    quieter = Degradation(gain=(-20, -20))
    material = gather([corpus], extraction=EXTRACTION, degradations=[quieter])
    n = len(material.rows)
    assert material.values.shape == (2 * n, len(SPEC.features))
    np.testing.assert_array_equal(material.as_recorded, corpus.table.values)
    backend = Degraded(features.backend("egemaps-lld"), quieter)
    worse = features.extract(material.rows[[]], features=backend, jobs=1, cache=False)
    np.testing.assert_array_equal(material.values[n:], worse.values)
    loudness = SPEC.features.index(next(x for x in SPEC.features if "oudness" in x))
    assert (material.values[n:, loudness] < material.values[:n, loudness]).all()
    assert material.clean.tolist() == [*range(n), *range(n)]
    assert set(material.of_copies("source")) == {"sounds"}
    assert material.without(frozenset()).tolist() == list(range(2 * n))
    assert material.without(frozenset({"sounds"})).tolist() == []


def test_a_teacher_may_hear_another_set_of_the_same_recordings(recordings):
    corpus = read_corpus("sounds", recordings, extraction=EXTRACTION)
    both = "egemaps-lld+native"
    material = gather([corpus], extraction=EXTRACTION, teacher_features=both)
    spec, heard = material.for_teacher
    assert spec.name == both
    np.testing.assert_array_equal(heard[:, : len(SPEC.features)], material.values)
    native = features.extract(material.rows[[]], features="native", jobs=1, cache=False)
    np.testing.assert_array_equal(heard[:, len(SPEC.features) :], native.values)
    same = gather([corpus], extraction=EXTRACTION, teacher_features="egemaps-lld")
    assert same.for_teacher[0] == same.spec
    assert same.teacher_values is None


def test_a_feature_table_has_nothing_else_for_a_teacher(trained):
    corpus = read_corpus("made", trained[0]["corpus-de"], extraction=EXTRACTION)
    with pytest.raises(TableError, match=r"trains on native, which need the recordings"):
        gather([corpus], extraction=EXTRACTION, teacher_features="native")


def test_a_feature_table_has_nothing_to_degrade(trained):
    paths, *_ = trained
    corpus = read_corpus("made", paths["corpus-de"], extraction=EXTRACTION)
    with pytest.raises(TableError, match=r"need the recordings; the first, .* is missing"):
        gather([corpus], extraction=EXTRACTION, degradations=[Degradation()])


def test_a_copy_that_could_not_be_made_is_left_out(trained):
    corpus = read_corpus("made", trained[0]["corpus-de"], extraction=EXTRACTION)
    material = gather([corpus], extraction=EXTRACTION)
    values = material.values.copy()
    values[3, 0] = np.nan
    rows = replace(material, values=values).without(frozenset())
    assert rows.tolist() == [i for i in range(60) if i != 3]


def test_corpora_without_a_language_column_cannot_be_left_out_by_it(trained):
    table = feature_table("plain", 20, spec=SPEC)
    corpus = read_corpus("made", trained[0]["corpus-de"], extraction=EXTRACTION)
    material = gather([replace(corpus, name="plain", table=table)], extraction=EXTRACTION)
    with pytest.raises(TableError, match="rated are none"):
        sisters(material)


@pytest.mark.parametrize("name", ["default", "whisper"])
def test_a_shipped_model_is_made_by_its_recipe(name):
    model, recipe = load_model(name), RECIPES[name]
    assert (model.name, model.version, model.licence) == (
        recipe.name, recipe.version, recipe.licence,
    )  # fmt: skip
    assert model.spec.name == recipe.features
    assert set(model.record["sources"]) == set(recipe.sources)
    settings = model.record["settings"]
    assert settings["degradations"] == json.loads(
        json.dumps([vars(degradation) for degradation in recipe.degradations])
    )
    assert settings["teacher_features"] == recipe.teacher_features
    assert settings["copies_weigh"] == recipe.copies_weigh
    assert settings["networks"] == recipe.networks
    training = json.loads(json.dumps(vars(recipe.training)))
    assert {name: model.record["recipe"][name] for name in training} == training
    assert model.objective.name == recipe.objective == "joint"


def test_shipped_models_were_trained_on_nothing_that_may_not_be_shipped():
    for name in shipped_models():
        sources = set(load_model(name).record["sources"])
        assert sources == {"emodb", "emotale", "ravdess", "emovo", "urdu"}


@pytest.mark.real
def test_the_shipped_model_scores_what_it_was_trained_on(data_root):
    """Not an accuracy: it shows that files reach the model in the way it was trained on."""
    labels = data_root / "labels" / "dtu"
    table = corpora.read("emodb", data_root / "corpora" / "emodb", labels)[::12]
    found = load_model().embed(table, cache=False)
    assert found["status"].eq("ok").all()
    ratings = table["activation"].to_numpy()
    np.testing.assert_array_equal(found["input_activation"], ratings)
    assert np.corrcoef(found["activation"], ratings)[0, 1] > 0.75
    assert covered(ratings, found["activation_low"], found["activation_high"]) > 0.7


def test_a_shipped_card_is_what_its_recipe_writes_today():
    for name in shipped_models():
        folder, _ = find_model(name)
        card = measured_card(load_model(name), pd.DataFrame(read_metrics(folder)))
        assert read_card(folder) == card
