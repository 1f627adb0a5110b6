"""The commands: exit codes, stdout for data, stderr for talk."""

import json
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import affectspace
from affectspace import features, study, synthesis
from affectspace.cli import app, demo, main, options
from affectspace.errors import DeviceError, needs_extra
from affectspace.evaluation import reproduction
from affectspace.evaluation.reproduction import Protocol
from affectspace.model import load_model, save_model
from affectspace.study import RECIPES
from affectspace.synthesis import CORPORA, write_corpora, write_recordings
from made_features import feature_table
from made_models import made_model
from made_speech_model import speech_model

SPEC = features.spec("egemaps-lld")
QUICK = ["--features", "egemaps-lld", "--no-cache", "--epochs", "2"]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    feature_table("near", 36, spec=SPEC).write(folder / "near.parquet")
    feature_table("far", 24, spec=SPEC, speakers=4, seed=1).write(folder / "far.csv")
    return {"near": folder / "near.parquet", "far": folder / "far.csv"}


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run_main(monkeypatch, *arguments):
    """The exit code of the installed command."""
    monkeypatch.setattr("sys.argv", ["affectspace", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main()
    return exit_.value.code


def assert_wrong_usage(result, *words):
    assert result.exit_code == 2
    assert result.stdout == ""
    said = " ".join(result.stderr.replace("│", " ").split())
    for word in words:
        assert word in said


def test_version():
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"{affectspace.__version__}\n")


def test_help_lists_the_commands():
    for arguments in ((), ("--help",), ("-h",)):
        result = run(*arguments)
        assert result.exit_code == (0 if arguments else 2)
        for command in ("demo", "reproduce", "extract", "train", "corpora"):
            assert command in result.output


@pytest.mark.parametrize("group", [(), ("model",), ("corpora",)])
def test_no_command_is_described_in_half_a_sentence(group):
    result = CliRunner().invoke(app, [*group, "--help"], env={"COLUMNS": "80"})
    described = result.stdout.partition("Commands:\n")[2].splitlines()
    assert len(described) >= 3
    assert all(line.endswith(".") and not line.endswith("...") for line in described)


def test_an_unknown_command_is_wrong_usage():
    assert_wrong_usage(run("reproduse"), "reproduse")


def test_an_error_of_the_package_is_one_line_and_exit_code_1(monkeypatch, capsys, tmp_path):
    code = run_main(
        monkeypatch,
        *("reproduce", "--source", f"near={tmp_path}/nowhere.csv", "--output", tmp_path / "out"),
    )
    captured = capsys.readouterr()
    assert code == 1
    assert captured.out == ""
    assert captured.err == (
        f"affectspace: near: there is no folder and no table at {tmp_path}/nowhere.csv\n"
    )


def test_done_is_exit_code_0(monkeypatch, capsys):
    assert run_main(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"{affectspace.__version__}\n"


def test_an_interrupt_is_exit_code_130(monkeypatch, paths, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("affectspace.study.run_study", interrupted)
    code = run_main(
        monkeypatch, "reproduce", "--source", f"near={paths['near']}", "--output", tmp_path
    )
    assert code == 130


def test_reproduce(paths, tmp_path):
    result = run(
        "reproduce",
        *("--source", f"near={paths['near']}", "--target", f"far={paths['far']}", *QUICK),
        *("--objective", "joint", "--objective", "joint", "--folds", 2, "--noise", 0.5),
        *("--seeds", 1, "--batch-size", 16, "--clip", 4, "--patience", 3, "--output", tmp_path),
    )
    assert result.exit_code == 0, result.stderr
    title, _, header, rule, *rows, _, star = result.stdout.splitlines()
    assert title == "# Table 2"
    assert header == ("| model | near activation | near valence | far activation | far valence |")
    assert set(rule) == set("| -")
    assert [row.split("|")[1].strip() for row in rows] == ["joint"]
    assert star.startswith("* not significant")
    assert "note: near: Train and test share" in result.stderr
    assert "report.html" in result.stderr
    assert (tmp_path / "report.html").is_file()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["protocol"]["objectives"] == ["joint"]
    assert config["protocol"]["recipe"] == {
        "hidden": [40, 20, 10],
        "n_latent": 2,
        "noise": 0.5,
        "learning_rate": 1e-4,
        "batch_size": 16,
        "epochs": 2,
        "log_loss": True,
        "clip": 4.0,
        "patience": 3,
        "validation": 0.1,
        "decoder_relu": None,
        "loss": "metric",
        "metric_weight": 1.0,
        "skip": False,
        "weight_decay": 0.0,
    }
    assert config["extraction"] == {
        "features": "egemaps-lld",
        "channel": "first",
        "level": "as-recorded",
        "jobs": None,
        "cache": False,
    }


def test_reproduce_by_default_is_the_papers_study(monkeypatch, paths, tmp_path):
    asked = {}

    def instead(source, targets, **settings):
        asked.update(settings, source=source, targets=targets)
        raise affectspace.AffectspaceError("enough")

    monkeypatch.setattr("affectspace.study.run_study", instead)
    monkeypatch.chdir(tmp_path)
    assert run_main(monkeypatch, "reproduce", "--source", "near=~/x", "-o", "out") == 1
    assert asked["protocol"] == Protocol()
    assert asked["extraction"].features == "egemaps"
    assert asked["extraction"].cache is None
    assert asked["targets"] == {}
    assert "~" not in str(asked["source"][1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "near"], ["--source", "'near' should be NAME=PATH"]),
        (["--source", "=path"], ["NAME=PATH"]),
        (["--source", "near="], ["NAME=PATH"]),
        (["--source", "a=b", "--target", "far"], ["--target", "'far' should be NAME=PATH"]),
        (["--source", "a=b", "--target", "c=d", "--target", "c=e"], ["'c' comes twice"]),
        (["--source", "a=b", "--objective", "metric-dom"], ["objectives must be among"]),
        (["--source", "a=b", "--split", "session"], ["split must be one of"]),
        (["--source", "a=b", "--folds", "1"], ["--folds"]),
        (["--source", "a=b", "--learning-rate", "0"], ["learning_rate must be above 0"]),
        (["--source", "a=b", "--clip", "-1"], ["clip must be above 0"]),
        (["--source", "a=b", "--channel", "left"], ["'left' should be first, mean"]),
        (["--source", "a=b", "--cache", "x", "--no-cache"], ["--cache or --no-cache"]),
        ([], ["--source"]),
    ],
)
def test_wrong_usage_of_reproduce(arguments, words, tmp_path):
    output = tmp_path / "out"
    assert_wrong_usage(run("reproduce", *arguments, "--output", output), *words)
    assert not output.exists()


def test_an_unknown_feature_set_is_an_error_in_words(monkeypatch, capsys, paths, tmp_path):
    code = run_main(
        monkeypatch,
        *("reproduce", "--source", f"near={paths['near']}", "--features", "mfcc"),
        *("--output", tmp_path / "out"),
    )
    assert code == 1
    assert "mfcc" in capsys.readouterr().err


def test_train(paths, tmp_path):
    sources = [f"--source={name}={path}" for name, path in paths.items()]
    result = run("train", *sources, *QUICK, "--seed", 5, "--output", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"{tmp_path / 'model'}\n"
    assert "Trained on 60 rows" in result.stderr
    model = load_model(tmp_path / "model")
    assert model.objective.name == "joint"
    assert model.record["seed"] == 5


def test_a_recipe_keeps_what_no_option_says(monkeypatch, tmp_path):
    asked = []
    history = pd.DataFrame({"reconstruction": [1.0], "residual": [1.0], "slope": [1.0]})
    model = made_model(record={"rows": 3}, history=history)

    def train_nothing(sources, **given):
        asked.append((sources, given))
        return model

    monkeypatch.setattr(study, "train_model", train_nothing)
    result = run("train", "--recipe", "default", "--corpora", tmp_path, "--epochs", 7, "-o", "out")
    assert result.exit_code == 0, result.stderr
    sources, given = asked[0]
    assert sources == {name: tmp_path / name for name in RECIPES["default"].sources}
    training = replace(RECIPES["default"].training, epochs=7)
    assert given["recipe"] == replace(RECIPES["default"], training=training)


def test_train_without_labels(paths, tmp_path):
    result = run(
        *("train", "--source", f"near={paths['near']}", "--objective", "unsupervised", *QUICK),
        *("--output", tmp_path / "model"),
    )
    assert result.exit_code == 0, result.stderr
    assert load_model(tmp_path / "model").labels == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "near"], ["NAME=PATH"]),
        (["--source", "a=b", "--objective", "metric-dom"], ["--objective", "metric-act"]),
        (["--source", "a=b", "--learning-rate", "-1"], ["learning_rate must be above 0"]),
        (["--source", "a=b", "--epochs", "0"], ["--epochs"]),
        (["--source", "a=b", "--patience", "0"], ["--patience"]),
        ([], ["--source", "--corpora"]),
        (["--source", "a=b", "--corpora", "c"], ["--source", "--corpora"]),
        (["--corpora", "c"], ["names no corpora"]),
        (["--source", "a=b", "--recipe", "grandmother"], ["--recipe", "published", "default"]),
    ],
)
def test_wrong_usage_of_train(arguments, words, tmp_path):
    assert_wrong_usage(run("train", *arguments, "--output", tmp_path / "out"), *words)


def test_demo(monkeypatch, tmp_path):
    tiny = [
        replace(recipe, n_utterances=4, n_speakers=2, durations=(0.6, 0.8))
        for recipe in CORPORA[:2]
    ]
    monkeypatch.setattr(synthesis, "write_recordings", partial(write_recordings, clips=tiny))
    save_model(speech_model(), tmp_path / "model")
    result = run("demo", "--output", tmp_path / "out", "--model", tmp_path / "model")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    for words in ("Synthesising", "1 unreadable", f"Open {tmp_path}/out/report.html", demo.NOTICE):
        assert words in result.stderr
    table = pd.read_csv(tmp_path / "out/embedding.csv")
    clips = table[~table["file"].str.contains("/long/")]
    assert set(clips["status"]) == {"ok"}
    assert set(clips["language"]) == {recipe.name for recipe in tiny}
    assert clips[["speaker", "emotion", "input_activation", "input_valence"]].notna().all(axis=None)
    assert (table["file"].str.endswith("pauses.wav") & table["status"].eq("ok")).sum() >= 8
    page = (tmp_path / "out/report.html").read_text()
    assert demo.NOTICE in page
    assert "speech/synthetic-north/" in page
    command = result.stderr.partition("The same by hand: affectspace ")[2].splitlines()[0]
    again = run(*command.split(), "--model", tmp_path / "model", "--no-cache")
    assert again.exit_code == 0, again.stderr
    assert table.equals(pd.read_csv(tmp_path / "out/embedding.csv"))


def test_the_study_of_the_demo(monkeypatch, tmp_path):
    tiny = [
        replace(CORPORA[0], n_utterances=16, n_speakers=2, durations=(0.4, 0.5)),
        replace(CORPORA[1], n_utterances=8, n_speakers=2, durations=(0.4, 0.5)),
    ]
    seeds = []

    def write_tiny(root, *, seed, show_progress):
        seeds.append(seed)
        return write_corpora(root, seed=seed, recipes=tiny, show_progress=show_progress)

    monkeypatch.setattr(synthesis, "write_corpora", write_tiny)
    monkeypatch.setattr(reproduction, "PAPER_OBJECTIVES", ())
    monkeypatch.setattr(reproduction, "Protocol", partial(Protocol, folds=2))
    result = run("demo", "--study", "--output", tmp_path, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    assert seeds == [3]
    assert result.stdout.startswith("# Table 2\n\n| model | synthetic-source activation |")
    assert demo.STUDY_NOTICE in result.stdout
    assert "| joint |" in result.stdout
    for word in ("Synthesising", "Extracting", "Training", "report.html"):
        assert word in result.stderr
        assert word not in result.stdout
    for name in ("report.html", "table2.md"):
        assert demo.STUDY_NOTICE in (tmp_path / name).read_text()
    assert json.loads((tmp_path / "config.json").read_text())["notice"] == demo.STUDY_NOTICE
    assert (tmp_path / "cache").is_dir()
    assert set(pd.read_csv(tmp_path / "table2.csv")["corpus"]) == {
        *("synthetic-source", "synthetic-north"),
    }


@pytest.mark.parametrize(("text", "rule"), [("first", "first"), ("mean", "mean"), ("2", 2)])
def test_channel_rules(text, rule):
    assert options.channel_rule(text) == rule


@pytest.mark.parametrize("text", ["-1", "1.5", "", "second"])
def test_texts_that_are_no_channel_rule(text):
    with pytest.raises(typer.BadParameter):
        options.channel_rule(text)


def test_a_missing_module_of_no_extra_is_not_blamed_on_one():
    with (
        pytest.raises(ModuleNotFoundError, match="nothing_of_this_name"),
        needs_extra("train", "this"),
    ):
        import nothing_of_this_name  # noqa: F401


def test_the_study_takes_one_source(tmp_path):
    sources = ["--source", "a=a.csv", "--source", "b=b.csv"]
    result = CliRunner().invoke(app, ["reproduce", *sources, "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "one corpus" in result.stderr


def test_a_device_that_is_not_there_is_said_first(tmp_path):
    arguments = ["train", "--source", "emodb=nowhere", "--device", "nonsense", "-o", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, DeviceError)
