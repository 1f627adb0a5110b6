from __future__ import annotations

import json
from dataclasses import replace

import pytest

from affectspace.errors import ContractError
from affectspace.features import FeatureSpec, backend, names, spec
from affectspace.features.native.summary import FEATURES

SPEC = FeatureSpec("set", "tool", "1.0", features=("a", "b"))


def test_hash_is_stable_and_tells_contracts_apart():
    assert SPEC.hash == FeatureSpec("set", "tool", "1.0", features=["a", "b"]).hash
    others = [
        replace(SPEC, **change)
        for change in (
            {"name": "other"},
            {"backend": "other"},
            {"backend_version": "1.1"},
            {"sampling_rate": 8_000},
            {"channel": "mean"},
            {"channel": 1},
            {"level": "rms"},
            {"level": "rms:-20"},
            {"features": ("b", "a")},
        )
    ]
    assert len({SPEC.hash, *(other.hash for other in others)}) == len(others) + 1


def test_one_rule_has_one_spelling():
    assert replace(SPEC, channel=0) == SPEC
    assert replace(SPEC, level="rms:-26.0").level == replace(SPEC, level="rms").level == "rms:-26"


def test_json_there_and_back():
    for one in (SPEC, replace(SPEC, channel=2, level="rms:-20")):
        assert FeatureSpec.from_json(one.to_json()) == one
    assert json.loads(SPEC.to_json())["features"] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": []}', '{"features": 1, "x": 2}'])
def test_other_json_is_no_contract(text):
    with pytest.raises(ContractError, match="no feature contract"):
        FeatureSpec.from_json(text)


@pytest.mark.parametrize(
    "level", ["loud", "rms:", "rms:0", "rms:3", "rms:x", "rms:-101", "peak:-3"]
)
def test_other_level_rules(level):
    if level == "rms:":  # the level left out
        assert replace(SPEC, level=level).target_level == -26
        return
    with pytest.raises(ContractError, match="level rule"):
        replace(SPEC, level=level)


def test_names_come_once():
    with pytest.raises(ContractError, match="different names"):
        replace(SPEC, features=("a", "a"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backend_version": "2.0"}, "backend_version '1.0' is '2.0'"),
        ({"channel": "mean", "level": "rms"}, "channel 'first' is 'mean'; level"),
        ({"features": ("b", "a")}, "another order"),
        ({"features": ("a",)}, "2 expected, 1 came, 1 missing, first 'b'"),
        ({"features": ("a", "b", "c")}, "1 unexpected, first 'c'"),
    ],
)
def test_check_names_both_contracts_and_what_differs(change, said):
    other = replace(SPEC, **change)
    SPEC.check(replace(SPEC))
    with pytest.raises(ContractError) as caught:
        SPEC.check(other)
    message = str(caught.value)
    assert SPEC.hash in message
    assert other.hash in message
    assert said in message


def test_sets():
    sizes = {name: len(spec(name).features) for name in names()}
    assert sizes == {"native": len(FEATURES), "egemaps": 88, "compare": 6373, "egemaps-lld": 46}
    assert spec("egemaps", channel="mean", level="rms").hash != spec("egemaps").hash
    with pytest.raises(ContractError, match="egemaps, compare, egemaps-lld"):
        backend("mfcc")
