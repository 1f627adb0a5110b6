"""The teacher, against slow twins, and what it makes of several corpora."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.features import FeatureSpec
from affectspace.features.composite import blocks_of
from affectspace.study.material import Material
from affectspace.study.teaching import taught_ratings
from affectspace.study.typical import heard_ratings
from affectspace.training.teacher import Teacher, deviation_within, fit_kernel_ridge
from made_features import SPEC


def made_rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5))
    groups = np.arange(n) % 3
    y = np.stack([np.sin(x[:, 0]) + groups, x[:, 1] * x[:, 2] - 2 * groups], axis=1)
    return x, y, groups


def test_the_regression_solves_its_equations():
    x, y, groups = made_rows()
    weights = np.linspace(0.5, 2, len(x))
    teacher = Teacher(width=0.3, penalty=0.7, clip=2.0)
    fitted = fit_kernel_ridge(x, y, groups, teacher=teacher, weights=weights)
    deviation = np.sqrt(np.mean([x[groups == g].var(axis=0) for g in range(3)], axis=0))
    z = ((x - x.mean(axis=0)) / deviation).clip(-2, 2)
    kernel = np.array([[np.exp(-0.3 * np.mean((a - b) ** 2)) for b in z] for a in z])
    design = np.eye(3)[groups]
    system = np.block([[kernel + np.diag(0.7 / weights), design], [design.T, np.zeros((3, 3))]])
    solved = np.linalg.solve(system, np.vstack([y, np.zeros((3, 2))]))[: len(x)]
    np.testing.assert_allclose(fitted.coefficients, solved, atol=2e-5)
    np.testing.assert_allclose(fitted.predict(x), kernel @ solved, atol=2e-5)


def test_what_a_group_adds_to_all_its_labels_is_not_learned():
    x, y, groups = made_rows()
    plain = fit_kernel_ridge(x, y, groups, teacher=Teacher())
    shifted = fit_kernel_ridge(x, y + 7.0 * groups[:, None], groups, teacher=Teacher())
    np.testing.assert_allclose(plain.predict(x), shifted.predict(x), atol=1e-9)


def test_a_row_of_weight_two_counts_as_two_rows():
    x, y, groups = made_rows(n=30)
    teacher = Teacher(width=0.2, penalty=1.0, clip=50.0)
    weights = np.where(np.arange(30) == 3, 2.0, 1.0)
    once = fit_kernel_ridge(x, y, groups, teacher=teacher, weights=weights)
    twice = [*range(30), 3]
    again = fit_kernel_ridge(x[twice], y[twice], groups[twice], teacher=teacher)
    scale = again.scale / once.scale, (once.mean - again.mean) / once.scale
    z = (x - once.mean) / once.scale  # the repeated row moves mean and deviation a little
    again_there = again.predict((z * scale[0] - scale[1]) * once.scale + once.mean)
    np.testing.assert_allclose(once.predict(x), again_there, atol=0.05)


def test_a_constant_feature_has_scale_one():
    x = np.c_[np.full(6, 0.1, np.float32), np.arange(6)]
    np.testing.assert_allclose(deviation_within(x, np.array([0, 0, 0, 1, 1, 1]))[0], 1.0)


@pytest.mark.parametrize("name", ["width", "penalty", "clip"])
def test_settings_that_regress_nothing_are_refused(name):
    with pytest.raises(ValueError, match=name):
        Teacher(**{name: 0.0})


def test_blocks_are_the_parts_of_a_composite():
    names = ("one:a", "one:b", "two:a")
    rules = {"sampling_rate": 16000, "channel": "first", "level": "as-recorded"}
    joined = FeatureSpec(
        name="one+two", backend="x + y", backend_version="1", features=names, **rules
    )
    single = FeatureSpec(name="one", backend="x", backend_version="1", features=names, **rules)
    assert blocks_of(joined) == [slice(0, 2), slice(2, 3)]
    assert blocks_of(single) == [slice(0, 3)]


def made_material(slopes=(0.8, -0.8, 0.0), copies=2, n=80):
    """Corpora whose valence goes with activation in different directions."""
    rng = np.random.default_rng(1)
    f = len(SPEC.features)
    parts, values = [], []
    for i, slope in enumerate(slopes):
        x = rng.normal(size=(n, f)).astype(np.float32)
        activation = 3 + 0.8 * x[:, 0]
        valence = 3 + slope * (activation - 3) + 0.5 * x[:, 1]
        parts.append(
            pd.DataFrame({"source": f"c{i}", "activation": activation, "valence": valence})
        )
        values.append(x + 2 * i)
    rows = pd.concat(parts, ignore_index=True)
    return Material(SPEC, np.concatenate([np.concatenate(values)] * copies), rows)


def test_valence_is_taught_free_of_what_a_corpus_makes_it_share_with_activation():
    material = made_material()
    gone = frozenset({"c2"})
    taught = taught_ratings(material, gone, heard_ratings(material, gone), Teacher())
    n = len(material.rows)
    assert np.isnan(taught["valence"][160:n]).all()
    np.testing.assert_array_equal(taught["valence"][:n], taught["valence"][n:])
    x = material.as_recorded[:160]
    for corpus in (slice(0, 80), slice(80, 160)):
        activation, valence = taught["activation"][corpus], taught["valence"][corpus]
        assert np.corrcoef(activation, x[corpus, 0])[0, 1] > 0.9
        assert np.corrcoef(valence, x[corpus, 1])[0, 1] > 0.9
        assert abs(np.corrcoef(valence, activation)[0, 1]) < 0.3


def test_valence_as_rated_keeps_what_it_shares_with_activation():
    material, gone = made_material(slopes=(0.8, 0.8, 0.8)), frozenset({"c2"})
    teacher = Teacher(free_valence=False)
    taught = taught_ratings(material, gone, heard_ratings(material, gone), teacher)
    corpus = slice(0, 80)
    assert np.corrcoef(taught["valence"][corpus], taught["activation"][corpus])[0, 1] > 0.5


def test_what_is_left_out_is_not_looked_at():
    material, gone = made_material(), frozenset({"c1"})
    honest = taught_ratings(material, gone, heard_ratings(material, gone), Teacher())
    values, rows = material.values.copy(), material.rows.copy()
    banned = (rows["source"] == "c1").to_numpy()
    values[np.concatenate([banned, banned])] = 99.0
    rows.loc[banned, ["activation", "valence"]] = 1.0
    spoilt = Material(SPEC, values, rows)
    again = taught_ratings(spoilt, gone, heard_ratings(spoilt, gone), Teacher())
    np.testing.assert_array_equal(honest["activation"], again["activation"])


def test_a_teacher_of_another_set_hears_that_and_what_the_network_hears_does_not_matter():
    plain, gone = made_material(), frozenset({"c2"})
    n = len(plain.rows)
    noise = np.random.default_rng(0).normal(size=plain.values.shape).astype(np.float32)
    other = replace(plain, values=noise, teacher_spec=SPEC, teacher_values=plain.as_recorded.copy())
    wanted = taught_ratings(plain, gone, heard_ratings(plain, gone), Teacher())
    found = taught_ratings(other, gone, heard_ratings(other, gone), Teacher())
    np.testing.assert_array_equal(found["valence"], wanted["valence"])
    assert other.teacher_values is not None
    other.teacher_values[7] = np.nan
    found = taught_ratings(other, gone, heard_ratings(other, gone), Teacher())
    assert np.flatnonzero(np.isnan(found["activation"])).tolist() == [
        7, *range(160, n), n + 7, *range(n + 160, 2 * n)
    ]  # fmt: skip


def test_constant_ratings_teach_nothing_and_give_no_nan():
    material = made_material()
    material.rows["valence"] = 3.0
    nobody: frozenset[str] = frozenset()
    taught = taught_ratings(material, nobody, heard_ratings(material, nobody), Teacher())
    np.testing.assert_array_equal(taught["valence"], 0.0)
