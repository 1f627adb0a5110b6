"""The model folder: what is written, and what of a stranger's folder is refused."""

import contextlib
import copy
import hashlib
import json
import os
import random
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file, save_file

from affectspace.errors import AffectspaceError, ModelError, TableError
from affectspace.features import spec
from affectspace.model import (
    Architecture,
    Calibration,
    Probe,
    card_header,
    check_output,
    load_model,
    read_card,
    read_metrics,
    save_model,
)
from affectspace.model import folder as folders
from affectspace.study import train_model
from made_features import SPEC
from made_models import ALIGNABLE, CALIBRATION, FEATURES, made_model

FILES = ["README.md", "config.json", "metrics.json", "model.safetensors"]
WHOLE = {
    "calibration": ALIGNABLE,
    "probe": Probe("glide-1", np.arange(FEATURES, dtype=np.float32)),
    "name": "made",
    "version": "3",
    "licence": "CC-BY-4.0",
    "clip": 4.0,
}


@pytest.fixture
def folder(tmp_path):
    return save_model(made_model(**WHOLE), tmp_path / "model")


def test_a_folder_that_says_nothing_of_collections_is_one_that_can_not_be_aligned(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["calibration"]["collections"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load_model(folder).calibration.collections == {}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_calibration_probe_and_names_come_back(folder):
    back = load_model(folder)
    assert (back.name, back.version, back.licence) == ("made", "3", "CC-BY-4.0")
    assert back.source == str(folder)
    assert back.calibration.coverage == CALIBRATION.coverage
    assert back.calibration.intervals == CALIBRATION.intervals
    assert back.calibration.durations == CALIBRATION.durations
    assert back.calibration.collections == ALIGNABLE.collections
    np.testing.assert_array_equal(back.calibration.errors, CALIBRATION.errors)
    assert back.probe.signal == "glide-1"
    np.testing.assert_array_equal(back.probe.values, np.arange(FEATURES, dtype=np.float32))
    x = np.random.default_rng(0).normal(size=(9, FEATURES))
    pd.testing.assert_frame_equal(back.describe(x), made_model(**WHOLE).describe(x))


def test_saving_what_was_loaded_writes_the_same_files(folder, tmp_path):
    save_model(load_model(folder), tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)


def test_a_model_of_an_installed_set_gets_its_probe(tmp_path):
    contract = spec("egemaps")
    sizes = Architecture(n_features=88)
    model = made_model(architecture=sizes, spec=contract, feature_names=contract.features)
    back = load_model(save_model(model, tmp_path))
    assert back.probe.values.shape == (88,)
    assert np.isfinite(back.probe.values).all()
    unknown = load_model(save_model(made_model(), tmp_path))
    assert unknown.probe is None


def test_card_and_metrics_are_kept_as_they_came(tmp_path):
    metrics = [{"metric": "ccc", "value": 0.5}]
    save_model(made_model(), tmp_path, card="# Mine\nä\n", metrics=metrics)
    assert read_card(tmp_path) == "# Mine\nä\n"
    assert read_metrics(tmp_path) == metrics
    save_model(made_model(), tmp_path, metrics={"rows": 3})
    assert read_metrics(tmp_path) == {"rows": 3}
    assert "Nothing was measured" not in read_card(tmp_path)
    assert "stand in `metrics.json`" in read_card(tmp_path)


def test_the_plain_card_says_what_is_known_and_that_nothing_was_measured(folder, tmp_path):
    card = read_card(folder)
    header, _, text = card.removeprefix("---\n").partition("\n---\n")
    assert "license: cc-by-4.0" in header.splitlines()
    assert "library_name: affectspace" in header.splitlines()
    assert "language:" not in header
    for said in ("# made", "Version 3", SPEC.hash, "Nothing was measured", "seed: `4`"):
        assert said in text
    assert read_metrics(folder) == []
    record = {"languages": ["de", "no"]}
    save_model(made_model("unsupervised", spec=None, record=record), tmp_path / "plain")
    card = read_card(tmp_path / "plain")
    assert 'language:\n- "de"\n- "no"\n' in card
    assert "license: unknown" in card
    assert "without a contract" in card
    assert "estimates no rating" in card


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("MIT", ["license: mit"]),
        ("CC-BY-NC-4.0", ["license: cc-by-nc-4.0"]),
        ("mine: see file", ["license: other", 'license_name: "mine: see file"']),
        ("", ["license: unknown"]),
    ],
)
def test_the_licence_in_the_header(licence, lines):
    header = card_header(licence=licence).splitlines()
    assert [line for line in header if line.startswith("license")] == lines


def test_other_files_in_the_folder_are_left_alone(folder):
    (folder / "notes.txt").write_text("mine")
    (folder / ".git").mkdir()
    save_model(made_model(), folder)
    assert (folder / "notes.txt").read_text() == "mine"
    assert sorted(p.name for p in folder.iterdir()) == sorted([*FILES, "notes.txt", ".git"])


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_holds_other_things_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text('{"other": "thing"}')
    with pytest.raises(ModelError, match=f"holds other things .*{name}.*nothing is overwritten"):
        save_model(made_model(), tmp_path)
    with pytest.raises(ModelError, match="holds other things"):
        check_output(tmp_path)
    assert contents(tmp_path) == {name: b'{"other": "thing"}'}


def test_a_folder_with_files_of_other_names_takes_a_model(tmp_path):
    (tmp_path / "data.csv").write_text("a")
    save_model(made_model(), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*FILES, "data.csv"])


def test_training_looks_where_it_will_write_before_it_works(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ModelError, match="holds other things"):
        train_model({"never": tmp_path / "read"}, output=tmp_path)


def test_a_file_is_no_folder_to_save_in(tmp_path):
    (tmp_path / "model").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        save_model(made_model(), tmp_path / "model")


def test_check_output_writes_nothing(tmp_path):
    check_output(tmp_path / "deep" / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"record": {"when": object()}},
        {"record": {"loss": float("nan")}},
        {"clip": -1.0},
        {"mean": np.full(FEATURES, np.nan)},
        {"offsets": {"dominance": 3.0}},
        {"feature_names": ("a", "b"), "spec": None},
        {"name": "two\nlines"},
        {"weights": {}},
    ],
)
def test_a_model_that_could_not_be_read_back_is_not_saved(folder, changes):
    before = contents(folder)
    with pytest.raises(ModelError):
        save_model(made_model(**changes), folder)
    assert contents(folder) == before


def test_metrics_that_are_no_json_are_not_saved(folder):
    before = contents(folder)
    with pytest.raises(ModelError, match="metrics can't be written"):
        save_model(made_model(), folder, metrics={"ccc": float("inf")})
    assert contents(folder) == before


def test_a_full_disk_leaves_the_folder_as_it_was(folder, monkeypatch):
    before, write = contents(folder), Path.write_bytes

    def full(path, data):
        if path.name.startswith(".config.json"):
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        save_model(made_model(name="other"), folder)
    assert contents(folder) == before


def test_a_model_that_was_half_replaced_is_refused_and_can_be_replaced(folder):
    other = save_model(made_model(mean=np.ones(FEATURES)), folder.with_name("other"))
    shutil.copy(other / "model.safetensors", folder)
    with pytest.raises(ModelError, match="missing, extra"):
        load_model(folder)
    save_model(made_model(), folder)
    assert load_model(folder).name == ""


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_a_directory(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(ModelError, match=f"no readable model folder: {name} is no file"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_is_not_waited_for(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)
    with pytest.raises(ModelError, match="is no file"):
        load_model(folder)


def test_a_link_is_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).rename(tmp_path / "elsewhere" / name)
        (folder / name).symlink_to(tmp_path / "elsewhere" / name)
    assert load_model(folder).name == "made"
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="is no file"):
        load_model(folder)
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to(folder / "config.json")
    with pytest.raises(ModelError, match=r"config\.json: "):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_is_too_large_is_not_read(folder, name):
    os.truncate(folder / name, 2**40)
    with pytest.raises(ModelError, match=f"{name} has {2**40} bytes; at most"):
        load_model(folder)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "model").write_text("{}")
    with pytest.raises(ModelError, match="no readable model folder"):
        load_model(tmp_path / "model")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 60 + "]" * 60,
        '{"format_version": 2, "clip": NaN}',
        '{"format_version": 2, "clip": -Infinity}',
        '{"format_version": 2, "clip": 1e999}',
        '{"format_version": 2, "record": "\\ud800"}',
        '{"format_version": ' + "9" * 10_000 + "}",
        "\x00",
        "\xff\xfe",
        "",
    ],
)
def test_json_that_is_not_read(folder, text):
    (folder / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"no readable model folder: config\.json is no JSON"):
        load_model(folder)


@pytest.mark.parametrize("version", [1, 3, 2.0, "2", None, True, [2], "\x1b[31m"])
def test_only_one_format_version_is_read(folder, version):
    change_config(folder, ("format_version",), version)
    with pytest.raises(ModelError, match=r"has format version .*reads 2 only") as caught:
        load_model(folder)
    assert str(caught.value).isprintable()


def change_config(folder, path, value):
    config = json.loads((folder / "config.json").read_text())
    inner = config
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("clip",), -4.0, "clip should be above 0"),
        (("clip",), 0, "clip should be above 0"),
        (("clip",), "4", "clip should be a number"),
        (("clip",), True, "clip should be a number"),
        (("clip",), 10**400, "clip should be a number"),
        (("gains", "dominance"), 3.0, "no label 'dominance'"),
        (("gains", "valence"), "1", "gain of valence should be a number"),
        (("offsets", "dominance"), 3.0, "no label 'dominance'"),
        (("offsets", "valence"), None, "offset of valence should be a number"),
        (("calibration", "intervals", "valence"), [0.5, 1.0], "should span 0"),
        (("calibration", "intervals", "valence"), [-0.5], "two numbers"),
        (("calibration", "intervals", "valence"), [-0.5, "1"], "a number"),
        (("calibration", "intervals", "dominance"), [-0.5, 1], "no label 'dominance'"),
        (("calibration", "coverage"), 90, "coverage should be between 0 and 1"),
        (("calibration", "durations"), [3.0, 1.0], "durations"),
        (("calibration", "quantiles"), 1, "quantiles should be an integer from 2"),
        (("calibration", "quantiles"), 10**9, "quantiles should be an integer from 2"),
        (("calibration", "collections", "dominance"), {}, "no label 'dominance'"),
        (("calibration", "collections", "valence", "spread"), 0, "spread and slope should be from"),
        (("calibration", "collections", "valence", "slope"), "1", "slope should be a number"),
        (("calibration", "collections", "valence", "spreads_apart"), 30, "deviations should be"),
        (("calibration", "collections", "valence", "centres_apart"), 1e6, "deviations should be"),
        (("calibration", "collections", "valence", "interval"), [1.0, 2.0], "should span 0"),
        (("calibration", "collections", "valence"), {"slope": 1}, "collections.valence"),
        (("architecture", "n_features"), 10**9, "n_features should be an integer"),
        (("architecture", "n_features"), 6.0, "n_features should be an integer"),
        (("architecture", "n_features"), True, "n_features should be an integer"),
        (("architecture", "n_latent"), 10**6, "n_latent should be an integer"),
        (("architecture", "hidden"), [10**6], "hidden should be an integer"),
        (("architecture", "hidden"), [4] * 1000, "hidden has 1000 entries"),
        (("architecture", "hidden"), 40, "hidden should be a list"),
        (("architecture", "decoder_relu"), [9], "decoder_relu should be an integer from 0 to 3"),
        (("architecture", "depth"), 3, "not known: .*depth"),
        (("architecture", "skip"), 1, "skip should be true or false"),
        (("objective", "axes", "valence"), [0, 0], "names a dimension twice"),
        (("objective", "axes"), {f"l{i}": [] for i in range(100)}, "axes has 100 entries"),
        (("label_scale", "high"), 7, "label_scale"),
        (("feature_names",), ["a"] * 6, "feature_names should be null"),
        (("feature_spec", "channel"), "left", "channel should be"),
        (("feature_spec", "channel"), True, "channel should be"),
        (("feature_spec", "level"), "loud", "level rule"),
        (("feature_spec", "level"), 3, "level should be one line"),
        (("feature_spec", "sampling_rate"), "16000", "sampling_rate should be an integer"),
        (("feature_spec", "features"), ["a"] * 6, "different names"),
        (("feature_spec", "features"), [1, 2, 3, 4, 5, 6], "features should be one line"),
        (("name",), "x" * 1000, "name should be one line"),
        (("name",), "\x1b]0;title\x07", "name should be one line"),
        (("probe",), 3, "probe should be one line"),
        (("record",), [], "record should be an object"),
        (("history", "loss"), [1], "columns of several lengths"),
        (("history", "loss"), [1, "low"], "a number"),
        (("code",), "import os", "not known"),
    ],
)
def test_what_no_model_can_be(folder, path, value, message):
    change_config(folder, path, value)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(folder)
    assert f"{folder}/config.json can't be understood: " in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_a_shortcut_that_is_not_there(folder):
    change_config(folder, ("architecture", "skip"), True)
    with pytest.raises(ModelError, match=r"encoder\.skip\.weight is missing"):
        load_model(folder)


def test_a_folder_from_before_there_were_shortcuts(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["architecture"]["skip"]
    (folder / "config.json").write_text(json.dumps(config))
    assert not load_model(folder).architecture.skip


def write_weights(folder, data):
    """Replace the tensors' file and its hash in the configuration."""
    (folder / "model.safetensors").write_bytes(data)
    change_config(folder, ("sha256",), hashlib.sha256(data).hexdigest())


def with_header(header, body=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (np.float16, "should be of F32 or F64: 'F16'"),
        (np.int64, "should be of F32 or F64: 'I64'"),
        (np.bool_, "should be of F32 or F64: 'BOOL'"),
    ],
)
def test_tensors_of_another_type(folder, dtype, message):
    tensors = load_file(folder / "model.safetensors")
    tensors["mean"] = np.ones(FEATURES).astype(dtype)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=message):
        load_model(folder)


@pytest.mark.parametrize("name", ["probe", "calibration.errors"])
def test_a_probe_or_calibration_without_its_tensor(folder, name):
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=f"{name} is missing"):
        load_model(folder)


def test_quantiles_of_errors_that_fall(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["calibration.errors"] = tensors["calibration.errors"][::-1].copy()
    save_file(tensors, folder / "model.safetensors")
    write_weights(folder, (folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="errors should be finite, at least 0 and ascending"):
        load_model(folder)


def test_a_header_that_claims_more_than_there_is(folder):
    data = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    for change in (
        {"mean": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}},
        {"mean": {"dtype": "F64", "shape": [6], "data_offsets": [0, 2**60]}},
        {"mean": {"dtype": "F64", "shape": [6], "data_offsets": [-8, 40]}},
        {"mean": {"dtype": "F64", "shape": [6], "data_offsets": "all"}},
        {"mean": {"dtype": "F64", "shape": 6, "data_offsets": [0, 48]}},
        {"mean": 3},
        {"scale": header["mean"]},
    ):
        write_weights(folder, with_header(header | change, data[8 + length :]))
        with pytest.raises(ModelError, match=r"model\.safetensors"):
            load_model(folder)
    for bad in (b"[]", b"", b"{", b"[" * 100_000, b"\xff" * 9):
        write_weights(folder, with_header(bad))
        with pytest.raises(ModelError, match=r"model\.safetensors"):
            load_model(folder)


@pytest.mark.parametrize("content", [b"\xff", b"{", b"3", b"NaN", b"[" * 9999])
def test_metrics_that_are_not_read(folder, content):
    (folder / "metrics.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"metrics\.json"):
        read_metrics(folder)
    load_model(folder)


def test_a_card_that_is_no_text(folder):
    (folder / "README.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="no text in UTF-8"):
        read_card(folder)
    (folder / "README.md").unlink()
    with pytest.raises(ModelError, match=r"README\.md: No such file"):
        read_card(folder)
    load_model(folder)


VALUES = [
    None, True, False, 0, 1, -1, 2, 6, 1.5, -0.0, 1e308, -1e308, 5e-324, 2**31, 2**64, 10**400,
    "", "x", "2", "\x00", "\x1b[0m", "ü" * 300, "mean", [], {}, [[]], [None], [0], [1, 2],
    {"a": 1}, {"valence": 0.5}, ["a", "b", "c", "d", "e", "f"], [-1.0, 1.0], "as-recorded",
]  # fmt: skip


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, name))


def mutated_json(config, rng):
    config = copy.deepcopy(config)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        path = rng.choice([p for p in places(config) if p])
        inner = config
        for name in path[:-1]:
            inner = inner[name]
        kind = rng.random()
        if kind < 0.15:
            del inner[path[-1]]
        elif kind < 0.25 and isinstance(inner, dict):
            inner[rng.choice(["extra", "valence", "", "mean"])] = rng.choice(VALUES)
        else:
            inner[path[-1]] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(config).encode()


def mutated_bytes(data, rng):
    """Change bytes anywhere, half of the time in the first 2,000."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(data) + 1) if rng.random() < 0.5 else rng.randrange(2000)
        kind = rng.random()
        if kind < 0.6:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif kind < 0.75:
            del data[at : at + rng.randrange(1, 20)]
        elif kind < 0.9:
            data[at:at] = rng.randbytes(rng.randrange(1, 20))
        else:
            del data[at:]
        data = data or bytearray(b"x")
    return bytes(data)


def survives(folder):
    """Whether a folder loads; anything but a model or a `ModelError` fails the test."""
    try:
        model = load_model(folder)
    except ModelError:
        return False
    with np.errstate(all="ignore"):
        found = model.describe(np.ones((3, model.architecture.n_features)))
        with contextlib.suppress(ModelError, TableError):
            model.aligned(np.arange(3.0)[:, None] * np.ones(model.architecture.n_features))
    assert len(found) == 3
    save_model(model, folder.with_name("again"))
    return True


def test_only_a_model_error_comes_out_of_mutated_json(folder):
    rng, config = random.Random(0), json.loads((folder / "config.json").read_text())  # noqa: S311
    loaded = 0
    for _ in range(800):
        (folder / "config.json").write_bytes(mutated_json(config, rng))
        loaded += survives(folder)
    assert 10 < loaded < 400


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_only_a_model_error_comes_out_of_mutated_bytes(folder, name):
    rng, whole = random.Random(1), contents(folder)  # noqa: S311
    loaded, rounds = 0, {"config.json": 1000, "model.safetensors": 500}[name]
    for _ in range(rounds):
        (folder / "config.json").write_bytes(whole["config.json"])
        data = mutated_bytes(whole[name], rng)
        if name == "config.json":
            (folder / name).write_bytes(data)
        else:
            write_weights(folder, data)
        loaded += survives(folder)
    assert 10 < loaded < rounds - 10


def test_the_limits_leave_room_for_the_largest_set(tmp_path):
    contract = spec("compare")
    sizes = Architecture(n_features=len(contract.features), hidden=(256, 64))
    model = made_model(architecture=sizes, spec=contract, feature_names=contract.features)
    model = replace(model, calibration=Calibration(0.9, {}, np.linspace(0, 9, 1001), (0.1, 30)))
    save_model(model, tmp_path)
    assert load_model(tmp_path).architecture == sizes
    for name, largest in folders.LARGEST.items():
        assert (tmp_path / name).stat().st_size < largest / 10
    assert issubclass(ModelError, AffectspaceError)
