"""Intervals over speakers: the fast forms against resampled rows, and the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affectspace.errors import TableError
from affectspace.evaluation import (
    adjusted_r2,
    adjusted_r2_pairs,
    adjusted_r2_pvalue,
    bias,
    bootstrap_difference,
    bootstrap_interval,
    ccc,
    kendall,
    mae,
    offset,
    pearson,
    slope,
    uar,
)
from affectspace.evaluation.intervals import bootstrap_values, draw_speakers, percentile_interval
from affectspace.evaluation.rows import known_speakers, rows_of, speaker_codes

NUMBERS = [
    adjusted_r2, adjusted_r2_pairs, adjusted_r2_pvalue, pearson, kendall, ccc, mae, bias, slope,
    offset,
]  # fmt: skip


def corpus(n=90, speakers=9, dimensions=2, seed=3):
    """An embedding, a label in half steps, and speakers of unequal size, each with an effect."""
    rng = np.random.default_rng(seed)
    who = np.sort(rng.choice(speakers, n, p=rng.dirichlet(np.full(speakers, 5.0))))
    label = rng.integers(2, 11, n) / 2
    z = 0.5 * label[:, None] + rng.normal(size=(speakers, dimensions))[who]
    return z + rng.normal(size=(n, dimensions)) + 20.0, label, who.astype(str)


def slow_values(metric, *arrays, clusters, resamples, seed):
    """Copy the rows of each drawn speaker, one after the other, and call the metric."""
    names = np.unique(clusters)
    values = []
    for counts in draw_speakers(len(names), resamples=resamples, seed=seed):
        rows = [
            np.flatnonzero(clusters == name)
            for name, count in zip(names, counts, strict=True)
            for _ in range(int(count))
        ]
        values.append(metric(*(array[np.concatenate(rows)] for array in arrays)))
    return np.array(values)


class TestFastForms:
    @pytest.mark.parametrize("metric", NUMBERS)
    def test_equals_resampled_rows(self, metric):
        z, label, who = corpus()
        first = z if metric in (adjusted_r2, adjusted_r2_pairs, adjusted_r2_pvalue) else z[:, 0]
        slow = slow_values(metric, first, label, clusters=who, resamples=60, seed=1)
        fast = bootstrap_values(metric, first, label, clusters=who, resamples=60, seed=1)[0]
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9)
        assert len(np.unique(fast)) > 30

    def test_equals_resampled_rows_for_categories(self):
        rng = np.random.default_rng(0)
        truth = np.repeat(list("abcd"), 20).astype(object)
        guess = np.where(rng.random(80) < 0.6, truth, rng.permutation(truth))
        who = rng.permutation(80) % 5  # a, b, .. are missing from some draws
        who = np.where(truth == "d", "only", who.astype(str))
        slow = slow_values(uar, truth, guess, clusters=who, resamples=60, seed=1)
        fast = bootstrap_values(uar, truth, guess, clusters=who, resamples=60, seed=1)[0]
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9)

    def test_equals_resampled_rows_where_draws_are_constant(self):
        label = np.repeat([0.1, 0.1, 0.7], 10)
        who = np.repeat(["a", "b", "c"], 10)
        z = np.random.default_rng(0).normal(1e3, 1.0, (30, 2))
        for metric in (adjusted_r2, adjusted_r2_pairs, slope):
            arrays = (label, z[:, 0]) if metric is slope else (z, label)
            slow = slow_values(metric, *arrays, clusters=who, resamples=60, seed=1)
            fast = bootstrap_values(metric, *arrays, clusters=who, resamples=60, seed=1)[0]
            assert np.isnan(slow).any()
            np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9)

    def test_any_other_function_is_called_on_the_rows(self):
        z, label, who = corpus()

        def median_error(x, y):
            return float(np.median(np.abs(x - y)))

        values = bootstrap_values(median_error, z[:, 0], label, clusters=who, resamples=20, seed=1)[
            0
        ]
        slow = slow_values(median_error, z[:, 0], label, clusters=who, resamples=20, seed=1)
        np.testing.assert_array_equal(values, slow)

    def test_work_goes_in_blocks(self, monkeypatch):
        z, label, who = corpus()
        whole = bootstrap_values(adjusted_r2, z, label, clusters=who, resamples=30, seed=1)[0]
        monkeypatch.setattr("affectspace.evaluation.sums._BLOCK", 40)
        blocks = bootstrap_values(adjusted_r2, z, label, clusters=who, resamples=30, seed=1)[0]
        np.testing.assert_allclose(blocks, whole, rtol=0, atol=1e-12)

    def test_order_of_two_continuous_arrays(self):
        z, _, who = corpus()
        slow = slow_values(kendall, z[:, 0], z[:, 1], clusters=who, resamples=20, seed=1)
        fast = bootstrap_values(kendall, z[:, 0], z[:, 1], clusters=who, resamples=20, seed=1)[0]
        np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9)


class TestInterval:
    def test_holds_the_value_and_is_wider_than_over_rows(self):
        z, label, who = corpus(n=400, speakers=12)
        value = pearson(z[:, 0], label)
        low, high = bootstrap_interval(pearson, z[:, 0], label, clusters=who)
        assert low < value < high
        rows = bootstrap_interval(pearson, z[:, 0], label, clusters=np.arange(400))
        assert high - low > rows.high - rows.low

    def test_covers_the_truth_about_as_often_as_it_says(self):
        hits, rng = 0, np.random.default_rng(5)
        for _ in range(200):
            voice = rng.normal(size=(25, 2)).repeat(8, axis=0)
            x, y = (voice + rng.normal(size=(200, 2))).T  # independent: r = 0
            low, high = bootstrap_interval(
                pearson, x, y, clusters=np.arange(25).repeat(8), resamples=400
            )
            hits += low <= 0.0 <= high
        assert 0.88 <= hits / 200 <= 0.99

    def test_is_the_same_for_a_seed_in_any_order_of_rows(self):
        z, label, who = corpus()
        order = np.random.default_rng(0).permutation(len(label))
        one = bootstrap_interval(adjusted_r2, z, label, clusters=who, seed=4)
        other = bootstrap_interval(adjusted_r2, z[order], label[order], clusters=who[order], seed=4)
        assert one == pytest.approx(other, abs=1e-12)
        assert one == bootstrap_interval(adjusted_r2, z, label, clusters=who, seed=4)
        assert one != bootstrap_interval(adjusted_r2, z, label, clusters=who, seed=5)

    def test_a_higher_level_is_wider(self):
        z, label, who = corpus()
        narrow = bootstrap_interval(ccc, z[:, 0], label, clusters=who, level=0.5)
        wide = bootstrap_interval(ccc, z[:, 0], label, clusters=who, level=0.99)
        assert wide.low < narrow.low < narrow.high < wide.high

    def test_nan_with_fewer_than_two_speakers(self):
        z, label, _ = corpus()
        for clusters in (np.full(90, "a"), np.full(90, None)):
            assert np.isnan(bootstrap_interval(adjusted_r2, z, label, clusters=clusters)).all()
        assert np.isnan(bootstrap_interval(pearson, [], [], clusters=[])).all()

    def test_unknown_speakers_are_one_speaker(self):
        z, label, who = corpus()
        gone = np.where(np.isin(who, ["1", "2"]), None, who.astype(object))
        named = np.where(np.isin(who, ["1", "2"]), "unknown", who)  # sorts last as well
        one = bootstrap_interval(adjusted_r2, z, label, clusters=gone)
        assert one == bootstrap_interval(adjusted_r2, z, label, clusters=named)

    def test_speakers_without_a_known_row_are_not_drawn(self):
        z, label, who = corpus()
        silent = np.where(who == "3", np.nan, label)
        kept = who != "3"
        one = bootstrap_interval(adjusted_r2, z, silent, clusters=who)
        assert one == bootstrap_interval(adjusted_r2, z[kept], label[kept], clusters=who[kept])

    def test_undefined_resamples_are_left_out_until_they_are_most(self):
        values = np.array([np.nan, 1.0, 1.0, 1.0])
        assert percentile_interval(values, speakers=9) == (1.0, 1.0)
        assert np.isnan(percentile_interval(np.array([np.nan, np.nan, 1.0]), speakers=9)).all()
        assert np.isnan(percentile_interval(np.array([]), speakers=9)).all()
        assert np.isnan(percentile_interval(values, speakers=1)).all()

    @pytest.mark.parametrize("speakers", [3, 10, 1000])
    def test_of_a_mean_is_about_students(self, speakers):
        """Resampled means spread by sqrt((n - 1) / n) of the standard error, and normally."""
        normal = np.sqrt((speakers - 1) / speakers) * stats.norm.ppf(np.arange(1, 10**6) / 10**6)
        low, high = percentile_interval(normal, speakers=speakers, level=0.8)
        expected = stats.t.ppf(0.9, speakers - 1)
        assert (low, high) == pytest.approx((-expected, expected), rel=1e-3)

    def test_arrays_of_different_length_raise(self):
        with pytest.raises(TableError):
            bootstrap_interval(pearson, [1.0, 2.0], [1.0, 2.0], clusters=["a"])


class TestDifference:
    def test_is_that_of_the_two_on_the_same_draws(self):
        z, label, who = corpus()
        other = z + np.random.default_rng(1).normal(size=z.shape)
        value, low, high = bootstrap_difference(
            adjusted_r2, (z, label), (other, label), clusters=who, resamples=50, seed=2
        )
        assert value == pytest.approx(adjusted_r2(z, label) - adjusted_r2(other, label))
        slow = [
            slow_values(adjusted_r2, each, label, clusters=who, resamples=50, seed=2)
            for each in (z, other)
        ]
        assert (low, high) == pytest.approx(
            percentile_interval(slow[0] - slow[1], speakers=9), abs=1e-9
        )

    def test_equal_models_differ_by_exactly_nothing(self):
        z, label, who = corpus()
        assert bootstrap_difference(kendall, (z[:, 0], label), (z[:, 0], label), clusters=who) == (
            0.0, 0.0, 0.0,
        )  # fmt: skip

    def test_rows_unknown_for_one_are_left_out_for_both(self):
        z, label, who = corpus()
        gaps = z.copy()
        gaps[:5] = np.nan
        value, *_ = bootstrap_difference(adjusted_r2, (z, label), (gaps, label), clusters=who)
        assert value == 0.0


class TestRows:
    def test_numbers_and_names_of_speakers_sort_as_names(self):
        assert speaker_codes([10, 9, None])[0].tolist() == [0, 1, 2]
        assert known_speakers([np.nan, "x"]).tolist() == ["\uffff", "x"]

    def test_rows_of_a_frame_must_be_those_of_the_table(self):
        table = pd.DataFrame({"speaker": ["a", "b"]}, index=["x", "y"])
        assert rows_of([1.0, 2.0], table).shape == (2, 1)
        assert rows_of(np.empty((0, 2)), table.iloc[:0]).shape[0] == 0
        with pytest.raises(TableError, match="2 rows"):
            rows_of([1.0], table)
        with pytest.raises(TableError, match="index"):
            rows_of(pd.DataFrame({"z": [1.0, 2.0]}, index=["y", "x"]), table)
