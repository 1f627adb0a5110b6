"""The results table: its columns, its checks, its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import TableError
from affectspace.evaluation import (
    Resampling,
    Result,
    Setting,
    bootstrap_interval,
    check_results,
    concat_results,
    measure,
    pearson,
    read_results,
    results_table,
    summarise_results,
    write_results,
)

COLUMNS = [
    "protocol",
    "source",
    "target",
    "group",
    "model",
    "seed",
    "fold",
    "label",
    "metric",
    "value",
    "low",
    "high",
    "n",
    "speakers",
    "transductive",
]


def result(value=0.5, *, fold=0, target="emodb", metric="adjusted_r2", **interval):
    setting = Setting(
        protocol="reproduction",
        source="iemocap",
        target=target,
        model="metric-act",
        seed=0,
        fold=fold,
    )
    return Result(
        setting=setting,
        label="activation",
        metric=metric,
        value=value,
        n=535,
        speakers=10,
        **interval,
    )


class TestTable:
    def test_columns_and_types(self):
        table = results_table([result(low=0.4, high=0.6), result(fold=None)])
        assert list(table.columns) == COLUMNS
        assert table.dtypes.astype(str).tolist() == (
            ["string"] * 5
            + ["Int64"] * 2
            + ["string"] * 2
            + ["float64"] * 3
            + ["Int64"] * 2
            + ["bool"]
        )
        assert table.loc[0, ["value", "low", "high"]].tolist() == [0.5, 0.4, 0.6]
        assert pd.isna(table.loc[1, "fold"])
        assert np.isnan(table.loc[1, "low"])
        assert not table["transductive"].any()

    def test_empty(self):
        table = results_table([])
        assert list(table.columns) == COLUMNS
        assert len(table) == len(concat_results([])) == 0
        assert len(concat_results([table, results_table([result()])])) == 1

    def test_joined_tables_are_numbered_through(self):
        joined = concat_results([results_table([result(fold=f)]) for f in (0, 1)])
        assert joined.index.tolist() == [0, 1]
        assert joined["fold"].tolist() == [0, 1]

    def test_the_same_figure_twice_raises(self):
        with pytest.raises(TableError, match="twice"):
            results_table([result(0.1), result(0.2)])
        table = results_table([result(fold=None)])
        with pytest.raises(TableError, match="twice"):
            concat_results([table, table])

    def test_other_columns_raise(self):
        table = results_table([result()])
        with pytest.raises(TableError, match=r"missing: \['fold'\], unknown: \['split'\]"):
            check_results(table.rename(columns={"fold": "split"}))

    def test_values_of_another_type_raise(self):
        table = results_table([result()])
        with pytest.raises(TableError, match="wrong type"):
            check_results(table.astype({"value": object}).assign(value="high"))
        with pytest.raises(TableError, match="needs a value in each of protocol"):
            check_results(table.assign(label=pd.NA))

    def test_a_table_from_before_groups_is_about_whole_targets(self):
        table = results_table([result()])
        pd.testing.assert_frame_equal(check_results(table.drop(columns="group")), table)
        assert table["group"].tolist() == [""]

    def test_figures_of_groups_stay_apart(self):
        part = replace(result(), setting=replace(result().setting, group="gender: female"))
        table = results_table([result(), part])
        assert summarise_results(table)["count"].tolist() == [1, 1]

    def test_order_of_columns_is_mended(self):
        table = results_table([result()])
        pd.testing.assert_frame_equal(check_results(table[COLUMNS[::-1]]), table)


class TestMeasure:
    def test_value_interval_and_counts(self):
        rng = np.random.default_rng(0)
        x, y, who = rng.normal(size=40), rng.normal(size=40), np.repeat(list("abcd"), 10)
        x[:10] = np.nan  # all of a
        setting = result().setting
        row = measure(
            pearson, x, y, speakers=who, setting=setting, label="valence",
            resampling=Resampling(resamples=50, level=0.8, seed=3),
        )  # fmt: skip
        assert row.metric == "pearson"
        assert row.value == pearson(x, y)
        expected = bootstrap_interval(pearson, x, y, clusters=who, resamples=50, level=0.8, seed=3)
        assert (row.low, row.high) == expected
        assert (row.n, row.speakers, row.setting) == (30, 3, setting)

    def test_without_interval_and_with_a_name(self):
        row = measure(
            pearson, [1.0, 2.0], [1.0, 2.0], speakers=["a", None], setting=result().setting,
            label="valence", name="r", resampling=None,
        )  # fmt: skip
        assert row.metric == "r"
        assert np.isnan([row.low, row.high]).all()
        assert row.speakers == 2


class TestSummary:
    def test_mean_deviation_and_count_over_folds(self):
        rows = [result(v, fold=f) for f, v in enumerate([0.1, 0.2, 0.6, float("nan")])]
        rows.append(result(0.3, target="urdu"))
        summary = summarise_results(results_table(rows))
        assert summary.columns.tolist() == [
            "protocol", "source", "target", "group", "model", "label", "metric", "transductive",
            "mean", "deviation", "count",
        ]  # fmt: skip
        first, second = summary.to_dict("records")
        assert first["mean"] == pytest.approx(0.3)
        assert first["deviation"] == pytest.approx(np.std([0.1, 0.2, 0.6], ddof=1))
        assert (first["count"], second["count"]) == (3, 1)
        assert np.isnan(second["deviation"])

    def test_transductive_figures_stay_apart(self):
        table = results_table([result(0.1), result(0.2, fold=1)])
        table.loc[1, "transductive"] = True
        assert summarise_results(table)["count"].tolist() == [1, 1]


class TestFile:
    def test_comes_back_as_it_was(self, tmp_path):
        table = results_table([result(low=0.1, high=0.9), result(float("nan"), fold=None)])
        write_results(table, tmp_path / "deep" / "results.parquet")
        back = read_results(tmp_path / "deep" / "results.parquet")
        pd.testing.assert_frame_equal(back, table)
        assert [p.name for p in (tmp_path / "deep").iterdir()] == ["results.parquet"]

    def test_a_wrong_table_leaves_the_old_file(self, tmp_path):
        path = tmp_path / "results.parquet"
        write_results(results_table([result()]), path)
        with pytest.raises(TableError):
            write_results(pd.DataFrame({"value": [1.0]}), path)
        assert len(read_results(path)) == 1

    def test_missing_and_damaged_files_raise(self, tmp_path):
        with pytest.raises(TableError, match="none"):
            read_results(tmp_path / "none.parquet")
        (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
        with pytest.raises(TableError, match="bad"):
            read_results(tmp_path / "bad.parquet")
