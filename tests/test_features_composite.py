"""Feature sets side by side: values, names, contract, and what the cache shares with the sets."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.audio.degrade import Degradation
from affectspace.errors import ContractError, TableError
from affectspace.features import (
    Backend,
    FeatureSpec,
    FeatureTable,
    backend,
    extract,
    opensmile,
    spec,
)
from affectspace.features.composite import Composite, parts_of
from affectspace.features.degraded import Degraded
from affectspace.model import Architecture, Probe, adopt, load_model, meet, save_model
from affectspace.model.probe import compute_probe
from affectspace.tables import utterance_index
from backends import SPEC, Fake
from made_models import made_model
from voices import voice, write

PAIR = "egemaps+egemaps-lld"
WORSE = Degradation(gain=(-12, -3), snr=(5, 20))


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    return [write(tmp_path / f"{pitch}.wav", voice(0.6, pitch=pitch)) for pitch in (110, 180, 240)]


def two_fakes(folder: Path, *, on: tuple[dict[int, str], dict[int, str]] = ({}, {})) -> Composite:
    """Two fake sets, each with a diary."""
    specs = replace(SPEC, name="left"), replace(SPEC, name="right", backend_version="2")
    names = ("left", "right")
    return Composite(
        [
            Fake(on=what, diary=folder / f"{name}.diary", spec=one)
            for name, what, one in zip(names, on, specs, strict=True)
        ]
    )


def computed(composite: Composite) -> list[int]:
    return [part.computed() for part in composite.parts]


def test_values_are_those_of_the_parts_side_by_side_in_the_order_asked_for(paths):
    table = extract(paths, features=PAIR, cache=False)
    left, right = (extract(paths, features=name, cache=False) for name in PAIR.split("+"))
    np.testing.assert_array_equal(table.values, np.hstack([left.values, right.values]))
    pd.testing.assert_frame_equal(table.rows, left.rows)
    turned = extract(paths, features="egemaps-lld+egemaps", cache=False)
    np.testing.assert_array_equal(turned.values, np.hstack([right.values, left.values]))
    assert turned.spec.hash != table.spec.hash


def test_names_say_their_set_and_stay_unique():
    found, left, right = spec(PAIR), spec("egemaps"), spec("egemaps-lld")
    assert found.features[:88] == tuple(f"egemaps:{name}" for name in left.features)
    assert found.features[88:] == tuple(f"egemaps-lld:{name}" for name in right.features)
    assert len(spec("egemaps+compare").features) == 88 + 6373
    assert len(spec("egemaps+compare+egemaps-lld").features) == 88 + 6373 + 46


def test_the_contract_has_a_stable_hash_and_the_rules_of_its_parts():
    assert spec(PAIR) == spec(PAIR)
    rules = {"channel": "mean", "level": "rms:-20"}
    found = spec(PAIR, **rules)
    assert (found.channel, found.level, found.name) == ("mean", "rms:-20", PAIR)
    assert [part.spec for part in backend(PAIR, **rules).parts] == [
        spec(name, **rules) for name in PAIR.split("+")
    ]
    hashes = {found.hash, spec(PAIR).hash, *(spec(name).hash for name in PAIR.split("+"))}
    assert len(hashes) == 4
    assert found.backend_version == spec("egemaps").backend_version


def test_any_difference_between_parts_is_one_between_composites(tmp_path):
    left, right = two_fakes(tmp_path).parts
    others = [
        Composite([left, Fake(spec=replace(right.spec, **change))]).spec
        for change in (
            {},
            {"name": "other"},
            {"backend": "other"},
            {"backend_version": "3"},
            {"features": ("a", "b", "c")},
        )
    ]
    assert len({one.hash for one in others}) == len(others)
    assert others[0].backend_version == "1 + 2"


def test_it_pickles_and_is_a_backend():
    compute = backend(PAIR)
    assert isinstance(compute, Backend)
    again = pickle.loads(pickle.dumps(compute))  # noqa: S301
    assert again.spec == compute.spec
    np.testing.assert_array_equal(again(voice()), compute(voice()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("egemaps+egemaps", "comes twice"),
        ("egemaps+mfcc", "no feature set 'mfcc'; there are native, egemaps.*joined by"),
        ("egemaps+", "no feature set ''"),
        ("+", "no feature set ''"),
    ],
)
def test_what_is_no_composite(name, message):
    with pytest.raises(ContractError, match=message):
        backend(name)


def test_parts_of_different_rules_are_refused():
    with pytest.raises(ContractError, match=r"'egemaps\+egemaps-lld' should have one"):
        Composite([backend("egemaps"), backend("egemaps-lld", channel="mean")])


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_cache_serves_sets_and_composites_alike(tmp_path, paths, jobs):
    both = two_fakes(tmp_path)
    left, right = both.parts
    cache = tmp_path / "cache"
    alone = extract(paths, features=left, jobs=jobs, cache=cache)
    assert computed(both) == [3, 0]
    table = extract(paths, features=both, jobs=jobs, cache=cache)
    assert computed(both) == [3, 3]  # the left one came from the cache
    other = extract(paths, features=right, jobs=jobs, cache=cache)
    again = extract(paths, features=Composite([right, left]), jobs=jobs, cache=cache)
    assert computed(both) == [3, 3]
    np.testing.assert_array_equal(table.values, np.hstack([alone.values, other.values]))
    np.testing.assert_array_equal(again.values, np.hstack([other.values, alone.values]))
    assert len(list(cache.iterdir())) == 2


def test_a_row_has_all_features_or_none(tmp_path):
    lengths = {0.5: "ok", 0.301: "not_finite", 0.302: "failed", 0.303: "failed"}
    paths = [write(tmp_path / f"{length}.wav", voice(length)) for length in lengths]
    paths += [str(tmp_path / "missing.wav"), write(tmp_path / "silent.wav", np.zeros(16_000))]
    both = two_fakes(tmp_path, on=({301: "nan", 303: "raise"}, {302: "raise", 303: "nan"}))
    expected = [*lengths.values(), "missing", "silent"]
    cache = tmp_path / "cache"
    for table in (
        extract(paths, features=both, jobs=1, cache=False),
        extract(paths, features=both, jobs=1, cache=cache),
        extract(paths, features=both, jobs=1, cache=cache),
    ):
        assert table.rows["status"].to_list() == expected
        assert table.values.notna().all(axis=1).to_list() == [word == "ok" for word in expected]
        assert table.values.isna().all(axis=1).to_list() == [word != "ok" for word in expected]


def test_rows_that_come_twice_and_no_rows(paths):
    frame = pd.DataFrame(index=utterance_index([paths[1], paths[0], paths[1]]))
    table = extract(frame, features=PAIR, cache=False)
    once = extract(paths, features=PAIR, cache=False)
    np.testing.assert_array_equal(table.values, once.values.iloc[[1, 0, 1]])
    assert extract([], features=PAIR, cache=False).values.shape == (0, 134)


def test_in_memory_as_from_files(paths):
    from affectspace.audio import read_audio

    signals = {path: (read_audio(path).samples, 16_000) for path in map(str, paths)}
    table = extract(list(signals), features=PAIR, sources=signals, cache=False)
    assert table.spec == spec(PAIR)
    np.testing.assert_array_equal(table.values, extract(paths, features=PAIR, cache=False).values)


def test_of_a_degraded_composite_each_part_is_that_of_the_degraded_set(tmp_path, paths):
    both, cache = two_fakes(tmp_path), tmp_path / "cache"
    left, right = (
        extract(paths, features=Degraded(part, WORSE), cache=cache) for part in both.parts
    )
    worse = Degraded(both, WORSE)
    table = extract(paths, features=worse, cache=cache)
    assert computed(both) == [3, 3]
    np.testing.assert_array_equal(table.values, np.hstack([left.values, right.values]))
    assert table.spec == worse.spec != both.spec
    np.testing.assert_array_equal(worse(voice()), both(WORSE(voice())))
    assert parts_of(Degraded(both.parts[0], WORSE))[0].spec.name == "left"


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_tables_are_read_again(tmp_path, paths, suffix):
    table = extract(paths, features=PAIR, cache=False)
    path = tmp_path / f"table{suffix}"
    table.write(path)
    for found in (FeatureTable.read(path), FeatureTable.read(path, PAIR)):
        assert found.spec == table.spec
        np.testing.assert_array_equal(found.values, table.values)
    with pytest.raises(ContractError):
        FeatureTable.read(path, "egemaps")
    with pytest.raises(ContractError):
        FeatureTable.read(path, "egemaps-lld+egemaps" if suffix == ".parquet" else "compare")


def test_columns_of_a_set_and_of_a_composite_need_a_name(tmp_path, paths):
    both = extract(paths, features=PAIR, cache=False)
    one = extract(paths, features="egemaps", cache=False)
    path = tmp_path / "table.csv"
    pd.concat([one.rows, one.values, both.values], axis=1).to_csv(path)
    with pytest.raises(ContractError, match=r"columns of egemaps and egemaps\+egemaps-lld: name"):
        FeatureTable.read(path)
    assert FeatureTable.read(path, "egemaps").spec == one.spec
    assert FeatureTable.read(path, PAIR).spec == both.spec


def test_a_table_of_one_name_is_not_written_over_a_column(tmp_path, paths):
    table = extract(paths, features=PAIR, cache=False)
    rows = table.rows.assign(**{table.spec.features[0]: 1})
    with pytest.raises(TableError, match="called like features"):
        FeatureTable(table.spec, table.values, rows).write(tmp_path / "table.parquet")


def pair_model(contract):
    features = contract.features
    sizes = Architecture(n_features=len(features))
    found = compute_probe(contract)
    scale = np.maximum(np.abs(found.values.astype(np.float64)) / 10, 1e-3)
    changes = {"spec": contract, "feature_names": features, "probe": found, "scale": scale}
    return made_model(architecture=sizes, **changes)


def test_a_model_of_a_composite_embeds_recordings(tmp_path, paths):
    contract = spec(PAIR, level="rms:-20")
    save_model(pair_model(contract), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.spec == contract == meet(model)
    features = extract(paths, features=PAIR, level="rms:-20", cache=False)
    expected = model.encode(features)
    found = model.embed(paths, cache=False)[["z1", "z2"]]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    from affectspace.audio import read_audio

    signals = [(read_audio(path).samples, 16_000) for path in paths]
    np.testing.assert_allclose(model.embed(signals)[["z1", "z2"]], expected, rtol=1e-5)


def test_another_version_behind_a_composite_is_met_by_the_probe(monkeypatch):
    model = pair_model(spec(PAIR))
    monkeypatch.setattr(opensmile, "version", lambda: "99.1")
    adopted = adopt(model)
    assert adopted.spec == spec(PAIR)
    assert adopted.record["adopted"]["to"] == "99.1"
    values = model.probe.values.copy()
    values[100] += 5 * model.scale[100]
    with pytest.raises(ContractError, match=r"differ in 1 of 134.*egemaps-lld:.*opensmile==2"):
        adopt(replace(model, probe=Probe(model.probe.signal, values)))


def test_a_composite_with_a_set_that_is_not_here_is_refused_in_words():
    contract = FeatureSpec("egemaps+mfcc", "x + y", "1", features=spec("egemaps").features)
    model = made_model(architecture=Architecture(n_features=88), spec=contract)
    with pytest.raises(
        ContractError, match=r"'mfcc'.*needs features of egemaps\+mfcc.*can't embed"
    ):
        meet(model)
