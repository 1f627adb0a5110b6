"""What importing the package costs, and that the core stands alone."""

import json
import subprocess
import sys
import textwrap
from importlib import metadata

import numpy as np
import pytest
import soundfile

import affectspace
from affectspace import features
from affectspace.errors import EXTRAS
from affectspace.model import OBJECTIVES, Architecture, save_model
from affectspace.training import Recipe, Run, train
from made_features import SPEC, feature_table
from made_models import made_model
from voices import voice

WITHOUT_EXTRA = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {EXTRAS["train"]}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Missing())
"""
WITHOUT_OPENSMILE = """
import importlib.util
import sys
from importlib import metadata

def hidden(function, error):
    def call(name, *rest):
        if name == "opensmile":
            return error(name)
        return function(name, *rest)
    return call

def gone(name):
    raise metadata.PackageNotFoundError(name)

metadata.version = hidden(metadata.version, gone)
importlib.util.find_spec = hidden(importlib.util.find_spec, lambda name: None)
"""


def run(code, *arguments):
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_importing_the_package_loads_nothing_heavy():
    found = run("""
        import sys
        import affectspace
        print(affectspace.__version__, dir(affectspace))
        print({"torch", "pandas", "numpy", "sklearn", "opensmile"} & set(sys.modules))
    """)
    assert found.stderr == ""
    assert found.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", affectspace.__all__)
def test_public_names_resolve(name):
    found = getattr(affectspace, name)
    assert found.__name__ == name
    assert found.__module__.startswith("affectspace.")
    assert name in dir(affectspace)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'affectspace' has no attribute 'valence'"):
        affectspace.valence  # noqa: B018
    assert not hasattr(affectspace, "_anything")


def test_the_version_is_that_of_the_distribution():
    assert affectspace.__version__ == metadata.version("affectspace")


def test_encoding_needs_neither_torch_nor_the_rest_of_the_extra(tmp_path):
    table = feature_table()
    labels = {label: table.rows[label] for label in ("activation", "valence")}
    (model,) = train(
        table.values,
        labels,
        [Run(objective=OBJECTIVES["joint"], rows=np.arange(40))],
        recipe=Recipe(epochs=1),
        feature_names=SPEC.features,
        spec=SPEC,
    )
    save_model(model, tmp_path / "model")
    table.write(tmp_path / "features.parquet")
    code = """
        import json
        from affectspace import FeatureTable, load_model
        folder = sys.argv[1]
        model = load_model(folder + "/model")
        table = FeatureTable.read(folder + "/features.parquet")
        estimates = model.predict(table)
        assert estimates.index.equals(table.rows.index)
        print(json.dumps([model.encode(table).tolist(), estimates.to_numpy().tolist()]))
    """
    found = run(WITHOUT_EXTRA + textwrap.dedent(code), tmp_path)
    assert found.stderr == ""
    z, estimates = json.loads(found.stdout)
    np.testing.assert_allclose(z, model.encode(table), atol=1e-12)
    np.testing.assert_allclose(estimates, model.predict(table), atol=1e-12)


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--study", "--output", "never"],
        ["reproduce", "--source", "near=near.csv", "--output", "never"],
        ["train", "--source", "near=near.csv", "--output", "never"],
    ],
)
def test_a_command_names_the_extra_that_is_missing(arguments):
    code = """
        from affectspace.cli import main
        main()
    """
    found = run(WITHOUT_EXTRA + textwrap.dedent(code), *arguments)
    assert found.returncode == 1
    assert found.stdout == ""
    (line,) = found.stderr.splitlines()
    assert "pip install -c constraints.txt '.[train]'" in line


NEED_OPENSMILE = [
    ["extract", "{folder}", "--features", "egemaps", "--output", "{folder}/never.csv"],
    ["extract", "{folder}", "--features", "native+compare", "--output", "{folder}/never.csv"],
    ["embed", "{folder}", "--model", "{folder}/model"],
    ["explain", "{folder}", "--model", "{folder}/model"],
    ["demo", "--model", "{folder}/model", "--output", "{folder}/never"],
    ["demo", "--study", "--output", "{folder}/never"],
    ["reproduce", "--source", "near={folder}/near.csv", "--output", "{folder}/never"],
    [
        *("train", "--source", "near={folder}/near.csv", "--features", "egemaps-lld"),
        *("--output", "{folder}/never"),
    ],
    [
        *("evaluate", "--source", "near={folder}/near.csv", "--features", "egemaps"),
        *("--rival", "ridge", "--output", "{folder}/never"),
    ],
]


def test_without_opensmile_commands_that_need_it_say_so_before_they_work(tmp_path):
    contract, sizes = features.spec("egemaps"), Architecture(n_features=88)
    model = made_model(spec=contract, architecture=sizes, feature_names=contract.features)
    save_model(model, tmp_path / "model")
    (tmp_path / "near.csv").write_text("file\ngone.wav\n")  # is not even looked for
    (tmp_path / "gone.wav").write_text("no audio")
    code = """
        import contextlib, io, json
        from affectspace.cli import main
        for arguments in json.loads(sys.argv[1]):
            sys.argv, said, told = ["affectspace", *arguments], io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
                try:
                    main()
                    code = 0
                except SystemExit as end:
                    code = end.code
            print(json.dumps([code, said.getvalue(), told.getvalue()]))
    """
    wanted = [[word.format(folder=tmp_path) for word in words] for words in NEED_OPENSMILE]
    found = run(WITHOUT_OPENSMILE + textwrap.dedent(code), json.dumps(wanted))
    assert found.returncode == 0, found.stderr
    ends = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(ends) == len(NEED_OPENSMILE)
    for words, (code, said, told) in zip(wanted, ends, strict=True):
        assert (code, said) == (1, ""), words
        (line,) = told.splitlines()
        assert "needs opensmile" in line, words
        assert "pip install -c constraints.txt '.[opensmile]'" in line
    assert not list(tmp_path.glob("never*"))


def test_without_opensmile_the_default_set_and_stored_contracts_are_read(tmp_path):
    soundfile.write(tmp_path / "clip.wav", voice(1.5), 16_000)
    features.extract([tmp_path / "clip.wav"], features="egemaps", cache=False).write(
        tmp_path / "egemaps.parquet"
    )
    features.extract([tmp_path / "clip.wav"], cache=False).write(tmp_path / "native.csv")
    code = """
        from affectspace import FeatureTable, extract
        from affectspace.features.table import sets_among
        from affectspace.study.run import versions
        folder = sys.argv[1]
        table = extract([folder + "/clip.wav"], cache=False)
        print(table.spec.name, table.rows["status"].to_list())
        print(FeatureTable.read(folder + "/egemaps.parquet", "egemaps").spec.name)
        print(FeatureTable.read(folder + "/native.csv").spec.name)
        try:
            FeatureTable.read(folder + "/other.csv")
        except Exception as error:
            print(error)
        print("opensmile" in sys.modules, "opensmile" in versions())
    """
    (tmp_path / "other.csv").write_text("file,a\nx,1\n")
    found = run(WITHOUT_OPENSMILE + textwrap.dedent(code), tmp_path)
    *lines, fourth, last = found.stdout.splitlines()
    assert lines == ["native ['ok']", "egemaps", "native"], found.stderr
    assert "(without its extra, egemaps, compare, egemaps-lld can't be told)" in fourth
    assert last == "False False"
