from __future__ import annotations

import importlib.util
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from affectspace.audio import read_audio
from affectspace.errors import AudioError, MissingExtraError
from affectspace.features import Backend, backend, opensmile, spec
from voices import noise, voice


def reference(name: str, samples: np.ndarray) -> np.ndarray:
    """Compute a set with opensmile-python alone."""
    import opensmile as public

    sets, levels = public.FeatureSet, public.FeatureLevel
    feature_set, level = {
        "egemaps": (sets.eGeMAPSv02, levels.Functionals),
        "compare": (sets.ComParE_2016, levels.Functionals),
        "egemaps-lld": (sets.eGeMAPS, levels.LowLevelDescriptors),
    }[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = public.Smile(feature_set, level).process_signal(samples, 16_000)
    if name != "egemaps-lld":
        assert tuple(frame.columns) == spec(name).features
        return frame.to_numpy()[0]
    mean, std = frame.mean().add_suffix("_mean"), frame.std(ddof=1).add_suffix("_std")
    assert (*mean.index, *std.index) == spec(name).features
    return np.concatenate([mean, std])


@pytest.mark.parametrize("name", ["egemaps", "compare"])
def test_functionals_are_those_of_opensmile_python(name):
    samples = voice(1.3)
    np.testing.assert_array_equal(backend(name)(samples), reference(name, samples))


def test_descriptors_have_the_moments_of_those_of_opensmile_python():
    samples = voice(1.3)
    found = backend("egemaps-lld")(samples)
    assert (found.dtype, found.shape) == (np.float32, (46,))
    np.testing.assert_allclose(found, reference("egemaps-lld", samples), rtol=1e-6)


@pytest.mark.parametrize("name", ["egemaps", "compare", "egemaps-lld"])
def test_a_signal_gives_the_same_after_any_other(name):
    compute = backend(name)
    samples = voice(0.8)
    opensmile._IDLE.clear()
    alone = compute(samples)
    for other in (voice(3, pitch=250), noise(0.3), np.zeros(8_000, np.float32), noise(11)):
        compute(other)
        np.testing.assert_array_equal(compute(samples), alone)


def test_too_short_for_a_frame_gives_no_frames():
    assert opensmile.run("egemaps/v02/eGeMAPSv02", "func", voice(0.01)).shape == (0, 0)


def test_an_instance_that_failed_is_not_used_again(monkeypatch):
    def fail(*_):
        raise RuntimeError("no callback")

    monkeypatch.setattr(opensmile, "_listen", fail)
    opensmile._IDLE.clear()
    with pytest.raises(RuntimeError, match="no callback"):
        backend("egemaps")(voice(0.5))
    assert not any(opensmile._IDLE.values())


def test_backends_pickle():
    compute = backend("egemaps", level="rms:-20")
    assert isinstance(compute, Backend)
    again = pickle.loads(pickle.dumps(compute))  # noqa: S301
    assert again.spec == compute.spec
    np.testing.assert_array_equal(again(voice()), compute(voice()))


def test_computing_needs_no_pandas():
    code = (
        "import sys, numpy; from affectspace.features import backend, pool;"
        "assert 'pandas' not in sys.modules and 'opensmile' not in sys.modules;"
        "backend('egemaps')(numpy.zeros(8000, 'f4')); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_opensmile_the_message_says_so(monkeypatch):
    opensmile._library.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="opensmile"):
        opensmile._library()
    monkeypatch.undo()
    assert opensmile._library()


@pytest.mark.real
def test_the_46_of_real_speech_lie_where_those_of_iemocap_do(data_root: Path):
    import pyarrow.parquet as pq

    columns = list(spec("egemaps-lld").features)
    others = pq.read_table(data_root / "features" / "iemocap.parquet", columns=columns)
    theirs = np.stack([others[name].to_numpy() for name in columns], axis=1)
    low, high = np.quantile(theirs, [0.001, 0.999], axis=0)
    compute = backend("egemaps-lld")
    inside = []
    for corpus in ("emodb", "emotale", "emovo", "urdu", "ravdess"):
        for path in sorted((data_root / "corpora" / corpus).rglob("*.flac"))[::120]:
            try:
                values = compute(read_audio(path).samples)
            except AudioError:
                continue
            assert np.isfinite(values).all()
            inside.append((low <= values) & (values <= high))
    assert np.mean(inside) > 0.8  # another room, another microphone
