"""The metrics against independent libraries, and against slow twins that are obviously right."""

from __future__ import annotations

import warnings
from itertools import combinations

import audmetric
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import balanced_accuracy_score, mean_absolute_error

from affectspace.errors import TableError
from affectspace.evaluation import (
    adjusted_r2,
    adjusted_r2_pairs,
    adjusted_r2_pvalue,
    bias,
    ccc,
    kendall,
    mae,
    offset,
    pearson,
    slope,
    uar,
)

PAIRED = [adjusted_r2, adjusted_r2_pvalue, adjusted_r2_pairs, pearson, kendall, ccc, mae, bias]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def half_steps(rng, n):
    return rng.integers(2, 11, n) / 2


class TestAdjustedR2:
    @pytest.mark.parametrize("dimensions", [1, 2, 5])
    def test_is_that_of_sklearns_fit(self, rng, dimensions):
        z = rng.normal(50.0, 3.0, (40, dimensions))
        label = z[:, 0] + rng.normal(size=40)
        r2 = LinearRegression().fit(z, label).score(z, label)
        expected = 1 - (1 - r2) * 39 / (40 - dimensions - 1)
        assert adjusted_r2(z, label) == pytest.approx(expected, abs=1e-12)

    def test_collinear_and_constant_dimensions_change_nothing(self, rng):
        z = rng.normal(size=(30, 2))
        label = z[:, 0] + rng.normal(size=30)
        padded = np.column_stack([z, z @ [2.0, -1.0], np.full(30, 0.1), 3 * z[:, 0]])
        assert adjusted_r2(padded, label) == pytest.approx(adjusted_r2(z, label), abs=1e-9)
        single = padded.astype(np.float32)
        assert adjusted_r2(single, label) == pytest.approx(adjusted_r2(z, label), abs=1e-5)

    def test_is_free_of_affine_changes(self, rng):
        z, label = rng.normal(size=(30, 2)), rng.normal(size=30)
        moved = z @ [[2.0, 1.0], [0.0, 3.0]] * 1e4 + 1e6
        assert adjusted_r2(moved, 2 * label - 7) == pytest.approx(adjusted_r2(z, label), abs=1e-8)

    def test_edges(self, rng):
        z = rng.normal(size=(10, 2))
        assert np.isnan(adjusted_r2(z, np.full(10, 0.1)))
        assert adjusted_r2(np.full((10, 2), 0.1), rng.normal(size=10)) == 0.0
        assert np.isnan(adjusted_r2(z[:3], rng.normal(size=3)))
        assert np.isfinite(adjusted_r2(z[:4], rng.normal(size=4)))
        assert np.isnan(adjusted_r2(rng.normal(size=(10, 20)), rng.normal(size=10)))

    def test_significance_is_the_f_test(self, rng):
        x, label = rng.normal(size=25), rng.normal(size=25)
        expected = stats.linregress(x, label).pvalue
        assert adjusted_r2_pvalue(x, label) == pytest.approx(expected, abs=1e-12)
        z = rng.normal(size=(25, 3))
        r2 = LinearRegression().fit(z, label).score(z, label)
        f = (r2 / 3) / ((1 - r2) / 21)
        assert adjusted_r2_pvalue(z, label) == pytest.approx(stats.f.sf(f, 3, 21), abs=1e-12)

    def test_significance_of_a_perfect_and_of_no_fit(self, rng):
        x = rng.normal(size=20)
        assert adjusted_r2_pvalue(x, 2 * x + 1) == pytest.approx(0.0, abs=1e-30)
        assert np.isnan(adjusted_r2_pvalue(np.ones(20), x))


class TestAdjustedR2Pairs:
    @pytest.mark.parametrize("dimensions", [1, 2, 4])
    def test_is_the_fit_over_explicit_pairs(self, rng, dimensions):
        z = rng.normal(5.0, 1.0, (23, dimensions))
        label = half_steps(rng, 23) + z[:, 0]
        pairs = list(combinations(range(23), 2))
        z_d = np.array([z[i].mean() - z[j].mean() for i, j in pairs])
        l_d = np.array([label[i] - label[j] for i, j in pairs])
        p = (l_d @ z_d) / (l_d @ l_d)
        r2 = 1 - ((z_d - p * l_d) ** 2).sum() / (z_d**2).sum()
        count = len(pairs)
        assert count == 23 * 22 / 2
        expected = 1 - (1 - r2) * count / (count - 1)
        assert adjusted_r2_pairs(z, label) == pytest.approx(expected, abs=1e-12)
        assert r2 == pytest.approx(stats.pearsonr(z.mean(axis=1), label).statistic ** 2, abs=1e-12)

    def test_edges(self, rng):
        assert np.isnan(adjusted_r2_pairs([1.0, 2.0], [1.0, 2.0]))
        assert adjusted_r2_pairs([1.0, -2.0, 1.0], [1.0, 2.0, 3.0]) == pytest.approx(-0.5)
        assert np.isnan(adjusted_r2_pairs(np.ones(5), rng.normal(size=5)))
        assert np.isnan(adjusted_r2_pairs(rng.normal(size=5), np.ones(5)))


class TestCorrelations:
    def test_pearson_is_scipys(self, rng):
        x, y = rng.normal(size=(2, 50))
        assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
        assert pearson(x + 1e6, y) == pytest.approx(pearson(x, y), abs=1e-9)
        assert pearson(x, -3 * x) == pytest.approx(-1.0)

    def test_kendall_is_a_count_of_pairs(self, rng):
        x, y = half_steps(rng, 30), half_steps(rng, 30)
        signs = [
            (np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in combinations(range(30), 2)
        ]
        score = sum(a * b for a, b in signs)
        untied = sum(a != 0 for a, _ in signs) * sum(b != 0 for _, b in signs)
        assert kendall(x, y) == pytest.approx(score / np.sqrt(untied), abs=1e-12)

    def test_ccc_is_audmetrics(self, rng):
        x = rng.normal(size=50)
        y = 0.5 * x + rng.normal(size=50) + 0.3
        assert ccc(x, y) == pytest.approx(audmetric.concordance_cc(x, y), abs=1e-12)
        assert ccc(x + 1e4, y + 1e4) == pytest.approx(ccc(x, y), abs=1e-6)
        assert abs(ccc(x, y)) <= abs(pearson(x, y))

    def test_constants(self):
        ramp, flat = np.arange(5.0), np.full(5, 0.1)
        for metric in (pearson, kendall):
            assert np.isnan(metric(ramp, flat))
            assert np.isnan(metric(flat, ramp))
        assert ccc(ramp, flat) == 0.0
        assert ccc(flat, flat + 1) == 0.0
        assert np.isnan(ccc(flat, flat))

    def test_mae_is_sklearns(self, rng):
        x, y = rng.normal(size=(2, 50))
        assert mae(x, y) == pytest.approx(mean_absolute_error(x, y), abs=1e-12)

    def test_bias_is_the_mean_error(self, rng):
        x, y = rng.normal(size=(2, 50))
        assert bias(x, y) == pytest.approx(y.mean() - x.mean(), abs=1e-12)


class TestUar:
    def test_is_sklearns_and_audmetrics(self, rng):
        truth = rng.choice(list("abc"), 60, p=[0.7, 0.2, 0.1])
        guess = np.where(rng.random(60) < 0.5, truth, rng.choice(list("abc"), 60))
        assert uar(truth, guess) == pytest.approx(balanced_accuracy_score(truth, guess), abs=1e-12)
        expected = audmetric.unweighted_average_recall(truth, guess)
        assert uar(truth, guess) == pytest.approx(expected, abs=1e-12)

    def test_a_category_that_is_only_predicted_does_not_count(self):
        assert uar(["a", "a", "b"], ["a", "c", "b"]) == 0.75

    def test_numbers_are_categories_too(self):
        assert uar([0, 0, 1], [0, 1, 1]) == 0.75

    def test_edges(self):
        assert np.isnan(uar([], []))
        assert uar(["a", None, "b"], ["a", "a", None]) == 1.0


class TestLine:
    def test_slope_and_offset_are_those_of_the_fit(self, rng):
        label = half_steps(rng, 50)
        axis = 2 * label + rng.normal(size=50) - 40
        fit = stats.linregress(label, axis)
        assert slope(label, axis) == pytest.approx(fit.slope, abs=1e-12)
        assert offset(label, axis) == pytest.approx(fit.intercept + 3 * fit.slope, abs=1e-10)

    def test_edges(self):
        for metric in (slope, offset):
            assert np.isnan(metric(np.full(5, 0.1), np.arange(5.0)))
            assert np.isnan(metric([], []))
        assert slope([1.0, 2.0], [4.0, 4.0]) == 0.0


class TestEveryMetric:
    @pytest.mark.parametrize("metric", PAIRED)
    def test_undefined_is_nan(self, metric):
        assert np.isnan(metric([], []))
        assert np.isnan(metric([np.nan, 1.0], [1.0, np.nan]))
        if metric not in (mae, bias):
            assert np.isnan(metric([1.0], [2.0]))

    @pytest.mark.parametrize("metric", [*PAIRED, slope, offset])
    def test_unknown_rows_are_left_out(self, metric, rng):
        x, y = rng.normal(size=(2, 12))
        with_gaps = np.append(x, [np.nan, 1.0, np.inf]), np.append(y, [1.0, np.nan, 2.0])
        assert metric(*with_gaps) == pytest.approx(metric(x, y), abs=1e-12)
        as_objects = [np.array([None if np.isnan(v) else v for v in a], object) for a in with_gaps]
        assert metric(*as_objects) == pytest.approx(metric(x, y), abs=1e-12)

    @pytest.mark.parametrize("metric", [adjusted_r2, adjusted_r2_pairs])
    def test_a_row_of_an_embedding_is_known_in_full_or_not_at_all(self, metric, rng):
        z, label = rng.normal(size=(12, 2)), rng.normal(size=12)
        gaps = z.copy()
        gaps[3, 1] = np.nan
        known = np.arange(12) != 3
        assert metric(gaps, label) == pytest.approx(metric(z[known], label[known]), abs=1e-12)

    @pytest.mark.parametrize("metric", [*PAIRED, slope, offset])
    def test_the_order_of_rows_does_not_matter(self, metric, rng):
        x, y = rng.normal(size=(2, 30))
        order = rng.permutation(30)
        assert metric(x[order], y[order]) == pytest.approx(metric(x, y), abs=1e-12)

    @pytest.mark.parametrize("metric", [*PAIRED, uar, slope, offset])
    def test_arrays_of_different_length_raise(self, metric):
        with pytest.raises(TableError, match="same number of rows, got 3, 2"):
            metric([1.0, 2.0, 3.0], [1.0, 2.0])
