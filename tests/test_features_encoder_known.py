"""Encoders on the hub, and which encoders a contract may lead to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
from typer.testing import CliRunner

from affectspace.audio import read_audio
from affectspace.cli import app
from affectspace.errors import ContractError
from affectspace.features import FeatureSpec, FeatureTable, encoder_folder, extract, registry, spec
from affectspace.model import (
    Architecture,
    adopt,
    check_model,
    contract,
    load_model,
    meet,
    save_model,
)
from affectspace.model.probe import compute_probe
from affectspace.study import ModelRecipe, train_model
from affectspace.training import Recipe
from hub_server import COMMIT, hub
from made_encoders import WIDTH, change, save_encoder
from made_models import made_model
from voices import voice, write


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "mine" / "tiny")


@pytest.fixture
def paths(tmp_path):
    return [write(tmp_path / f"{p}.wav", voice(0.5, pitch=p)) for p in (110, 180, 240)]


def model_on(found):
    return made_model(
        architecture=Architecture(n_features=len(found.features)),
        spec=found,
        feature_names=found.features,
    )


@pytest.fixture
def forget(tmp_path, monkeypatch):
    """Become another installation, which has used no encoder."""
    return lambda: monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "another"))


def test_a_model_embeds_where_its_encoder_was_used(folder, paths, tmp_path):
    found = spec(f"hf:{folder}:2", level="rms:-20")
    save_model(model_on(found), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert str(tmp_path) not in (tmp_path / "model" / "config.json").read_text()
    assert meet(model) == found == model.spec
    assert model.probe is not None
    features = extract(paths, features=f"hf:{folder}:2", level="rms:-20", cache=False)
    embedded = model.embed(paths)
    np.testing.assert_allclose(embedded[["z1", "z2"]], model.encode(features), rtol=1e-4)
    assert all(finding.ok for finding in check_model(tmp_path / "model"))


def test_elsewhere_it_must_be_named_first(folder, paths, forget, monkeypatch):
    model = model_on(spec(f"hf:{folder}"))
    forget()
    for computed in (model.embed, lambda _: meet(model), lambda _: adopt(model)):
        with pytest.raises(ContractError, match=r"tiny.*isn't known here.*--encoder tiny"):
            computed(paths)
    moved = shutil.move(folder, folder.with_name("another name"))
    spec(f"hf:{moved}")
    assert meet(model) == model.spec  # by its content, whatever its folder is called
    assert model.embed(paths)["z1"].notna().all()


def test_another_encoder_in_its_place_is_not_taken(folder, paths, tmp_path):
    model = model_on(spec(f"hf:{folder}"))
    shutil.rmtree(folder)
    save_encoder(folder, seed=1)
    with pytest.raises(ContractError, match="no longer where it was"):
        meet(model)
    shutil.rmtree(folder)
    with pytest.raises(ContractError, match="no longer where it was"):
        model.embed(paths)


def test_the_same_weights_in_other_files_are_met_by_the_probe(folder, paths, forget, tmp_path):
    save_model(model_on(spec(f"native+hf:{folder}:2")), tmp_path / "model")
    model = load_model(tmp_path / "model")
    forget()
    other = shutil.copytree(folder, tmp_path / "theirs" / "tiny")
    change(other / "config.json", note="from another release")
    theirs = spec(f"native+hf:{other}:2")
    assert theirs != model.spec
    assert meet(model) == theirs
    assert adopt(model).spec == theirs
    adopted = adopt(model).record["adopted"]
    assert model.spec.backend in adopted["from"]
    assert theirs.backend in adopted["to"]
    features = extract(paths, features=f"native+hf:{other}:2")
    np.testing.assert_allclose(
        model.embed(paths)[["z1", "z2"]], adopt(model).encode(features), rtol=1e-4
    )


def test_of_several_by_that_name_the_last_that_was_named_is_tried(folder, forget, tmp_path):
    wanted = replace(spec(f"hf:{folder}:2"), name="hf:org/tiny:2")  # from the hub, elsewhere
    model = replace(model_on(wanted), probe=compute_probe(spec(f"hf:{folder}:2")))
    forget()
    same = shutil.copytree(folder, tmp_path / "same" / "tiny")
    change(same / "config.json", note="from another release")
    other = save_encoder(tmp_path / "other" / "tiny", seed=1)
    for named in (same, other, same):
        found = spec(f"hf:{named}:2")
    assert meet(model).backend == found.backend
    spec(f"hf:{other}:2")
    with pytest.raises(ContractError, match="they differ in"):
        meet(model)
    with pytest.raises(ContractError, match="brings no probe"):
        meet(replace(model, probe=None))


def test_other_weights_by_that_name_are_refused(folder, forget, tmp_path):
    save_model(model_on(spec(f"hf:{folder}:2")), tmp_path / "model")
    model = load_model(tmp_path / "model")
    forget()
    spec(f"hf:{save_encoder(tmp_path / 'theirs' / 'another', seed=1)}:2")
    with pytest.raises(ContractError, match="isn't known here"):  # of another name: not looked at
        meet(model)
    mine = spec(f"hf:{save_encoder(tmp_path / 'theirs' / 'tiny', seed=1)}:2")
    wanted, here = (s.backend.partition("sha256:")[2] for s in (model.spec, mine))
    message = rf"layer 2, an encoder with the digest {wanted}, and {here} is here; they differ in"
    with pytest.raises(ContractError, match=message + r".*: name the encoder that the model was"):
        meet(model)


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("hf:{folder}:3", "0" * 32),
        ("hf:org/name:3", "0" * 32),
        ("hf:{folder}:3", "../../mine/tiny"),
        ("hf:{folder}:3", ""),
        ("hf:", "{digest}"),
        ("egemaps+hf:{folder}:3", "0" * 32),
        ("egemaps+hf:{folder}:3+hf:{folder}:2", "{digest}"),
    ],
)
def test_what_a_stranger_writes_loads_and_downloads_nothing(folder, monkeypatch, name, digest):
    mine = spec(f"hf:{folder}")
    digest = digest.format(digest=mine.backend.partition("sha256:")[2])

    def never(*_, **__):
        raise AssertionError("something was looked for")

    monkeypatch.setattr(encoder_folder, "locate", never)
    monkeypatch.setattr(encoder_folder, "_from_hub", never)
    monkeypatch.setattr(encoder_folder, "read_encoder", never)
    stranger = replace(
        mine,
        name=name.format(folder=folder),
        backend=mine.backend.partition("sha256:")[0] + f"sha256:{digest}",
    )
    with pytest.raises(ContractError, match=r"can't embed|doesn't say"):
        meet(model_on(stranger))
    assert contract.probe_distances(model_on(stranger)) is None


def test_another_layer_or_kind_than_the_contract_says_is_refused(folder):
    mine = spec(f"hf:{folder}:2")
    for stranger in (
        replace(mine, name="hf:tiny:1"),
        replace(mine, backend=mine.backend.replace("wav2vec2", "wavlm")),
        replace(mine, features=mine.features[::-1]),
    ):
        with pytest.raises(ContractError, match="expected features of"):
            meet(model_on(stranger))


def test_another_version_is_met_by_the_probe(folder, monkeypatch, tmp_path):
    save_model(model_on(spec(f"egemaps+hf:{folder}")), tmp_path / "model")
    model = load_model(tmp_path / "model")
    monkeypatch.setattr("affectspace.features.encoder._version", lambda: "99.1")
    assert adopt(model).spec == spec(f"egemaps+hf:{folder}")
    here, mine = metadata.version("transformers"), metadata.version("opensmile")
    assert adopt(model).record["adopted"]["to"] == f"{mine} + 99.1"
    values = model.probe.values.copy()
    values[-1] += 10 * model.scale[-1]
    other = replace(model, probe=replace(model.probe, values=values))
    message = rf"transformers {here}, and 99\.1 is here; they differ in 1 of 104 .*hf_{WIDTH - 1} "
    with pytest.raises(ContractError, match=message + rf".*pip install 'transformers=={here}'\)$"):
        meet(other)


def test_side_by_side_with_others(folder, paths):
    name = f"egemaps-lld+hf:{folder}:mean"
    table = extract(paths, features=name)
    assert table.spec.name == "egemaps-lld+hf:tiny:mean"
    assert table.spec.features[46:48] == ("hf:tiny:mean:hf_0", "hf:tiny:mean:hf_1")
    alone = extract(paths, features=f"hf:{folder}:mean")
    np.testing.assert_array_equal(table.values.iloc[:, 46:], alone.values)
    model = model_on(table.spec)
    assert registry.installed(table.spec).spec == table.spec == meet(model)
    np.testing.assert_allclose(model.embed(paths)[["z1", "z2"]], model.encode(table), rtol=1e-4)
    signals = {path: (read_audio(path).samples, 16_000) for path in map(str, paths)}
    again = registry.installed(table.spec)
    found = extract(list(signals), features=again, sources=signals, cache=False)
    np.testing.assert_allclose(found.values, table.values, rtol=1e-5, atol=1e-6)


def test_a_folder_that_cannot_be_written_costs_only_the_memory(folder, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AFFECTSPACE_CACHE", str(tmp_path / "file"))
    found = spec(f"hf:{folder}")
    with pytest.raises(ContractError, match="isn't known here"):
        meet(model_on(found))


def test_the_commands(folder, paths, tmp_path, forget):
    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        return result if result.exception is None else result.exception

    features = tmp_path / "features.parquet"
    assert run("extract", *paths, "--features", f"hf:{folder}:1", "-o", features).exit_code == 0
    table = FeatureTable.read(features)
    assert table.spec.name == "hf:tiny:1"
    rows = table.rows.assign(activation=[1.0, 3.0, 4.5], valence=[2.0, 2.5, 4.0], language="de")
    replace(table, rows=rows).write(features)
    recipe = ModelRecipe(features=f"hf:{folder}:1", training=Recipe(epochs=2))
    train_model({"mine": features}, output=tmp_path / "model", recipe=recipe)
    for file in (tmp_path / "model").iterdir():
        assert str(folder).encode() not in file.read_bytes()
    embed = ("embed", *paths, "--model", tmp_path / "model", "-o", tmp_path / "out.csv")
    assert run(*embed).exit_code == 0
    forget()
    assert "isn't known here" in str(run(*embed))
    assert run(*embed, "--encoder", folder).exit_code == 0
    assert run(*embed).exit_code == 0
    assert "there is no folder" in str(run(*embed, "--encoder", "/no/such"))
    for model, encoder, said in (
        (tmp_path / "model", "org/other", "hears tiny, not org/other"),
        (tmp_path / "model", "org/other@refs/pr/1", "hears tiny, not org/other"),
        ("default", "org/tiny", "hears no speech encoder"),
    ):
        refused = CliRunner().invoke(
            app, ["embed", str(paths[0]), "--model", str(model), "--encoder", encoder]
        )
        assert refused.exit_code == 2
        assert said in " ".join(refused.output.replace("│", " ").split())


def test_a_table_of_recordings_and_one_of_features_are_told_apart(folder, paths, tmp_path):
    from affectspace.study import Extraction, read_corpus

    table = extract(paths, features=f"hf:{folder}:1")
    table.write(tmp_path / "f.parquet")
    for features in (f"hf:{folder}:1", f"hf:{folder}:-3"):
        read = read_corpus("x", tmp_path / "f.parquet", extraction=Extraction(features=features))
        np.testing.assert_array_equal(read.table.values, table.values)
    for features in ("egemaps", f"hf:{folder}:2"):
        with pytest.raises(ContractError, match="hf:tiny:1"):
            read_corpus("x", tmp_path / "f.parquet", extraction=Extraction(features=features))


def in_a_fresh_process(*names, address, home, **environment):
    """Name encoders through the hub's library, which reads its address when it is imported."""
    code = """
        import json, sys
        from affectspace.errors import AffectspaceError
        from affectspace.features import spec

        def found(name):
            try:
                return json.loads(spec(name).to_json())
            except AffectspaceError as error:
                return {"error": type(error).__name__, "message": str(error)}

        print(json.dumps([found(name) for name in sys.argv[1:]]))
    """
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_ETAG_TIMEOUT": "2", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *names],
        env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(home), **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_from_the_hub_once_and_then_without_it(folder, tmp_path):
    (folder / "pytorch_model.bin").write_bytes(b"never")
    (folder / "own.py").write_text("never")
    home, name = tmp_path / "home", "hf:org/name:2"
    with hub(folder) as served:
        (found,) = in_a_fresh_process(name, address=served.address, home=home)
        assert found["name"] == name
        wanted = {"config.json", "preprocessor_config.json", "model.safetensors"}
        assert set(served.downloaded()) == wanted
        served.asked.clear()
        again = in_a_fresh_process(
            name, f"hf:org/name@{COMMIT}:2", "hf:org/name:2", address=served.address, home=home
        )
        assert again == [found] * 3
        assert served.asked == []  # what is there isn't asked for again
    assert in_a_fresh_process(name, address="http://127.0.0.1:1", home=home) == [found]
    assert meet(model_on(FeatureSpec.from_json(json.dumps(found)))).name == name
    assert found["backend"] == spec(f"hf:{folder}:2").backend


def test_what_the_hub_does_not_have(folder, tmp_path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with hub(folder) as served:
        pickled, missing = in_a_fresh_process(
            "hf:org/name", "hf:org/none", address=served.address, home=tmp_path / "home"
        )
    assert "no model.safetensors" in pickled["message"]
    assert "refs/pr" in pickled["message"]
    assert "hf:org/none can't be loaded from the hub" in missing["message"]
    (gone,) = in_a_fresh_process(
        "hf:org/name", address="http://127.0.0.1:1", home=tmp_path / "empty", HF_HUB_OFFLINE="1"
    )
    assert gone["error"] == "ContractError"
