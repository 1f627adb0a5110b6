"""Consistency over corpora, on spaces whose lines and distances are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from affectspace.errors import TableError
from affectspace.evaluation import (
    Resampling,
    Setting,
    Space,
    kendall,
    matched_energy,
    results_table,
    score_consistency,
)
from affectspace.evaluation.intervals import draw_speakers

QUICK = Resampling(resamples=100)
SETTING = Setting(protocol="consistency", source="first", target="", model="joint")


def corpus(n=300, speakers=10, seed=0, low=1.0, voice=0.3):
    """Embeddings (n, 2) that follow the label, labels in half steps, speakers with an effect."""
    rng = np.random.default_rng(seed)
    label = rng.integers(int(2 * low), 11, n) / 2
    who = rng.integers(0, speakers, n)
    z = np.column_stack([label, 0.5 * label]) + voice * rng.normal(size=(speakers, 2))[who]
    return z + 0.5 * rng.normal(size=(n, 2)), label, np.char.add(f"c{seed}-", who.astype(str))


def slow_mean(x, u, y, v, draws):
    """Mean distance over pairs of rows of different speakers, each row as often as drawn."""
    pairs = [
        (draws[0][u[i]] * draws[1][v[j]], np.linalg.norm(x[i] - y[j]))
        for i in range(len(x))
        for j in range(len(y))
        if u[i] != v[j]
    ]
    total = sum(count for count, _ in pairs)
    return sum(count * distance for count, distance in pairs) / total if total else np.nan


def slow_energy(first, second, draws=None):
    """Loops over labels and pairs of rows."""
    draws = draws or [dict.fromkeys(who, 1) for _, _, who in (first, second)]
    energy = between = total = 0.0
    for label in np.intersect1d(first[1], second[1]):
        (x, u), (y, v) = ((z[lab == label], s[lab == label]) for z, lab, s in (first, second))
        if min(len(x), len(y)) < 5 or min(len(set(u)), len(set(v))) < 2:
            continue
        cross = slow_mean(x, u, y, v, draws)
        own = slow_mean(x, u, x, u, draws[:1] * 2) + slow_mean(y, v, y, v, draws[1:] * 2)
        if np.isfinite(cross + own):
            weight = len(x) * len(y) / (len(x) + len(y))
            energy += weight * (2 * cross - own)
            between += weight * 2 * cross
            total += weight
    return energy / total, energy / between


class TestEnergy:
    def test_is_that_of_two_loops(self):
        first, second = corpus(n=120, speakers=4, seed=0), corpus(n=90, speakers=5, seed=1)
        found = matched_energy(first, second, resampling=None)
        assert (found.distance, found.coefficient) == pytest.approx(slow_energy(first, second))
        assert np.isnan(found.distance_interval).all()

    @pytest.mark.parametrize("seed", range(4))
    def test_a_resample_is_copied_speakers(self, seed):
        """The interval of one resample is its value."""
        first, second = corpus(n=160, speakers=5, seed=0), corpus(n=160, speakers=4, seed=1)
        draws = [
            dict(
                zip(
                    np.unique(who),
                    draw_speakers(len(set(who)), resamples=1, seed=s)[0],
                    strict=True,
                )
            )
            for s, (_, _, who) in ((seed, first), (seed + 1, second))
        ]
        found = matched_energy(first, second, resampling=Resampling(resamples=1, seed=seed))
        slow = slow_energy(first, second, draws)
        assert (found.distance_interval.low, found.coefficient_interval.low) == pytest.approx(slow)
        assert found.distance_interval.low == found.distance_interval.high != found.distance

    def test_distances_go_in_blocks(self, monkeypatch):
        whole = matched_energy(corpus(), corpus(seed=1), resampling=QUICK)
        monkeypatch.setattr("affectspace.evaluation.energy._BLOCK", 100)
        blocks = matched_energy(corpus(), corpus(seed=1), resampling=QUICK)
        assert blocks.distance == pytest.approx(whole.distance)
        assert blocks.coefficient_interval == pytest.approx(whole.coefficient_interval)

    def test_same_space_is_near_zero_on_both_sides(self):
        values = [
            matched_energy(corpus(seed=2 * i), corpus(seed=2 * i + 1), resampling=None).coefficient
            for i in range(30)
        ]
        assert abs(np.mean(values)) < 0.02
        assert min(values) < 0 < max(values)

    def test_shifted_space_is_far(self):
        z, label, who = corpus(seed=1)
        near = matched_energy(corpus(seed=0), (z + 1.0, label, who), resampling=None)
        far = matched_energy(corpus(seed=0), (z + 50.0, label, who), resampling=QUICK)
        assert 0.1 < near.coefficient < far.coefficient <= 1
        assert far.coefficient > 0.95
        assert far.distance == pytest.approx(2 * np.hypot(50, 50), rel=0.05)
        low, high = far.coefficient_interval
        assert 0.9 < low <= far.coefficient <= high <= 1

    def test_how_often_a_label_occurs_does_not_count(self):
        found = matched_energy(corpus(n=600), corpus(n=600, seed=1, low=3.0), resampling=None)
        assert abs(found.coefficient) < 0.05
        assert found.labels == (3.0, 3.5, 4.0, 4.5, 5.0)

    def test_free_of_shift_turn_and_scale(self):
        (z, label, who), (y, other, voices) = corpus(), corpus(seed=1)
        turn = 7.0 * np.array([[0.6, -0.8], [0.8, 0.6]])
        plain = matched_energy((z, label, who), (y + 1, other, voices), resampling=QUICK)
        moved = matched_energy(
            (z @ turn - 5, label, who), ((y + 1) @ turn - 5, other, voices), resampling=QUICK
        )
        assert moved.coefficient == pytest.approx(plain.coefficient)
        assert moved.coefficient_interval == pytest.approx(plain.coefficient_interval)
        assert moved.distance == pytest.approx(7 * plain.distance)

    def test_symmetric(self):
        first, second = corpus(), corpus(seed=1)
        one = matched_energy(first, second, resampling=None)
        other = matched_energy(second, first, resampling=None)
        assert one[0] == pytest.approx(other[0])
        assert one[2] == pytest.approx(other[2])

    def test_voices_alone_do_not_set_corpora_apart(self):
        """Large effects of the speaker, the same in both corpora: 0 up to the draw of speakers."""
        first = corpus(n=800, speakers=40, voice=3.0)
        second = corpus(n=800, speakers=40, voice=3.0, seed=1)
        found = matched_energy(first, second, resampling=QUICK)
        assert found.coefficient_interval.low < 0.02
        assert found.coefficient < 0.05

    def test_one_dimension_and_unknown_rows(self):
        z, label, who = corpus()
        gaps = np.append(z[:, 0], np.nan), np.append(label, 1.0), np.append(who, "x")
        plain = matched_energy((z[:, 0], label, who), corpus1(), resampling=None)
        assert matched_energy(gaps, corpus1(), resampling=None) == plain
        assert plain.n == 600
        assert plain.speakers == 20

    def test_no_label_in_common_is_nan(self):
        z, label, who = corpus()
        low = label < 3
        found = matched_energy((z[low], label[low], who[low]), (z[~low], label[~low], who[~low]))
        assert np.isnan([found.distance, found.coefficient, *found.coefficient_interval]).all()
        assert (found.labels, found.n, found.speakers) == ((), 0, 0)

    def test_one_speaker_or_none_known_is_nan(self):
        z, label, _ = corpus()
        for who in (np.full(300, "a"), np.full(300, None)):
            assert np.isnan(matched_energy((z, label, who), corpus(seed=1)).distance)


def corpus1():
    z, label, who = corpus(seed=1)
    return z[:, 0], label, who


def space(seed, *, slope=1.0, offset=0.0, scale=1.0, axes=False):
    z, label, who = corpus(seed=seed, n=500)
    table = pd.DataFrame({"activation": label, "speaker": who})
    z = scale * (slope * (z - [3.0, 1.5]) + [3.0 + offset, 1.5 + offset])
    return Space(z, table, axes={"activation": z[:, 0]} if axes else None)


def values(results):
    return {(r.setting.target, r.metric): r.value for r in results}


class TestScores:
    def test_lines_are_recovered(self):
        spaces = {
            "first": space(0, axes=True), "second": space(1, slope=2.0, offset=5.0, axes=True),
        }  # fmt: skip
        results = score_consistency(spaces, setting=SETTING, resampling=QUICK)
        got = values(results)
        assert got["first", "slope"] == pytest.approx(1.0, abs=0.05)
        assert got["second", "slope"] == pytest.approx(2.0, abs=0.2)
        assert got["second", "offset"] - got["first", "offset"] == pytest.approx(5.0, abs=0.6)
        assert got["all", "slope_spread"] == pytest.approx(np.std([1, 2], ddof=1) / 1.5, abs=0.05)
        assert got["all", "offset_spread"] == pytest.approx(np.std([0, 5], ddof=1) / 1.5, abs=0.3)
        for result in results:
            assert result.low <= result.high
            if result.metric in ("slope", "offset", "kendall"):
                assert result.low < result.value < result.high
        z, table = spaces["first"].embeddings, spaces["first"].table
        line = stats.linregress(table["activation"], z[:, 0])
        assert got["first", "slope"] == pytest.approx(line.slope)
        assert got["first", "kendall"] == kendall(table["activation"], z[:, 0])

    def test_without_axes_the_mean_over_the_dimensions_is_the_axis(self):
        found = space(0)
        np.testing.assert_allclose(found.axis("activation"), found.embeddings.mean(axis=1))

    def test_rows_and_their_settings(self):
        spaces = {"first": space(0), "second": space(1), "third": space(2)}
        results = score_consistency(spaces, setting=SETTING, resampling=QUICK)
        names = [(r.setting.target, r.metric) for r in results]
        line, energy = ["slope", "offset", "kendall"], ["energy_distance", "energy_coefficient"]
        assert names == [
            *(("first", m) for m in line),
            *((t, m) for t in ("second", "third") for m in line + energy),
            ("all", "slope_spread"), ("all", "offset_spread"),
        ]  # fmt: skip
        assert {r.setting.source for r in results} == {"first"}
        counts = {r.setting.target: (r.n, r.speakers) for r in results if r.metric == "slope"}
        assert counts == dict.fromkeys(spaces, (500, 10))
        assert (results[-1].n, results[-1].speakers) == (1500, 30)
        assert len(results_table(results)) == len(results)

    def test_a_consistent_space_scores_near_zero_and_a_shifted_one_does_not(self):
        same = values(
            score_consistency({"first": space(0), "b": space(1)}, setting=SETTING, resampling=None)
        )
        moved = values(
            score_consistency(
                {"first": space(0), "b": space(1, offset=4.0)}, setting=SETTING, resampling=None
            )
        )
        assert abs(same["b", "energy_coefficient"]) < 0.05
        assert moved["b", "energy_coefficient"] > 0.5
        assert same["all", "offset_spread"] < 0.5 < moved["all", "offset_spread"]

    def test_free_of_the_scale_of_the_space(self):
        small = {"first": space(0), "b": space(1, offset=1.0)}
        large = {"first": space(0, scale=-9.0), "b": space(1, offset=1.0, scale=-9.0)}
        one, other = (
            values(score_consistency(s, setting=SETTING, resampling=None)) for s in (small, large)
        )
        for key in (("b", "energy_coefficient"), ("all", "slope_spread"), ("all", "offset_spread")):
            assert other[key] == pytest.approx(one[key])
        assert other["b", "slope"] == pytest.approx(-9 * one["b", "slope"])

    def test_labels_that_a_corpus_lacks(self):
        spaces = {"first": space(0), "b": space(1)}
        spaces["b"].table["valence"] = spaces["b"].table["activation"]
        results = score_consistency(spaces, setting=SETTING, resampling=None)
        valence = [(r.setting.target, r.metric) for r in results if r.label == "valence"]
        assert valence == [("b", "slope"), ("b", "offset"), ("b", "kendall")]

    def test_an_unknown_reference_raises(self):
        setting = replace(SETTING, source="elsewhere")
        with pytest.raises(TableError, match="'elsewhere' is not among first"):
            score_consistency({"first": space(0)}, setting=setting)

    def test_rows_of_another_table_raise(self):
        broken = Space(np.zeros((3, 2)), space(0).table)
        with pytest.raises(TableError, match="500 rows"):
            score_consistency({"first": broken}, setting=SETTING)
