from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import ContractError, TableError
from affectspace.features import FeatureSpec, FeatureTable, spec
from affectspace.features.table import QUALITY, table_of_results
from affectspace.features.work import Result
from affectspace.tables import utterance_index
from made_features import feature_table

SPEC = FeatureSpec("pair", "tool", "1", features=("f1", "f2"))


def table(contract: FeatureSpec = SPEC) -> FeatureTable:
    rng = np.random.default_rng(0)
    index = utterance_index(["a.wav", "b.wav", "b.wav"], [0.0, 0.25, 1.0], [None, 1.0, 2.5])
    utterances = pd.DataFrame(
        {"speaker": ["01", "02", None], "valence": [1.5, np.nan, 3.0]}, index=index
    )
    values = rng.standard_normal((3, len(contract.features))).astype(np.float32)
    values[1] = np.nan
    ok = Result("ok", "", 1.25, -20.5, 0.0, 0.5, 8000.0, 31.5, 0.0)
    return table_of_results(utterances, contract, values, [ok, Result("silent", "so quiet"), ok])


def test_shape_and_columns():
    features = table()
    assert len(features) == 3
    assert features.ok.tolist() == [True, False, True]
    assert list(features.rows.columns) == ["speaker", "valence", *QUALITY]
    assert set(features.values.dtypes) == {np.dtype("float32")}
    assert features.rows["message"].tolist() == ["", "so quiet", ""]
    assert features.rows["band_limited"].isna().tolist() == [False, True, False]


def test_band_limited_follows_from_the_bandwidth():
    index = utterance_index(list("abc"))
    results = [Result("ok", bandwidth=hertz) for hertz in (3900.0, 8000.0, float("nan"))]
    rows = table_of_results(pd.DataFrame(index=index), SPEC, np.zeros((3, 2)), results).rows
    assert rows["bandwidth"].to_list()[:2] == [3900, 8000]
    assert rows["band_limited"].to_list() == [True, False, pd.NA]


def test_a_table_from_before_bandwidth_keeps_what_it_says(tmp_path):
    features = table()
    rows = features.rows.drop(columns="bandwidth").assign(band_limited=[True, pd.NA, False])
    FeatureTable(SPEC, features.values, rows).write(tmp_path / "f.parquet")
    again = FeatureTable.read(tmp_path / "f.parquet").rows
    assert list(again.columns) == list(features.rows.columns)
    assert again["bandwidth"].isna().all()
    assert again["band_limited"].to_list() == [True, pd.NA, False]


def test_extracting_again_replaces_the_quality_columns():
    first = table()
    again = table_of_results(first.rows, SPEC, first.values.to_numpy(), [Result("ok", "", 2.0)] * 3)
    assert list(again.rows.columns) == list(first.rows.columns)
    assert again.rows["duration"].tolist() == [2.0] * 3


def test_parquet_keeps_everything(tmp_path):
    features = table(replace(SPEC, channel="mean", level="rms:-20"))
    features.write(tmp_path / "made" / "f.parquet")
    again = FeatureTable.read(tmp_path / "made" / "f.parquet")
    assert again.spec == features.spec
    pd.testing.assert_frame_equal(again.values, features.values)
    pd.testing.assert_frame_equal(again.rows, features.rows)
    assert FeatureTable.read(tmp_path / "made" / "f.parquet", "pair").spec == features.spec
    with pytest.raises(ContractError, match="'egemaps', got pair"):
        FeatureTable.read(tmp_path / "made" / "f.parquet", "egemaps")


def test_csv_keeps_all_but_the_contract(tmp_path, caplog):
    features = table(spec("egemaps-lld"))
    features.write(tmp_path / "f.csv")
    with caplog.at_level(logging.WARNING):
        again = FeatureTable.read(tmp_path / "f.csv", "egemaps-lld")
    assert "has no feature contract; by its columns it is taken for egemaps-lld" in caplog.text
    assert again.spec == features.spec
    pd.testing.assert_frame_equal(again.values, features.values)
    pd.testing.assert_frame_equal(again.rows, features.rows)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f.parquet"
    table().write(path)
    before = path.read_bytes()

    def full(_, to):
        Path(to).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OSError, match="no space"):
        table().write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_can_not_be_written(tmp_path):
    with pytest.raises(TableError, match=r"\.parquet or \.csv"):
        table().write(tmp_path / "f.xlsx")
    features = table()
    clash = FeatureTable(SPEC, features.values, features.rows.assign(f1=1))
    with pytest.raises(TableError, match="f1"):
        clash.write(tmp_path / "f.csv")


def test_what_is_no_feature_table():
    features = table()
    with pytest.raises(ContractError, match="aren't the features"):
        FeatureTable(replace(SPEC, features=("f1",)), features.values, features.rows)
    with pytest.raises(TableError, match="same index"):
        FeatureTable(SPEC, features.values, features.rows.iloc[::-1])
    with pytest.raises(TableError, match="status"):
        FeatureTable(SPEC, features.values, features.rows[["speaker"]])


# --- tables of others --------------------------------------------------------------------------


def foreign(rows: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    names = spec("egemaps-lld").features
    return pd.DataFrame(rng.standard_normal((rows, 46)).astype(np.float32), columns=list(names))


def test_a_table_without_contract_is_taken_by_its_columns(tmp_path, caplog):
    frame = foreign().assign(utt_id=list("wxyz"), start=1.0, end=2.0, silence_ratio=0.1)
    frame.to_parquet(tmp_path / "f.parquet")
    with caplog.at_level(logging.WARNING):
        features = FeatureTable.read(tmp_path / "f.parquet")
    assert "taken for egemaps-lld" in caplog.text
    assert features.spec == spec("egemaps-lld")
    assert features.values.index.get_level_values("file").to_list() == list("wxyz")
    assert list(features.rows.columns[:4]) == [
        "utt_id",
        "source_start",
        "source_end",
        "silence_ratio",
    ]
    assert features.ok.all()
    np.testing.assert_array_equal(features.values.to_numpy(), foreign().to_numpy())


def test_without_any_name_the_row_number_names_the_file(tmp_path):
    foreign().to_parquet(tmp_path / "f.parquet")
    features = FeatureTable.read(tmp_path / "f.parquet", "egemaps-lld")
    assert features.values.index.get_level_values("file").to_list() == ["0", "1", "2", "3"]


def test_file_without_times_is_the_whole_file(tmp_path):
    foreign().assign(file=list("wxyz")).to_csv(tmp_path / "f.csv", index=False)
    features = FeatureTable.read(tmp_path / "f.csv", "egemaps-lld")
    _, start, end = features.values.index[0]
    assert (start, pd.isna(end)) == (pd.Timedelta(0), True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_get_a_status(tmp_path, bad):
    frame = foreign()
    frame.iloc[2, 5] = bad
    frame.to_parquet(tmp_path / "f.parquet")
    features = FeatureTable.read(tmp_path / "f.parquet", "egemaps-lld")
    assert features.rows["status"].to_list() == ["ok", "ok", "not_finite", "ok"]
    assert features.rows["message"].iloc[2] == "1 of 46 features aren't finite"
    assert features.values.iloc[2].isna().all()


def test_values_of_rows_that_are_not_ok_are_not_used(tmp_path):
    foreign().assign(status=["ok", "silent", "ok", "failed"]).to_parquet(tmp_path / "f.parquet")
    features = FeatureTable.read(tmp_path / "f.parquet", "egemaps-lld")
    assert features.values.isna().all(axis=1).to_list() == [False, True, False, True]


def test_a_table_that_lacks_features_is_refused(tmp_path):
    path = tmp_path / "f.parquet"
    foreign().iloc[:, 1:].to_parquet(path)
    with pytest.raises(ContractError, match="not those of native or egemaps or compare"):
        FeatureTable.read(path)
    with pytest.raises(ContractError, match=r"not those of egemaps$"):
        FeatureTable.read(path, "egemaps")
    with pytest.raises(ContractError, match="no feature set 'mfcc'"):
        FeatureTable.read(path, "mfcc")
    with pytest.raises(TableError, match="does not exist"):
        FeatureTable.read(tmp_path / "no.parquet")


def test_a_table_with_several_sets_needs_a_name(tmp_path):
    both = foreign().join(pd.DataFrame(0.5, index=range(4), columns=list(spec("egemaps").features)))
    both.to_parquet(tmp_path / "f.parquet")
    with pytest.raises(ContractError, match="name one"):
        FeatureTable.read(tmp_path / "f.parquet")
    assert FeatureTable.read(tmp_path / "f.parquet", "egemaps").spec == spec("egemaps")


def test_a_contract_that_the_columns_break_is_noticed(tmp_path):
    table().write(tmp_path / "f.parquet")
    import pyarrow.parquet as pq

    stored = pq.read_table(tmp_path / "f.parquet")
    pq.write_table(stored.drop_columns(["f2"]), tmp_path / "f.parquet")
    with pytest.raises(ContractError, match="1 features are missing, first 'f2'"):
        FeatureTable.read(tmp_path / "f.parquet")


@pytest.mark.real
def test_the_shared_tables(data_root: Path):
    for name, rows in (("iemocap", 10_039), ("msp_improv", 8_438)):
        features = FeatureTable.read(data_root / "features" / f"{name}.parquet", "egemaps-lld")
        assert features.values.shape == (rows, 46)
        assert features.ok.all()
        assert features.rows["silence_ratio"].notna().all()


def test_it_is_an_array_to_numpy_and_says_little_of_itself():
    table = feature_table("made", 5)
    np.testing.assert_array_equal(np.asarray(table), table.values.to_numpy())
    assert np.asarray(table, np.float64).dtype == np.float64
    assert table.shape == (5, 6)
    assert repr(table) == f"<FeatureTable {table.spec}: 5 rows, 5 of them ok>"
