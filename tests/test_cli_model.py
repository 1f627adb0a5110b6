"""`affectspace model`: show, check, export."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from affectspace.cli import app
from affectspace.errors import ContractError, ModelError
from affectspace.features import opensmile, spec
from affectspace.model import (
    Architecture,
    Probe,
    check_model,
    export_onnx,
    load_model,
    save_model,
    sources,
)
from affectspace.model.probe import compute_probe
from made_models import ALIGNABLE, made_model
from test_package import WITHOUT_EXTRA


def invoke(*arguments):
    return CliRunner().invoke(app, ["model", *map(str, arguments)])


@pytest.fixture(scope="module")
def egemaps():
    """A model of the installed eGeMAPS, with all that a model can have."""
    contract = spec("egemaps")
    probe = compute_probe(contract)
    return made_model(
        architecture=Architecture(n_features=88),
        spec=contract,
        feature_names=contract.features,
        probe=probe,
        scale=np.maximum(np.abs(probe.values.astype(np.float64)) / 10, 1e-3),
        calibration=ALIGNABLE,
        clip=4.0,
        name="made",
        version="3",
        licence="CC-BY-4.0",
        record={"seed": 4, "sources": {"emodb": {"rows": 535}}},
    )


@pytest.fixture
def folder(egemaps, tmp_path):
    metrics = [{"target": f"corpus{i}", "metric": "ccc", "value": 0.123456 + i} for i in range(14)]
    return save_model(egemaps, tmp_path / "a model", metrics=metrics)


def test_show_says_what_the_model_is(folder):
    result = invoke("show", folder)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    for said in (
        "name:          made\n",
        "version:       3\n",
        "licence:       CC-BY-4.0\n",
        f"card:          {folder}/README.md\n",
        "network:       88 -> 40 -> 20 -> 10 -> 2 and back, 9310 parameters\n",
        "joint: activation on z1; valence on z2\n",
        "clip:          4 deviations\n",
        f"features:      {spec('egemaps')}\n",
        "utterances of 0.5 to 12 s\n",
        "activation: -1.25 to +1.00 for 90%\n",
        "valence, aligned with a collection: -1.40 to +1.30\n",
        "training:      seed: 4\n",
        'sources: {"emodb": {"rows": 535}}\n',
        "metrics:       target corpus0, metric ccc, value 0.123\n",
        "... and 2 more in metrics.json\n",
    ):
        assert said in result.stdout
    assert "corpus12" not in result.stdout


def test_show_of_a_model_that_has_little(tmp_path):
    save_model(made_model("unsupervised", spec=None, record={}), tmp_path)
    result = invoke("show", tmp_path)
    assert result.exit_code == 0, result.output
    for said in (
        "name:          none\n",
        "licence:       not stated\n",
        "objective:     unsupervised\n",
        "no contract: can't embed recordings\n",
        "calibration:   none",
        "training:      none\n",
        "metrics:       none\n",
    ):
        assert said in result.stdout


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"ccc": 0.25, "rows": 3}, "metrics:       ccc: 0.25\n               rows: 3\n"),
        ([0.5, None, [1]], "metrics:       0.5\n               null\n               [1]\n"),
        ([{"x": {"y": ["z" * 999]}}], "z" * 100),
    ],
)
def test_metrics_of_any_form(tmp_path, metrics, said):
    save_model(made_model(), tmp_path, metrics=metrics)
    result = invoke("show", tmp_path)
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    assert max(map(len, result.stdout.partition("metrics:")[2].splitlines())) < 160


def test_show_card_and_json(folder):
    card = invoke("show", folder, "--card")
    assert card.stdout == (folder / "README.md").read_text()
    config = invoke("show", folder, "--json")
    assert json.loads(config.stdout) == json.loads((folder / "config.json").read_text())
    both = invoke("show", folder, "--card", "--json")
    assert both.exit_code == 2
    assert both.stdout == ""


def test_a_strangers_text_does_not_steer_the_terminal(folder):
    (folder / "README.md").write_bytes("---\n\x1b]0;title\x07 \x9b31m\r\nschön\tüber\r".encode())
    card = invoke("show", folder, "--card").stdout
    assert card == "---\n\ufffd]0;title\ufffd \ufffd31m\nschön\tüber\ufffd"
    save_model(made_model(record={"note": "\x1b[2J"}), folder)
    summary = invoke("show", folder).stdout
    assert "\x1b" not in summary
    assert "[2J" in summary


def test_show_the_default(folder, monkeypatch):
    monkeypatch.setattr(sources, "shipped_root", lambda: folder.parent)
    folder.rename(folder.with_name("default"))
    result = invoke("show")
    assert "source:        default\n" in result.stdout
    result = invoke("check")
    assert result.exit_code == 0, result.output
    assert states(result) == dict.fromkeys(CHECKS, "ok")


def test_an_error_is_an_affectspace_error(tmp_path):
    for arguments in (["show"], ["show", "--card"], ["check"], ["export", "--onnx", "x.onnx"]):
        result = invoke(*arguments, tmp_path / "nowhere")
        assert isinstance(result.exception, ModelError)
        assert result.stdout == ""


FILES = ["config.json", "model.safetensors", "README.md", "metrics.json"]
CHECKS = [*FILES, "computes", "contract", "probe"]


def states(result):
    return {line.split()[1]: line.split()[0] for line in result.stdout.splitlines()}


def test_check_of_a_sound_model(folder):
    result = invoke("check", folder)
    assert result.exit_code == 0, result.output
    assert states(result) == dict.fromkeys(CHECKS, "ok")
    assert list(states(result)) == CHECKS
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "failed"),
    [
        ("config.json", b"{}", {"config.json", "model.safetensors"}),
        ("model.safetensors", b"x", {"model.safetensors"}),
        ("README.md", None, {"README.md"}),
        ("README.md", b"# no header", {"README.md"}),
        ("README.md", b"\xff", {"README.md"}),
        ("metrics.json", None, {"metrics.json"}),
        ("metrics.json", b"NaN", {"metrics.json"}),
    ],
)
def test_check_names_the_file_that_is_wrong(folder, name, content, failed):
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    result = invoke("check", folder)
    assert result.exit_code == 1
    found = states(result)
    assert {check for check, state in found.items() if state == "failed"} == failed
    if name not in ("config.json", "model.safetensors"):
        assert list(found) == CHECKS


def finding(folder, check):
    return next(finding for finding in check_model(folder) if finding.check == check)


def test_check_runs_the_probe_even_where_versions_are_equal(egemaps, tmp_path):
    assert finding(save_model(egemaps, tmp_path / "good"), "probe").ok
    values = egemaps.probe.values.copy()
    values[5] += np.float32(0.01 * egemaps.scale[5])
    forged = replace(egemaps, probe=Probe(egemaps.probe.signal, values))
    found = finding(save_model(forged, tmp_path / "forged"), "probe")
    assert not found.ok
    assert "differ from the model's in 1 of 88, by up to 0.01 deviations" in found.message
    assert finding(tmp_path / "forged", "contract").ok


def test_check_of_another_version(egemaps, tmp_path, monkeypatch):
    save_model(egemaps, tmp_path / "same")
    apart = replace(egemaps, probe=Probe(egemaps.probe.signal, egemaps.probe.values + 1))
    save_model(apart, tmp_path / "apart")
    monkeypatch.setattr(opensmile, "version", lambda: "99.1")
    result = invoke("check", tmp_path / "same")
    assert result.exit_code == 0, result.output
    assert "met by egemaps [opensmile eGeMAPSv02 99.1" in result.stdout
    result = invoke("check", tmp_path / "apart")
    assert result.exit_code == 1
    assert {k for k, state in states(result).items() if state == "failed"} == {"contract", "probe"}
    installed = egemaps.spec.backend_version
    assert f"pip install 'opensmile=={installed}'" in result.stdout


def test_check_of_models_that_can_not_embed(tmp_path):
    save_model(made_model(spec=None), tmp_path / "bare")
    result = invoke("check", tmp_path / "bare")
    assert result.exit_code == 0
    assert "can't embed recordings" in finding(tmp_path / "bare", "contract").message
    save_model(made_model(), tmp_path / "unknown")
    result = invoke("check", tmp_path / "unknown")
    assert result.exit_code == 1
    assert states(result)["contract"] == "failed"
    unknown = made_model(probe=Probe("later-2", np.zeros(6)))
    assert "not known here" in finding(save_model(unknown, tmp_path / "later"), "probe").message


def test_check_of_numbers_that_come_to_nothing(tmp_path):
    model = made_model()
    huge = {name: np.full(weight.shape, 1e200) for name, weight in model.weights.items()}
    found = finding(save_model(replace(model, weights=huge), tmp_path), "computes")
    assert not found.ok
    assert "no numbers" in found.message


def test_export(folder, tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "out" / "m.onnx"
    result = invoke("export", folder, "--onnx", path)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{path}\n"
    again = export_onnx(load_model(folder), tmp_path / "again.onnx")
    assert path.read_bytes() == again.read_bytes()


def test_export_needs_to_know_where_to(folder):
    result = invoke("export", folder)
    assert result.exit_code == 2
    assert "--onnx" in result.stderr


def test_all_of_it_runs_without_the_train_extra(folder, tmp_path):
    pytest.importorskip("onnx")
    code = WITHOUT_EXTRA + (
        "from affectspace.cli import app\n"
        "for arguments in (['show', folder], ['check', folder], "
        "['export', folder, '--onnx', folder + '/m.onnx']):\n"
        "    app(['model', *arguments], standalone_mode=False)\n"
    ).replace("folder", "sys.argv[1]")
    found = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert found.stderr == ""
    assert found.returncode == 0
    assert "probe              the same features" in found.stdout
    assert found.stdout.endswith(f"{folder}/m.onnx\n")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom affectspace.cli import app\n"
        "app(['model', '--help'], standalone_mode=False)\n"
        "print({'numpy', 'pandas', 'onnx', 'torch', 'huggingface_hub'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "set()"


def test_embedding_is_refused_in_words_where_there_is_no_contract():
    with pytest.raises(ContractError, match="can't embed recordings"):
        made_model(spec=None).embed([])


def test_a_results_table_is_shown_by_target_and_label(tmp_path):
    table = [
        {"target": target, "label": "valence", "metric": metric, "value": value}
        for target, metric, value in (("a", "ccc", 0.25), ("a", "mae", 1), ("b", ["x"], None))
    ]
    save_model(made_model(), tmp_path, metrics=table)
    shown = invoke("show", tmp_path).stdout.partition("metrics:")[2].split("\n")
    assert [line.strip() for line in shown[:2]] == [
        "a valence: ccc 0.25, mae 1",
        "b valence: ['x'] null",
    ]


def test_figures_of_groups_have_lines_of_their_own(tmp_path):
    table = [
        {"target": "a", "group": group, "label": "valence", "metric": "mae", "value": value}
        for group, value in (("", 0.5), ("gender: female", 0.25))
    ]
    save_model(made_model(), tmp_path, metrics=table)
    shown = invoke("show", tmp_path).stdout.partition("metrics:")[2].split("\n")
    assert [line.strip() for line in shown[:2]] == [
        "a valence: mae 0.50",
        "a gender: female valence: mae 0.25",
    ]


def test_figures_that_knew_the_target_have_lines_of_their_own(tmp_path):
    about = {"target": "a", "group": "", "label": "valence", "metric": "mae"}
    table = [{**about, "transductive": known, "value": 0.5 - known / 4} for known in (False, True)]
    save_model(made_model(), tmp_path, metrics=table)
    shown = invoke("show", tmp_path).stdout.partition("metrics:")[2].split("\n")
    assert [line.strip() for line in shown[:2]] == [
        "a valence: mae 0.50",
        "a valence (transductive): mae 0.25",
    ]


def test_what_matters_of_a_results_table_survives_the_cut(tmp_path):
    figures = {
        "p_value": 1e-103, "adjusted_r2_pairs": 0.533, "kendall": 0.578, "interval_width": 2.7,
        "pearson": None, "other_figure_of_a_long_name": 0.25, "another_figure_of_a_long_name": 1.0,
        "coverage_90": 0.9077, "mae": 0.7234, "ccc": -0.0012, "adjusted_r2": 0.5872,
    }  # fmt: skip
    table = [
        {"target": "a", "label": "valence", "metric": metric, "value": value}
        for metric, value in figures.items()
    ]
    save_model(made_model(), tmp_path, metrics=table)
    line = invoke("show", tmp_path).stdout.partition("metrics:")[2].split("\n")[0].strip()
    start = "a valence: adjusted_r2 0.59, pearson null, ccc 0.00, mae 0.72, coverage_90 0.91, "
    assert line.startswith(start + "p_value 1e-103, adjusted_r2_pairs 0.533, ")
    assert line.endswith(", ...")
    assert len(line) <= 140


def test_a_line_that_was_cut_says_so(tmp_path):
    record = {"short": [1, 2], "commas": list(range(999)), "blank": "z" * 999}
    save_model(made_model(record=record), tmp_path)
    short, commas, blank = (
        next(line for line in invoke("show", tmp_path).stdout.splitlines() if f" {name}: " in line)
        for name in record
    )
    assert short.endswith("[1, 2]")
    assert commas.endswith(", ...")
    assert commas.split(", ")[-2] in map(str, range(999))
    assert blank.endswith("z ...")
    assert max(map(len, (commas, blank))) <= 155
