"""Whether this installation computes a model's features: the probe, and what is refused."""

import logging
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.audio import read_audio
from affectspace.errors import ContractError
from affectspace.features import FeatureTable, backend, opensmile, spec
from affectspace.model import (
    Architecture,
    Probe,
    adopt,
    contract,
    load_model,
    meet,
    probe,
    save_model,
)
from affectspace.model.probe import compute_probe, probe_signal
from made_features import feature_table
from made_models import made_model

SIZES = Architecture(n_features=88)


def egemaps_model(**changes):
    """A model of the installed eGeMAPS, whose scale is a tenth of the values' size."""
    features = spec("egemaps")
    found = compute_probe(features)
    scale = np.maximum(np.abs(found.values.astype(np.float64)) / 10, 1e-3)
    return made_model(
        architecture=SIZES,
        **{"spec": features, "feature_names": features.features, "probe": found, "scale": scale}
        | changes,
    )


@pytest.fixture
def newer(monkeypatch):
    """Pretend that pip brought another opensmile."""
    monkeypatch.setattr(opensmile, "version", lambda: "99.1")


def forbid(monkeypatch):
    def computed(*_):
        raise AssertionError("the probe was computed")

    monkeypatch.setattr(contract, "run_probe", computed)


def test_the_signal_is_usable_speech_and_lies_on_16_bits():
    samples = probe_signal()
    signal = read_audio((samples, 16_000))
    assert samples.dtype == np.float32
    assert signal.duration == 2.0
    assert 0.4 < signal.voiced_share < 0.9
    assert -35 < signal.level < -20
    assert signal.clipped_share == 0
    np.testing.assert_array_equal(samples * 32768, np.round(samples * 32768))
    np.testing.assert_array_equal(samples, probe_signal())


def test_the_signal_does_not_change_with_the_package():
    """Shipped models carry what features are on this very signal."""
    samples = (probe_signal() * 32768).astype(int)
    assert probe.PROBE_SIGNAL == "glide-1"
    assert np.abs(samples).sum() == 20_048_091
    assert samples[[1000, 5000, 9000, 20_000, 31_000]].tolist() == [-879, 47, -1176, -429, 39]


def test_the_noise_is_that_of_integers_and_has_no_order():
    found = probe._noise(20_000)
    mask = 2**64 - 1
    for i in (0, 1, 777):
        bits = (i + 1) * 0x9E3779B97F4A7C15 & mask
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> shift)) * factor & mask
        assert found[i] == (bits >> 40) / 2**23 - 1
    assert abs(found.mean()) < 0.02
    assert found.std() == pytest.approx(3**-0.5, rel=0.02)
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("name", ["native", "egemaps"])
@pytest.mark.parametrize("level", ["as-recorded", "rms:-20"])
def test_the_probe_is_what_the_set_gives_at_whatever_level_is_asked_for(name, level):
    found = compute_probe(spec(name, level=level))
    assert found.signal == probe.PROBE_SIGNAL
    np.testing.assert_array_equal(found.values, backend(name)(probe_signal()))


def test_no_probe_of_a_set_or_version_that_is_not_here():
    features = spec("egemaps")
    assert compute_probe(replace(features, name="other")) is None
    assert compute_probe(replace(features, backend_version="0.1")) is None
    assert compute_probe(replace(features, features=features.features[::-1])) is None


def test_equal_contracts_compute_nothing(monkeypatch):
    model = egemaps_model()
    forbid(monkeypatch)
    assert meet(model) == model.spec
    assert adopt(model) is model


def test_another_version_that_gives_the_same_is_taken(tmp_path, newer, caplog):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opensmile, "version", lambda: "2.0")
        save_model(egemaps_model(), tmp_path)
    model = load_model(tmp_path)
    assert model.spec.backend_version == "2.0"
    with caplog.at_level(logging.INFO, logger="affectspace"):
        found = meet(model)
    assert found == replace(model.spec, backend_version="99.1")
    (line,) = caplog.messages
    assert "2.0" in line
    assert "99.1" in line
    adopted = adopt(model)
    assert adopted.spec == found
    assert adopted.record["adopted"] == {"from": "2.0", "to": "99.1"}
    assert "adopted" not in model.record
    rows = feature_table(n=2).rows
    frame = np.tile(model.probe.values, (2, 1))
    table = FeatureTable(found, pd.DataFrame(frame, rows.index, list(found.features)), rows)
    assert np.isfinite(adopted.encode(table)).all()
    with pytest.raises(ContractError, match=r"backend_version '2\.0' is '99\.1'"):
        model.encode(table)


@pytest.mark.parametrize("deviations", [0.002, -5.0, np.nan])
def test_another_version_that_gives_something_else_is_refused(newer, deviations):
    model = egemaps_model()
    model = replace(model, spec=replace(model.spec, backend_version="2.0"))
    values = model.probe.values.astype(np.float64)
    values[7] += deviations * model.scale[7]
    model = replace(model, probe=Probe(model.probe.signal, values))
    message = (
        r"needs opensmile 2\.0, and 99\.1 is here; they differ in 1 of 88 features, most in "
        rf"{model.spec.features[7]}.*pip install 'opensmile==2\.0'"
    )
    with pytest.raises(ContractError, match=message):
        meet(model)
    with pytest.raises(ContractError, match=message):
        adopt(model)


def test_a_difference_below_the_tolerance_is_none(newer):
    model = egemaps_model()
    values = model.probe.values + 0.0005 * model.scale
    model = replace(
        model,
        spec=replace(model.spec, backend_version="2.0"),
        probe=Probe(model.probe.signal, values),
    )
    assert meet(model).backend_version == "99.1"
    np.testing.assert_allclose(contract.probe_distances(model), 0.0005, atol=2e-5)


@pytest.mark.parametrize("found", [None, Probe("another-1", np.zeros(88))])
def test_another_version_without_a_probe_that_is_known(newer, found):
    model = egemaps_model(probe=found)
    model = replace(model, spec=replace(model.spec, backend_version="2.0"))
    with pytest.raises(ContractError, match=r"no probe .*pip install 'opensmile==2\.0'"):
        meet(model)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "opensmile eGeMAPSv01a"}, "backend 'opensmile eGeMAPSv01a' is"),
        ({"sampling_rate": 8000}, "sampling_rate 8000 is 16000"),
    ],
)
def test_whatever_else_differs_is_refused(monkeypatch, changes, message):
    model = egemaps_model()
    forbid(monkeypatch)
    with pytest.raises(ContractError, match=message):
        meet(replace(model, spec=replace(model.spec, **changes)))
    other = replace(model.spec, backend_version="2.0", **changes)
    with pytest.raises(ContractError, match=message):
        meet(replace(model, spec=other))


def test_features_in_another_order_are_refused():
    model = egemaps_model()
    turned = replace(model.spec, features=model.spec.features[::-1])
    with pytest.raises(ContractError, match="another order"):
        meet(replace(model, spec=turned))


def test_channel_and_level_are_the_models():
    features = spec("egemaps", channel="mean", level="rms:-20")
    assert meet(egemaps_model(spec=features)) == features


def test_a_model_without_a_contract_or_of_an_unknown_set_says_so():
    with pytest.raises(ContractError, match=r"from elsewhere.*can't embed recordings"):
        meet(made_model(spec=None))
    with pytest.raises(ContractError, match=r"'made'.*needs .* made .*doesn't have.*can't embed"):
        meet(made_model())


def test_a_revision_of_a_set_with_the_same_names_is_told_apart():
    """eGeMAPSv01a and v02 share their names and differ in half of the values."""
    names = opensmile.names("egemaps/v02/eGeMAPSv02", "func")
    assert names == opensmile.names("egemaps/v01a/eGeMAPSv01a", "func")
    older = opensmile.run("egemaps/v01a/eGeMAPSv01a", "func", probe_signal())[0]
    model = egemaps_model(probe=Probe(probe.PROBE_SIGNAL, older))
    distances = contract.probe_distances(model)
    assert (distances > contract.TOLERANCE).sum() > 20


def native_model(**changes):
    features = spec("native")
    found = compute_probe(features)
    scale = np.maximum(np.abs(found.values.astype(np.float64)) / 10, 1e-3)
    return made_model(
        architecture=Architecture(n_features=len(features.features)),
        **{"spec": features, "feature_names": features.features, "probe": found, "scale": scale}
        | changes,
    )


def test_another_version_of_our_own_set_is_met_by_the_probe(tmp_path):
    model = native_model()
    older = replace(model, spec=replace(model.spec, backend_version="0"))
    assert adopt(older).spec == spec("native")
    values = older.probe.values.copy()
    values[3] += 5 * older.scale[3]
    apart = replace(older, probe=Probe(older.probe.signal, values), record={})
    name = re.escape(model.spec.features[3])
    message = (
        rf"needs affectspace native 0, and \d+ is here; they differ in 1 of \d+ features, most in "
        rf"{name} .*: install a version of affectspace that has "
        r"affectspace native 0$"
    )
    with pytest.raises(ContractError, match=message):
        meet(apart)
    with pytest.raises(ContractError, match=r"native 0 \(the model was made with 0\.0\.9\)$"):
        meet(replace(apart, record={"versions": {"affectspace": "0.0.9"}}))


def test_of_sets_side_by_side_each_has_its_own_remedy():
    features = spec("native+egemaps")
    older = replace(features, backend_version="0 + 1.0")
    model = made_model(
        architecture=Architecture(n_features=len(features.features)),
        spec=older,
        feature_names=features.features,
    )
    message = r"install opensmile==1\.0 and a version of affectspace .* \(pip install 'opensmile=="
    with pytest.raises(ContractError, match=message):
        meet(model)


class LastDigit:
    """NumPy with sines that are off by their last digit, as another machine's are."""

    def __init__(self):
        self._rng = np.random.default_rng(0)

    def __getattr__(self, name):
        return getattr(np, name)

    def sin(self, x):
        return np.sin(x) * (1 + self._rng.choice([-1, 0, 1], x.shape) * 2.3e-16)


def test_the_last_digit_of_a_sine_shows_nowhere(monkeypatch):
    here = probe_signal()
    monkeypatch.setattr(probe, "np", LastDigit())
    np.testing.assert_array_equal(probe_signal(), here)
