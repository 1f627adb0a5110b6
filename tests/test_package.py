"""What importing the package costs, and that the core stands alone."""

import json
import subprocess
import sys
import textwrap
from importlib import metadata

import numpy as np
import pytest

import affectspace
from affectspace.errors import TRAIN_PACKAGES
from affectspace.model import OBJECTIVES, save_model
from affectspace.training import Recipe, Run, train
from made_features import SPEC, feature_table

WITHOUT_EXTRA = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TRAIN_PACKAGES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Missing())
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
    assert "pip install 'affectspace[train]'" in line
