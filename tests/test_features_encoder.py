"""Speech encoders as features: values, layers, files, and what is refused."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from affectspace.errors import ContractError, MissingExtraError
from affectspace.features import FeatureTable, backend, encoder, encoder_folder, extract, spec
from made_encoders import (
    KINDS,
    LAYERS,
    WHISPER_SECONDS,
    WIDTH,
    change,
    save_encoder,
    states_of,
)
from voices import noise, voice, write

ENCODERS = [(kind, large) for kind in KINDS for large in (False, True) if kind != "whisper"]
ENCODERS.append(("whisper", False))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    return {
        (kind, large): save_encoder(root / f"{kind}-{large}", kind, normalised=large)
        for kind, large in ENCODERS
    }


@pytest.fixture
def small(folders, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(folders["wav2vec2", False], tmp_path / "small")


@pytest.mark.parametrize(("kind", "large"), ENCODERS)
def test_values_are_the_mean_over_time_of_what_transformers_gives(folders, kind, large):
    folder, samples = folders[kind, large], voice(1.3)
    states = states_of(folder, kind, samples).mean(dim=1).numpy()
    assert states.shape == (LAYERS + 1, WIDTH)
    wanted = {"": states[-1], ":0": states[0], ":2": states[2], ":-2": states[-2]}
    for layer, values in {**wanted, ":mean": states.mean(axis=0)}.items():
        found = backend(f"hf:{folder}{layer}")(samples)
        assert (found.dtype, found.shape) == (np.float32, (WIDTH,))
        np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "large"), ENCODERS)
def test_layers_are_the_same_in_whatever_order_they_are_asked_for(folders, kind, large):
    folder, samples = folders[kind, large], voice(0.6)
    states = states_of(folder, kind, samples).mean(dim=1).numpy()
    encoder._loaded.cache_clear()
    for layer in (0, 1, "mean", 2, 3, 1):
        wanted = states.mean(axis=0) if layer == "mean" else states[layer]
        found = backend(f"hf:{folder}:{layer}")(samples)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_layers_behind_the_one_that_is_wanted_are_not_computed(folders):
    folder, samples = folders["whisper", False], voice(0.6)
    encoder._loaded.cache_clear()
    backend(f"hf:{folder}:1")(samples)
    network, counted = encoder._loaded(encoder_folder.locate(str(folder))), []
    for layer in network._layers:
        layer.register_forward_hook(lambda *_: counted.append(1))
    backend(f"hf:{folder}:2")(samples)
    assert len(counted) == 2


def test_the_last_layer_is_the_output_of_the_encoder(folders):
    samples = voice(0.7)
    model = transformers.WavLMModel.from_pretrained(folders["wavlm", True])
    inputs = transformers.AutoFeatureExtractor.from_pretrained(folders["wavlm", True])(
        samples, sampling_rate=16_000, return_tensors="pt"
    )
    with torch.no_grad():
        wanted = model(**inputs).last_hidden_state.mean(dim=1)[0]
    found = backend(f"hf:{folders['wavlm', True]}")(samples)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm"])
def test_alone_or_padded_in_a_batch_is_the_same(folders, kind):
    folder = folders[kind, True]
    signals = [voice(0.5), voice(1.1, pitch=200), noise(0.8)]
    model = getattr(transformers, f"{KINDS[kind]}Model").from_pretrained(folder)
    inputs = transformers.AutoFeatureExtractor.from_pretrained(folder)(
        signals, sampling_rate=16_000, return_tensors="pt", padding=True
    )
    with torch.no_grad():
        states = model(**inputs).last_hidden_state
        mask = model._get_feature_vector_attention_mask(states.shape[1], inputs.attention_mask)
    for signal, rows, kept in zip(signals, states, mask.bool(), strict=True):
        found = backend(f"hf:{folder}")(signal)
        np.testing.assert_allclose(found, rows[kept].mean(dim=0), rtol=1e-3, atol=1e-4)


def test_of_whisper_the_padding_counts_in_no_mean(folders):
    folder, samples = folders["whisper", False], voice(0.5)
    model = transformers.WhisperModel.from_pretrained(folder).encoder
    inputs = transformers.AutoFeatureExtractor.from_pretrained(folder)(
        samples, sampling_rate=16_000, return_tensors="pt"
    )
    with torch.no_grad():
        states = model(inputs.input_features).last_hidden_state[0].numpy()
    assert len(states) == 50 * WHISPER_SECONDS
    found = backend(f"hf:{folder}")(samples)
    np.testing.assert_allclose(found, states[:25].mean(axis=0), rtol=1e-4, atol=1e-5)
    assert np.abs(found - states.mean(axis=0)).max() > 0.01


@pytest.mark.parametrize(("kind", "large"), [("hubert", True), ("whisper", False)])
def test_a_long_signal_is_cut_into_equal_pieces(folders, kind, large, monkeypatch):
    folder = folders[kind, large]
    monkeypatch.setattr(encoder, "LONGEST", 2 * 16_000)
    samples = np.concatenate([voice(2.0), noise(1.5), voice(1.51)])
    pieces = [samples[: len(samples) // 3], samples[len(samples) // 3 : 2 * len(samples) // 3]]
    pieces.append(samples[2 * len(samples) // 3 :])
    if kind == "whisper":
        states = [states_of(folder, kind, piece)[-1] for piece in pieces]
    else:  # normalised as a whole
        model = transformers.HubertModel.from_pretrained(folder)
        scale = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        scaled = np.split(scale.astype(np.float32), np.cumsum([len(p) for p in pieces])[:-1])
        with torch.no_grad():
            states = [model(torch.tensor(p)[None]).last_hidden_state[0] for p in scaled]
    wanted = torch.cat(states).mean(dim=0)
    np.testing.assert_allclose(backend(f"hf:{folder}")(samples), wanted, rtol=1e-3, atol=1e-4)


def test_many_recordings_in_processes_as_alone(folders, tmp_path):
    name = f"hf:{folders['wavlm', False]}:1"
    paths = [write(tmp_path / f"{p}.wav", voice(0.4 + p / 500, pitch=p)) for p in (100, 150, 220)]
    paths.append(str(tmp_path / "missing.wav"))
    table = extract(paths, features=name, jobs=2)
    assert table.rows["status"].to_list() == ["ok", "ok", "ok", "missing"]
    assert list(table.values.columns) == [f"hf_{i}" for i in range(WIDTH)]
    again = extract(paths, features=name, jobs=1, cache=False)
    np.testing.assert_allclose(table.values, again.values, rtol=1e-5, atol=1e-6)


def test_a_layer_has_one_name_in_the_contract(folders):
    folder = folders["wav2vec2", False]
    last = spec(f"hf:{folder}")
    assert last == spec(f"hf:{folder}:-1") == spec(f"hf:{folder}:{LAYERS}")
    assert last.name == f"hf:wav2vec2-False:{LAYERS}"
    assert str(folder) not in last.to_json()
    names = [f"hf:{folder}:{layer}" for layer in (0, 1, 2, 3, "mean")]
    assert len({spec(name).hash for name in names}) == 5
    assert spec(names[-1]).name == "hf:wav2vec2-False:mean"
    rules = spec(f"hf:{folder}", channel="mean", level="rms:-20")
    assert (rules.channel, rules.level) == ("mean", "rms:-20")


@pytest.mark.parametrize("layer", [LAYERS + 1, -LAYERS - 2, 99])
def test_a_layer_that_is_not_there(folders, layer):
    with pytest.raises(ContractError, match=f"layers 0 to {LAYERS}, or -1 to -4, and mean; not"):
        backend(f"hf:{folders['hubert', False]}:{layer}")


def test_two_encoders_never_share_a_contract(folders, tmp_path):
    def contract(path):
        return spec(f"hf:{path}")

    one, other = (save_encoder(tmp_path / f"{seed}" / "made", seed=seed) for seed in (0, 1))
    assert contract(one).name == contract(other).name
    assert contract(one).hash != contract(other).hash
    same = shutil.copytree(one, tmp_path / "2" / "made")
    assert contract(same) == contract(one)
    change(same / "config.json", hidden_act="relu")
    assert contract(same).hash != contract(one).hash
    normalised = shutil.copytree(one, tmp_path / "3" / "made")
    change(normalised / "preprocessor_config.json", do_normalize=True)
    assert contract(normalised).hash != contract(one).hash
    hashes = {contract(folder).hash for folder in folders.values()}
    assert len(hashes) == len(folders)


def test_the_cache_holds_each_encoder_apart(tmp_path):
    path = write(tmp_path / "a.wav", voice(0.5))
    one, other = (save_encoder(tmp_path / f"{seed}" / "made", seed=seed) for seed in (0, 1))
    first, second, again = (
        extract([path], features=f"hf:{folder}", jobs=1).values.to_numpy()
        for folder in (one, other, one)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).max() > 0.01


def test_weights_of_a_task_and_in_several_files(tmp_path):
    samples = voice(0.5)
    folder = save_encoder(tmp_path / "ctc", head="ForCTC", normalised=True)
    wanted = states_of(folder, "wav2vec2", samples)[-1].mean(dim=0)
    np.testing.assert_allclose(backend(f"hf:{folder}")(samples), wanted, rtol=1e-4, atol=1e-5)
    model = transformers.Wav2Vec2Model.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").is_file()
    np.testing.assert_allclose(backend(f"hf:{folder}")(samples), wanted, rtol=1e-4, atol=1e-5)


def test_weights_by_older_names_and_of_half_precision(small):
    samples = voice(0.5)
    wanted = backend(f"hf:{small}")(samples)
    weights = load_file(small / "model.safetensors")
    parts = {"parametrizations.weight.original0": "weight_g"}
    parts["parametrizations.weight.original1"] = "weight_v"
    for new, old in parts.items():
        weights = {f"{k.replace(new, old)}": w.clone() for k, w in weights.items()}
    assert sum(name.endswith(("_g", "_v")) for name in weights) == 2
    save_file(weights, small / "model.safetensors")
    np.testing.assert_array_equal(backend(f"hf:{small}")(samples), wanted)
    save_file({k: w.half() for k, w in weights.items()}, small / "model.safetensors")
    np.testing.assert_allclose(backend(f"hf:{small}")(samples), wanted, atol=0.01)


def test_an_extractor_where_newer_releases_keep_it(small):
    wanted = backend(f"hf:{small}")(voice(0.5))
    old = small / "preprocessor_config.json"
    settings = {"feature_extractor": json.loads(old.read_text()), "processor_class": "x"}
    (small / "processor_config.json").write_text(json.dumps(settings))
    old.unlink()
    np.testing.assert_array_equal(backend(f"hf:{small}")(voice(0.5)), wanted)


class Explosive:
    """Runs when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "adapter_model.bin"])
def test_no_pickle_is_loaded(small, tmp_path, name):
    trace = tmp_path / "trace"
    (small / name).write_bytes(pickle.dumps(Explosive(trace)))
    backend(f"hf:{small}")(voice(0.5))
    (small / "model.safetensors").unlink()
    with pytest.raises(ContractError, match=r"no model.safetensors.*can't|code.*save_pretrained"):
        backend(f"hf:{small}")
    assert not trace.exists()


def test_nothing_else_that_a_configuration_names_is_loaded(small, tmp_path, monkeypatch):
    wanted = backend(f"hf:{small}")(voice(0.5))
    trace = tmp_path / "trace"
    (small / "own.py").write_text(f"open({str(trace)!r}, 'w')")
    (small / "adapter_config.json").write_text('{"base_model_name_or_path": "org/other"}')
    change(
        small / "config.json",
        auto_map={"AutoModel": "own.Model", "AutoConfig": "own.Config"},
        quantization_config={"quant_method": "gptq", "bits": 4},
        attn_implementation="org/kernels",
        _attn_implementation="org/kernels",
        transformers_weights="pytorch_model.bin",
        fusion_config={"patch_embeddings": True},
        return_dict=False,
        output_attentions=True,
    )
    change(small / "preprocessor_config.json", auto_map={"AutoFeatureExtractor": "own.Extractor"})
    no_network(monkeypatch)
    np.testing.assert_array_equal(backend(f"hf:{small}")(voice(0.5)), wanted)
    assert not trace.exists()


def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_local_encoder_needs_no_network(folders, monkeypatch):
    no_network(monkeypatch)
    for folder in folders.values():
        encoder._loaded.cache_clear()
        assert np.isfinite(backend(f"hf:{folder}")(voice(0.5))).all()


def test_a_relative_folder_and_odd_names(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = shutil.copytree(folders["wav2vec2", False], tmp_path / "a+b c:d" / "my model+x")
    found = spec(f"hf:{copy.relative_to(tmp_path)}")
    assert found.name == f"hf:my_model_x:{LAYERS}"
    assert len(spec(f"egemaps+hf:{copy}:mean+egemaps-lld").features) == 88 + WIDTH + 46


@pytest.mark.parametrize("how", ["missing", "broken", "sizes"])
def test_weights_that_cannot_be_used_are_a_status(small, tmp_path, how, monkeypatch):
    weights = load_file(small / "model.safetensors")
    if how == "missing":
        save_file({k: v for k, v in weights.items() if "layers.1" not in k}, small / "w")
        (small / "w").replace(small / "model.safetensors")
    elif how == "broken":
        (small / "model.safetensors").write_bytes(b"\xff" * 100)
    else:
        change(small / "config.json", hidden_size=20)
    tried = []
    network = encoder._Network
    monkeypatch.setattr(encoder, "_Network", lambda folder: tried.append(1) or network(folder))
    paths = [write(tmp_path / f"{i}.wav", voice(0.5, pitch=100 + i)) for i in range(3)]
    table = extract(paths, features=f"hf:{small}", jobs=1)
    assert set(table.rows["status"]) == {"failed"}
    assert "ContractError" in table.rows["message"].iloc[0]
    assert len(tried) == 1


def test_a_table_is_read_by_any_name_of_its_encoder(folders, tmp_path):
    folder = folders["hubert", False]
    path = write(tmp_path / "a.wav", voice(0.5))
    table = extract([path], features=f"hf:{folder}", jobs=1)
    table.write(tmp_path / "t.parquet")
    table.write(tmp_path / "t.csv")
    for name in (f"hf:{folder}", f"hf:{folder}:-1", table.spec.name):
        assert FeatureTable.read(tmp_path / "t.parquet", name).spec == table.spec
    found = FeatureTable.read(tmp_path / "t.csv", f"hf:{folder}")
    assert found.spec == table.spec
    np.testing.assert_array_equal(found.values, table.values)
    with pytest.raises(ContractError, match="got hf:hubert"):
        FeatureTable.read(tmp_path / "t.parquet", f"hf:{folder}:1")


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_without_the_extra_the_message_names_it(folders, monkeypatch, package):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == package else found(name, *a)
    )
    message = rf"{package}.*pip install -c constraints\.txt '\.\[ssl\]'"
    with pytest.raises(MissingExtraError, match=message):
        backend(f"hf:{folders['wav2vec2', False]}")


def test_nothing_of_the_extra_is_loaded_before_it_is_needed(folders, cache):
    code = f"""
import sys
import numpy
from affectspace.features import backend, extract
from affectspace.cli import app
loaded = lambda: [name for name in ("torch", "transformers") if name in sys.modules]
backend("egemaps")(numpy.zeros(8000, "f4"))
encoder = backend("hf:{folders["wav2vec2", False]}")
assert not loaded(), loaded()
encoder(numpy.sin(numpy.arange(8000, dtype="f4")))
assert loaded()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
