"""Labels read off a space that has no axis for them."""

import numpy as np
import pytest

from affectspace.evaluation.readout import fit_readout


def test_a_plane_within_groups_is_the_fit_with_a_constant_for_each_group():
    rng = np.random.default_rng(0)
    z, groups = rng.normal(size=(90, 3)), np.repeat(["a", "b", "c"], 30)
    y = z @ [0.5, -0.2, 0.0] + np.repeat([2.0, 3.0, 4.0], 30) + 0.3 * rng.normal(size=90)
    constants = (groups[:, None] == np.unique(groups)).astype(float)
    slow = np.linalg.lstsq(np.hstack([z, constants]), y, rcond=None)[0]
    plane = fit_readout(z, y, groups)
    np.testing.assert_allclose(plane.gains, slow[:3])
    assert plane.offset == pytest.approx(slow[3:].mean())


def test_a_long_group_counts_as_much_as_a_short_one():
    z = np.concatenate([np.linspace(0, 1, 5), np.linspace(0, 1, 500)])[:, None]
    y = np.concatenate([z[:5, 0] * 2, z[5:, 0] * 0])
    groups = np.repeat(["a", "b"], [5, 500])
    spread = [z[:5].var(), z[5:].var()]
    assert fit_readout(z, y, groups).gains[0] == pytest.approx(2 * spread[0] / sum(spread))


def test_unrated_rows_and_rows_without_an_embedding_take_no_part():
    z, y = np.array([[0.0], [1.0], [np.nan], [9.0]]), np.array([1.0, 2.0, 5.0, np.nan])
    plane = fit_readout(z, y, ["a"] * 4)
    assert plane([[0.0], [1.0]]).round(9).tolist() == [1.0, 2.0]


def test_nothing_rated_is_neutral():
    assert fit_readout([[1.0], [2.0]], [np.nan, np.nan], ["a", "a"])([[5.0]]).tolist() == [3.0]
