"""The package as somebody gets it: built, installed without extras, and used for all but training.

These tests build and install, which takes a minute and the package index; `make installed` runs
them, `make test` doesn't.
"""

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile

from affectspace.errors import EXTRAS
from affectspace.synthesis import Speaker, synthesise_utterance

pytestmark = pytest.mark.install

ROOT = Path(__file__).parents[1]
SPEAKER = Speaker("anna", "female", f0=210.0, tract_scale=1.15)
NUMBERS = ["activation", "activation_low", "activation_high", "valence", "z1", "z2", "unusualness"]


def run(*command, cwd, stdin=None, fails=False):
    """What a command wrote; it may fail where that is expected only."""
    found = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        cwd=cwd,
        input=stdin,
        text=True,
        timeout=300,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), "AFFECTSPACE_CACHE": str(cwd / "cache")}
        | {name: value for name, value in os.environ.items() if name.startswith("PIP_")},
    )
    assert (found.returncode != 0) == fails, found.stdout + found.stderr
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "hatchling", "build", "--target")
    run(*build, "sdist", "--directory", folder, cwd=ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", folder, sdist, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    """An environment with the core only, and a folder of recordings to work in."""
    folder = tmp_path_factory.mktemp("core")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    programs = folder / "venv/bin"
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "install", "--quiet")
    run(*pip, "--no-compile", "--constraint", ROOT / "constraints.txt", wheel, cwd=folder)
    work = folder / "a folder, for work"
    (work / "speech").mkdir(parents=True)
    for k, activation in enumerate((1.5, 3.0, 4.5)):
        samples = synthesise_utterance(activation, 3, speaker=SPEAKER, seed=k, duration=2.5)
        soundfile.write(work / f"speech/clip {k}.wav", samples, 16000)
    (work / "speech/broken.wav").write_text("no audio")

    def command(*arguments, **settings):
        return run(programs / "affectspace", *arguments, cwd=work, **settings)

    def python(code):
        return run(programs / "python", "-I", "-c", textwrap.dedent(code), cwd=work).stdout

    return SimpleNamespace(folder=work, command=command, python=python)


def test_the_wheel_holds_what_the_source_holds(wheel):
    """Templates and models too, though they are no Python."""
    package = ROOT / "src/affectspace"
    source = {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("affectspace/")}
    assert held == source
    assert "affectspace/templates/embedding.html" in held
    assert "affectspace/models/default/model.safetensors" in held
    assert "affectspace/py.typed" in held


def test_nothing_of_the_extras_is_installed(core):
    found = core.python(f"""
        from importlib.util import find_spec
        print([name for name in {(*EXTRAS["train"], "opensmile")} if find_spec(name)])
    """)
    assert found == "[]\n"
    missing = core.command("train", "--source", "a=a.csv", "--output", "never", fails=True)
    assert "pip install -c constraints.txt '.[train]'" in missing.stderr
    encoder = ("extract", "speech", "--features", "hf:org/name", "--output", "never.csv")
    missing = core.command(*encoder, fails=True)
    assert "pip install -c constraints.txt '.[ssl]'" in missing.stderr
    opensmile = ("extract", "speech", "--features", "egemaps", "--output", "never.csv")
    missing = core.command(*opensmile, fails=True)
    assert "pip install -c constraints.txt '.[opensmile]'" in missing.stderr
    rows = [f"{i}.wav,{rater},valence,{i}" for i in range(1, 6) for rater in "ab"]
    (core.folder / "ratings.csv").write_text("\n".join(["file,rater,label,value", *rows]))
    missing = core.command("agreement", "ratings.csv", fails=True)
    assert "pip install -c constraints.txt '.[annotate]'" in missing.stderr


def test_features_of_our_own(core):
    core.command("extract", "speech", "-o", "features.parquet")
    found = core.python("""
        from affectspace import FeatureTable
        table = FeatureTable.read("features.parquet")
        print(table.spec.name, table.rows["status"].value_counts().to_dict())
    """)
    assert found == "native {'ok': 3, 'unreadable': 1}\n"


def test_the_shipped_model_is_sound(core):
    assert "activation on z1" in core.command("model", "show").stdout
    assert json.loads(core.command("model", "show", "--json").stdout)["calibration"]
    core.command("model", "check", "default")


def test_the_demonstration(core):
    found = core.command("demo")
    assert "1 unreadable" in found.stderr
    table = pd.read_csv(core.folder / "demo/embedding.csv")
    assert (table["status"] == "ok").sum() >= 50
    assert table.loc[table["status"] == "ok", NUMBERS].notna().all(axis=None)
    assert "Nobody speaks here" in (core.folder / "demo/report.html").read_text()


def test_a_folder_as_a_table_for_people(core):
    found = core.command("embed", "speech")
    _, *lines = found.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        f"speech/{name}.wav" for name in ("broken", "clip 0", "clip 1", "clip 2")
    ]


def test_a_table_to_parquet_and_a_report(core):
    rows = pd.DataFrame({"file": ["speech/clip 0.wav"], "start": [0.5], "end": [2.0], "take": [7]})
    rows.to_csv(core.folder / "rows.csv", index=False)
    core.command("embed", "rows.csv", "-o", "out.parquet", "--report", "out.html")
    table = pd.read_parquet(core.folder / "out.parquet")
    assert table["duration"].tolist() == pytest.approx([1.5])
    assert table["take"].tolist() == [7]
    assert "clip 0.wav" in (core.folder / "out.html").read_text()


def test_a_folder_of_shards(core):
    found = core.command("embed", "speech", "-o", "shards/", "--shard-size", "3")
    assert "Reconciled: all 4 planned rows are accounted for exactly once" in found.stderr
    table = pd.read_parquet(core.folder / "shards")
    assert table["status"].tolist() == ["unreadable", "ok", "ok", "ok"]
    missing = core.command("embed", "s3://bucket/a.wav", "-o", "other/", fails=True)
    assert ".[remote]" in missing.stderr
    missing = core.command("embed", "speech", "-o", "other/", "--engine", "ray", fails=True)
    assert ".[ray]" in missing.stderr


def test_windows_of_a_list_on_stdin_to_json_lines(core):
    core.command(
        *("embed", "-", "--segment", "1:0.5", "-o", "out.jsonl"), stdin="speech/clip 1.wav\n"
    )
    rows = [json.loads(line) for line in (core.folder / "out.jsonl").read_text().splitlines()]
    assert [row["start"] for row in rows[:3]] == [0, 0.5, 1]
    assert {row["status"] for row in rows} == {"ok"}


def test_spans_of_speech_to_csv(core):
    core.command("embed", "speech/clip 2.wav", "--segment", "speech", "-o", "out.csv")
    table = pd.read_csv(core.folder / "out.csv")
    assert set(table["status"]) == {"ok"}
    assert pd.to_timedelta(table["end"]).notna().all()


def test_reasons_and_walks(core):
    found = core.command("explain", "speech/clip 0.wav", "--report", "why.html")
    assert "1 of 1 rows explained" in found.stderr
    assert "Why this estimate?" in (core.folder / "why.html").read_text()
    assert "## activation" in core.command("explain").stdout
    missing = core.command("explain", "--source", "a=features.parquet", fails=True)
    assert "pip install -c constraints.txt '.[train]'" in missing.stderr


def test_in_python(core):
    found = core.python(f"""
        import json
        import numpy as np
        import soundfile
        import affectspace
        model = affectspace.load_model()
        samples, rate = soundfile.read("speech/clip 0.wav", dtype="float32")
        table = model.embed(["speech", "speech/gone.wav"], cache=False)
        signal = model.embed((samples, rate))
        features = affectspace.extract(["speech/clip 0.wav"], cache=False)
        z = model.encode(features)
        print(json.dumps({{
            "status": table["status"].tolist(),
            "file": table[{NUMBERS}].iloc[1].tolist(),
            "signal": signal[{NUMBERS}].iloc[0].tolist(),
            "z": z.tolist(),
            "row": signal.filter(regex=r"^z\\d+$").iloc[0].tolist(),
            "rebuilt": model.reconstruct(features).shape == features.values.shape,
        }}))
    """)
    found = json.loads(found)
    assert found["status"] == ["unreadable", "ok", "ok", "ok", "missing"]
    np.testing.assert_allclose(found["file"], found["signal"], atol=1e-4)
    np.testing.assert_allclose(found["z"], [found["row"]], atol=1e-6)
    assert found["rebuilt"]


def test_hear(core):
    found = core.python("""
        import numpy as np
        import soundfile
        from affectspace import hear
        model = hear.load_model()
        samples, _ = soundfile.read("speech/clip 0.wav", dtype="float32")
        scenes = hear.get_scene_embeddings(samples[None], model)
        stamps, times = hear.get_timestamp_embeddings(samples[None, :32000], model)
        assert np.isfinite(scenes).all() and np.isfinite(stamps).all()
        print(scenes.shape, stamps.shape[:2] == times.shape)
    """)
    assert found.startswith("(1, ")
    assert found.endswith(" True\n")
