"""Where models come from: shipped names, folders, and the hub, whose own library runs here."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from affectspace.errors import MissingExtraError, ModelError
from affectspace.model import find_model, load_model, save_model, shipped_models, sources
from hub_server import COMMIT, hub
from made_models import made_model


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    root = tmp_path / "package" / "models"
    for name in ("default", "small"):
        save_model(made_model(name=f"the {name} one"), root / name)
    (root / "no-model").mkdir()
    (root / "__init__.py").touch()
    monkeypatch.setattr(sources, "shipped_root", lambda: root)
    return root


def test_shipped_models_by_name(shipped):
    assert shipped_models() == ("default", "small")
    assert load_model().name == "the default one"
    small = load_model("small")
    assert (small.name, small.source) == ("the small one", "small")
    assert find_model("small") == (shipped / "small", "small")


def test_a_shipped_name_comes_before_a_folder_of_that_name(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(made_model(name="mine"), "small")
    save_model(made_model(name="mine"), "large")
    assert load_model("small").name == "the small one"
    assert load_model("./small").name == "mine"
    assert load_model(tmp_path / "small").name == "mine"
    assert load_model("large").name == "mine"


@pytest.mark.parametrize("name", ["defualt", "no-model", "deep/folder", "\0", ""])
def test_an_unknown_name_lists_what_is_shipped(shipped, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_model(name)
    if name:
        assert "there is no model" in str(caught.value)
        assert "there is default, small" in str(caught.value)


def test_an_installation_that_ships_none(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "shipped_root", lambda: tmp_path / "nothing")
    assert shipped_models() == ()
    with pytest.raises(ModelError, match="there is none"):
        load_model()


def test_every_model_that_is_shipped_here_loads():
    for name in shipped_models():
        assert load_model(name).source == name


def load_in_a_fresh_process(*names, address, home, **environment):
    """Load through the hub's library, which reads its address when it is imported."""
    code = """
        import json, sys
        from affectspace.errors import AffectspaceError
        from affectspace.model import load_model

        def loaded(name):
            try:
                model = load_model(name)
            except AffectspaceError as error:
                return {"error": type(error).__name__, "message": str(error)}
            return {"name": model.name, "source": model.source}

        print(json.dumps([loaded(name) for name in sys.argv[1:]]))
    """
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_ETAG_TIMEOUT": "2", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *names],
        env={**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(home), **quiet, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def served(tmp_path):
    pytest.importorskip("huggingface_hub")
    folder = save_model(made_model(name="from the hub"), tmp_path / "model")
    for name in ("model.pkl", "setup.py", "evil.safetensors"):
        (folder / name).write_text("never wanted")
    with hub(folder) as stand_in:
        yield stand_in


NAMES = ("hf:org/name", "hf:org/name@v1", f"hf:org/name@{COMMIT}")
LOADED = {"name": "from the hub", "source": f"hf:org/name@{COMMIT}"}


def test_the_four_files_come_from_the_hub_once_and_nothing_else(served, tmp_path):
    home = tmp_path / "home"
    found = load_in_a_fresh_process(*NAMES, address=served.address, home=home)
    assert found == [LOADED] * 3
    wanted = ["README.md", "config.json", "metrics.json", "model.safetensors"]
    assert sorted(served.downloaded()) == wanted
    assert sorted(path.name for path in home.rglob("snapshots/*/*")) == wanted
    offline = load_in_a_fresh_process(*NAMES, address=served.address, home=home, HF_HUB_OFFLINE="1")
    nobody = load_in_a_fresh_process("hf:org/name", address="http://127.0.0.1:9", home=home)
    assert (offline, nobody) == ([LOADED] * 3, [LOADED])


@pytest.mark.parametrize(
    ("names", "environment"),
    [
        (["hf:org/missing", "hf:org/name@missing"], {}),
        (["hf:org/name"], {"HF_HUB_OFFLINE": "1"}),
        (["hf:org/name"], {"HF_ENDPOINT": "http://127.0.0.1:9"}),
    ],
)
def test_what_can_not_be_had_is_said(served, tmp_path, names, environment):
    found = load_in_a_fresh_process(
        *names, address=served.address, home=tmp_path / "home", **environment
    )
    for name, said in zip(names, found, strict=True):
        assert said["error"] == "ModelError"
        assert f"{name} can't be loaded from the hub: " in said["message"]
        assert "\n" not in said["message"]


def test_absurd_sizes_are_not_downloaded(served, tmp_path):
    served.sizes["model.safetensors"] = 10**12
    (said,) = load_in_a_fresh_process("hf:org/name", address=served.address, home=tmp_path / "home")
    assert said["error"] == "ModelError"
    assert "model.safetensors has 1000000000000 bytes" in said["message"]
    assert served.downloaded() == []


def test_a_repository_that_is_no_model_of_ours_is_not_downloaded(served, tmp_path):
    del served.files["model.safetensors"]
    (said,) = load_in_a_fresh_process("hf:org/name", address=served.address, home=tmp_path / "home")
    assert "no model folder: it has no model.safetensors" in said["message"]
    assert served.downloaded() == []


@pytest.mark.parametrize(
    "name", ["", "name", "org/name/more", "../x", "org/na me", "org/name@", "örg/name", "org/n\n"]
)
def test_a_name_of_another_form(name):
    with pytest.raises(ModelError, match="should be ORG/NAME or ORG/NAME@REVISION"):
        load_model(f"hf:{name}")


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"install .*\.\[hub\]"):
        load_model("hf:org/name")
