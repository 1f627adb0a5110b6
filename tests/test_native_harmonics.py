from __future__ import annotations

import numpy as np
import pytest
import torch

from affectspace.features.native.harmonics import formant_differences, harmonic_difference
from affectspace.features.native.hops import cut
from affectspace.features.native.pitch import voice
from made_periods import RATE, harmonics
from voices import noise
from voices import voice as buzz

INNER = slice(5, -5)
FORMANTS = (600.0, 1500.0, 2600.0)


def made(hertz: float, levels: np.ndarray) -> np.ndarray:
    return harmonics(np.full(RATE, hertz), levels)


def formants(count: int) -> np.ndarray:
    return np.tile(np.float32(FORMANTS), (count, 1))


@pytest.mark.parametrize("difference", [-15, 0, 8, 20])
@pytest.mark.parametrize("hertz", [80, 130, 220, 310, 480])
def test_a_difference_of_harmonics_is_that_of_their_levels(hertz, difference):
    levels = -6 * np.log2(np.arange(1, 40))
    levels[1] = -difference
    levels[3] = -difference - 5
    found = voice(cut([made(hertz, levels)]))
    for number, expected in ((2, difference), (4, difference + 5)):
        values = harmonic_difference(found, number)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values[INNER], expected, atol=0.6)


@pytest.mark.parametrize("hertz", [100, 170, 260])
def test_a_difference_to_a_formant_is_that_to_its_strongest_harmonic(hertz):
    numbers = np.arange(1, 40)
    levels = -12 * np.log2(numbers)
    strongest = [int(np.argmin(np.abs(numbers * hertz - formant))) for formant in FORMANTS]
    for place, level in zip(strongest, (-3.0, -10.0, -18.0), strict=True):
        levels[place] = level
    found = voice(cut([made(hertz, levels)]))
    values = formant_differences(found, formants(100))
    assert values.shape == (100, 3)
    np.testing.assert_allclose(values[INNER], np.tile([3, 10, 18], (90, 1)), atol=0.7)


def test_where_there_is_no_voice_there_is_no_difference():
    found = voice(cut([np.concatenate([buzz(0.5), noise(0.5)]), np.zeros(160, np.float32)]))
    count = found.f0.shape[0]
    np.testing.assert_array_equal(np.isnan(harmonic_difference(found, 2)), ~found.voiced)
    known = formants(count)
    known[:10, 1], known[10:20, 2] = np.nan, 0
    expected = np.repeat(~found.voiced[:, None], 3, axis=1)
    expected[:10, 1] = expected[10:20, 2] = True
    np.testing.assert_array_equal(np.isnan(formant_differences(found, known)), expected)


def test_gain_changes_nothing():
    signal = buzz(1.0)
    for gain in (0.1, 0.5):
        one, other = (voice(cut([x])) for x in (signal, signal * np.float32(gain)))
        for measure in (
            lambda found: harmonic_difference(found, 2),
            lambda found: formant_differences(found, formants(100)),
        ):
            np.testing.assert_allclose(measure(one), measure(other), atol=1e-2)


def test_torch_gives_what_numpy_gives():
    signal = np.concatenate([buzz(1.0), noise(0.3)])
    one, other = voice(cut([signal])), voice(cut([torch.from_numpy(signal)]))
    both = [
        (harmonic_difference(one, 2), harmonic_difference(other, 2)),
        (
            formant_differences(one, formants(130)),
            formant_differences(other, torch.from_numpy(formants(130))),
        ),
    ]
    for expected, found in both:
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(expected, found.numpy(), atol=2e-2)
