"""Functionals, rhythm and the summary, against loops over frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from affectspace.features.native.functionals import (
    change,
    mean_and_deviation,
    modulation,
    quantiles,
)
from affectspace.features.native.timing import extent, runs, swells

RNG = np.random.default_rng(0)
VALUES = RNG.normal(3, 2, (4, 5, 60)).astype(np.float32)
MASK = RNG.uniform(size=(4, 60)) < np.array([[0.9], [0.5], [0.1], [0.0]])
MASK[2, :] = False
MASK[2, 17] = True  # one frame


def masks(texts: list[str]) -> np.ndarray:
    return np.array([[letter == "#" for letter in text] for text in texts])


def test_mean_and_deviation_by_frames():
    mean, deviation = mean_and_deviation(VALUES, MASK)
    for signal in range(4):
        for row in range(5):
            chosen = [VALUES[signal, row, t] for t in range(60) if MASK[signal, t]]
            expected = (np.mean(chosen), np.std(chosen)) if chosen else (0, 0)
            assert mean[signal, row] == pytest.approx(expected[0], rel=1e-5)
            assert deviation[signal, row] == pytest.approx(expected[1], rel=1e-5, abs=1e-6)


def test_a_mask_may_differ_by_descriptor():
    mask = RNG.uniform(size=VALUES.shape) < 0.5
    mean, deviation = mean_and_deviation(VALUES, mask)
    moved = change(VALUES, mask)
    for row in range(5):
        one = VALUES[:, row : row + 1]
        expected = mean_and_deviation(one, mask[:, row])
        np.testing.assert_allclose(mean[:, row], expected[0][:, 0], rtol=1e-6)
        np.testing.assert_allclose(deviation[:, row], expected[1][:, 0], rtol=1e-6)
        np.testing.assert_allclose(moved[:, row], change(one, mask[:, row])[:, 0], rtol=1e-6)


def test_change_by_frames():
    found = change(VALUES, MASK)
    for signal in range(4):
        for row in range(5):
            steps = [
                abs(VALUES[signal, row, t + 2] - VALUES[signal, row, t])
                for t in range(58)
                if MASK[signal, t : t + 3].all()
            ]
            assert found[signal, row] == pytest.approx(np.mean(steps) if steps else 0, rel=1e-5)


@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_have_no_change(frames):
    found = change(VALUES[:, :, :frames], np.ones((4, frames), bool))
    np.testing.assert_array_equal(found, np.zeros((4, 5)))


def test_quantiles_are_numpys():
    shares = [0.0, 0.1, 0.2, 0.5, 0.95, 1.0]
    found = quantiles(VALUES, MASK, shares)
    assert found.shape == (4, 5, 6)
    for signal in range(3):
        expected = np.quantile(VALUES[signal][:, MASK[signal]], shares, axis=1).T
        np.testing.assert_allclose(found[signal], expected, rtol=1e-5)
    np.testing.assert_array_equal(found[3], 0)


@given(st.integers(1, 400), st.integers(0, 200), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_what_stands_outside_a_mask_changes_nothing(frames, more, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (1, 3, frames)).astype(np.float32)
    mask = rng.uniform(size=(1, frames)) < 0.7
    padded = np.concatenate([values, rng.normal(0, 1e3, (1, 3, more)).astype(np.float32)], axis=2)
    wider = np.concatenate([mask, np.zeros((1, more), bool)], axis=1)
    own = np.arange(frames + more)[None] < frames
    pairs = [
        *zip(mean_and_deviation(values, mask), mean_and_deviation(padded, wider), strict=True),
        (change(values, mask), change(padded, wider)),
        (quantiles(values, mask, [0.2, 0.5]), quantiles(padded, wider, [0.2, 0.5])),
        (
            modulation(values[:, 0], mask, own[:, :frames], [1.0, 7.5]),
            modulation(padded[:, 0], wider, own, [1.0, 7.5]),
        ),
        (extent(mask), extent(wider)[:, :frames]),
        (np.stack(runs(mask, np.ones(1))), np.stack(runs(wider, np.ones(1)))),
        (
            np.stack(swells(np.abs(values[:, 0]) + 0.1, own[:, :frames], np.ones(1))),
            np.stack(swells(np.abs(padded[:, 0]) + 0.1, own, np.ones(1))),
        ),
    ]
    for one, other in pairs:
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


def test_hours_lose_nothing_to_rounding():
    values = RNG.normal(1_500, 1, (1, 1, 360_000)).astype(np.float32)
    mean, deviation = mean_and_deviation(values, np.ones((1, 360_000), bool))
    assert mean[0, 0] == pytest.approx(values.astype(float).mean(), rel=1e-6)
    assert deviation[0, 0] == pytest.approx(values.astype(float).std(), rel=1e-5)


# swings


def swing(contour: np.ndarray, mask: np.ndarray, rate: float) -> float:
    """The definition, frame by frame."""
    total, weight, count = 0j, 0.0, len(contour)
    mean = contour[mask].mean() if mask.any() else 0.0
    for t in range(count):
        window = mask[t] * np.sin(np.pi * (t + 0.5) / count) ** 2
        total += (contour[t] - mean) * window * np.exp(-2j * np.pi * rate * t / 100)
        weight += window**2
    return float(np.log(abs(total) ** 2 / max(weight, 1e-3) + 1e-4))


@pytest.mark.parametrize("frames", [1, 20, 255, 256, 257, 700])
def test_swings_by_frames(frames):
    rates = [0.5, 1.0, 2.75, 12.0]
    contour = RNG.normal(2, 1, (3, frames)).astype(np.float32)
    mask = RNG.uniform(size=(3, frames)) < np.array([[1.0], [0.6], [0.0]])
    there = np.ones((3, frames), bool)
    found = modulation(contour, mask, there, rates)
    assert found.dtype == np.float32
    for signal in range(3):
        expected = [swing(contour[signal].astype(float), mask[signal], rate) for rate in rates]
        np.testing.assert_allclose(found[signal], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found[2], np.log(1e-4), rtol=1e-6)


@pytest.mark.parametrize("rate", [1.0, 4.0, 10.0])
def test_a_contour_swings_at_its_own_rate(rate):
    rates = np.array([0.5, 1, 2, 4, 6, 8, 10, 16])
    time = np.arange(600) / 100
    contour = (5 + np.cos(2 * np.pi * rate * time))[None].astype(np.float32)
    every = np.ones((1, 600), bool)
    found = modulation(contour, every, every, rates)[0]
    assert rates[found.argmax()] == rate
    far = np.abs(rates - rate) > 1.5
    assert (found[far] < found.max() - 5).all()
    # a swing of 1 has a power of (sum of the window / 2)^2 over the window's squares
    assert found.max() == pytest.approx(np.log((600 / 4) ** 2 / (600 * 3 / 8)), abs=0.01)


def test_white_noise_swings_by_0_on_average():
    noise = RNG.standard_normal((2_000, 300)).astype(np.float32)
    every = np.ones((2_000, 300), bool)
    power = np.exp(modulation(noise, every, every, [2.0, 5.0, 20.0]))
    assert power.mean(axis=0) == pytest.approx(1, abs=0.1)


# stretches


def stretches(row: np.ndarray) -> list[int]:
    found, length = [], 0
    for inside in [*row, False]:
        if inside:
            length += 1
        elif length:
            found.append(length)
            length = 0
    return found


def test_runs_of_masks_by_hand():
    found = runs(masks(["##..###...#", "...........", "###########"]), np.array([1.1, 1, 2.2]))
    assert found.rate == pytest.approx([3 / 1.1, 0, 1 / 2.2])
    assert found.mean == pytest.approx([0.02, 0, 0.11])
    assert found.deviation == pytest.approx([0.01 * np.std([2, 3, 1]), 0, 0], abs=1e-7)


@given(st.integers(1, 5), st.integers(1, 80), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_runs_by_frames(signals, frames, seed):
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=(signals, frames)) < rng.uniform(size=(signals, 1))
    duration = rng.uniform(0.1, 3, signals)
    found = runs(mask, duration)
    for row in range(signals):
        lengths = np.array(stretches(mask[row])) / 100
        assert found.rate[row] == pytest.approx(len(lengths) / duration[row], rel=1e-5)
        assert found.mean[row] == pytest.approx(lengths.mean() if len(lengths) else 0, abs=1e-6)
        assert found.deviation[row] == pytest.approx(lengths.std() if len(lengths) else 0, abs=1e-6)


def test_the_extent_reaches_from_the_first_to_the_last():
    found = extent(
        masks(["..#..##.#..", "...........", "#.........#", ".....#.....", "###########"])
    )
    expected = ["..#######..", "...........", "###########", ".....#.....", "###########"]
    np.testing.assert_array_equal(found, masks(expected))


# swells


def test_swells_by_frames():
    loudness = RNG.gamma(2.0, 1.0, (3, 50)).astype(np.float32)
    counts = [50, 31, 4]
    there = np.arange(50) < np.array(counts)[:, None]
    found = swells(loudness, there, np.array([0.5, 0.31, 0.04]))
    for row, count in enumerate(counts):
        own = loudness[row, :count].astype(float)
        wide = np.concatenate([[0, 0], own, [0] * 60])
        smooth = [wide[t : t + 5].sum() / 5 for t in range(50)]
        bar = 0.5 * np.quantile(own, 0.95)
        peaks = [
            t
            for t in range(1, min(count, 49))
            if smooth[t - 1] < smooth[t] >= smooth[t + 1] and smooth[t] > bar
        ]
        steps = np.diff(smooth)[: count - 1]
        assert found.rate[row] == pytest.approx(len(peaks) / (count / 100), rel=1e-5)
        height = np.mean([smooth[t] for t in peaks]) / own.mean() if peaks else 1
        assert found.height[row] == pytest.approx(height, rel=1e-5)
        for side, values in ((found.rise, steps[steps > 0]), (found.fall, -steps[steps < 0])):
            expected = values.mean() / own.mean() if len(values) else 0
            assert side[row] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("rate", [2.0, 4.0, 6.0])
def test_a_tone_swells_as_often_as_it_is_modulated(rate):
    time = np.arange(500) / 100
    loudness = (1 - 0.8 * np.cos(2 * np.pi * rate * time))[None].astype(np.float32)
    found = swells(loudness, np.ones((1, 500), bool), np.array([5.0]))
    assert found.rate[0] == pytest.approx(rate, abs=0.21)
    assert 1.4 < found.height[0] < 1.85
    assert found.rise[0] == pytest.approx(found.fall[0], rel=0.1)


def test_steady_loudness_has_no_height_of_its_own():
    found = swells(np.ones((1, 3), np.float32), np.ones((1, 3), bool), np.array([0.03]))
    assert np.isfinite(np.stack(found)).all()


def test_torch_gives_what_numpy_gives():
    there = torch.from_numpy
    rates, shares = [1.0, 4.0], [0.2, 0.5]
    contour, every = VALUES[:, 0], np.ones((4, 60), bool)
    seconds = np.full(4, 0.6, np.float32)
    pairs = [
        *zip(
            mean_and_deviation(VALUES, MASK),
            mean_and_deviation(there(VALUES), there(MASK)),
            strict=True,
        ),
        (change(VALUES, MASK), change(there(VALUES), there(MASK))),
        (quantiles(VALUES, MASK, shares), quantiles(there(VALUES), there(MASK), shares)),
        (
            modulation(contour, MASK, every, rates),
            modulation(there(contour), there(MASK), there(every), rates),
        ),
        (extent(MASK), extent(there(MASK))),
        *zip(runs(MASK, seconds), runs(there(MASK), there(seconds)), strict=True),
        *zip(
            swells(np.abs(contour), every, seconds),
            swells(there(np.abs(contour)), there(every), there(seconds)),
            strict=True,
        ),
    ]
    for one, other in pairs:
        assert isinstance(other, torch.Tensor)
        np.testing.assert_allclose(other.numpy(), one, rtol=1e-4, atol=1e-5)
