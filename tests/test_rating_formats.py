"""Ratings tables: checked, read from whatever they come in, and written for other tools."""

import numpy as np
import pandas as pd
import pytest

from affectspace import corpora
from affectspace.annotation import (
    Ratings,
    check_ratings,
    gold_standard,
    gold_table,
    labels_of,
    merged,
    on_recordings,
    rating_matrix,
    ratings_of,
    read_ratings,
    relocated,
    write_label_file,
    write_ratings,
)
from affectspace.annotation.ratings import item_codes
from affectspace.annotation.utterances import in_language
from affectspace.errors import TableError
from affectspace.tables import read_labels, read_table, utterance_index, write_table
from made_ratings import NAN, as_ratings, crossed

ROWS = pd.DataFrame(
    [
        ("b.wav", "anna", "activation", 4.0),
        ("a.wav", "anna", "activation", 2.0),
        ("a.wav", "ben", "activation", 2.5),
        ("a.wav", "ben", "valence", 1.0),
        ("b.wav", "ben", "valence", NAN),
    ],
    columns=["file", "rater", "label", "value"],
)


def same(one: Ratings | pd.DataFrame, other: Ratings | pd.DataFrame):
    """Whether both hold the same ratings, in whatever order."""

    def plain(ratings):
        table = ratings.table if isinstance(ratings, Ratings) else ratings
        rows = table[["rater", "label", "value"]].reset_index()
        return rows.sort_values(["file", "start", "rater", "label"], ignore_index=True)

    pd.testing.assert_frame_equal(plain(one), plain(other), check_dtype=False)


# the ratings table


def test_a_checked_table_has_its_index_and_its_columns():
    found = check_ratings(ROWS)
    assert len(found) == 4  # the empty one is no rating
    assert found.index.names == ["file", "start", "end"]
    assert found["repeat"].tolist() == [False] * 4
    assert found["order"].isna().all()
    assert labels_of(found) == ["activation", "valence"]
    matrix = rating_matrix(found, "activation")
    assert matrix.columns.tolist() == ["anna", "ben"]
    assert [name for name, *_ in matrix.index] == ["b.wav", "a.wav"]
    np.testing.assert_array_equal(matrix, [[4, NAN], [2, 2.5]])
    pd.testing.assert_frame_equal(check_ratings(found), found)


def test_items_may_be_anything_that_has_a_name():
    by_item = check_ratings(ROWS.rename(columns={"file": "item"}))
    assert by_item.index.name == "item"
    own = ROWS.set_index(pd.Index(ROWS["file"], name="clip")).drop(columns="file")
    assert check_ratings(own).index.name == "clip"
    with pytest.raises(TableError, match="nothing says what was rated"):
        check_ratings(ROWS.drop(columns="file"))


def test_spans_of_one_file_are_different_items():
    index = utterance_index(["a.wav"] * 3, [0, 0, 1.5], [None, 1.5, None])
    codes, items = item_codes(index.append(index[[1]]))
    assert codes.tolist() == [0, 1, 2, 1]
    assert items.equals(index)
    rows = pd.DataFrame({"rater": "x", "label": "valence", "value": [1.0, 2.0, 3.0]}, index=index)
    assert rating_matrix(rows, "valence")["x"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": [1, 2, 3, 4, 5.5]}, r"1 of 5 ratings are off the scale from 1 to 5, first: val"),
        ({"value": [1, 2, 0, 4, 5]}, r"first: activation 0 of a\.wav by ben\. Rescale them"),
        ({"value": [1, 2, "high", 4, 5]}, r"'value' should hold numbers and has 1 words, .*'high'"),
        ({"value": [1, 2, float("inf"), 4, 5]}, "1 of 5 ratings are off the scale"),
        ({"rater": ["x", "", "x", "y", "y"]}, "1 ratings have no rater"),
        ({"label": ["activation", None, "a", "b", "c"]}, "1 ratings have no label"),
        ({"file": ["a.wav", None, "b.wav", "c.wav", "d.wav"]}, "1 ratings have no file"),
        ({"repeat": ["no", "yes", "maybe", "no", "no"]}, "repeat should be true or false.*'maybe'"),
        ({"order": ["first", 2, 3, 4, 5]}, "'order' should hold numbers"),
        (
            {"file": ["a.wav"] * 5, "repeat": 0},
            r"1 ratings are a rater's second .* of a\.wav by an",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said(change, message):
    with pytest.raises(TableError, match=message):
        check_ratings(ROWS.assign(**change))


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match="lacks rater, label and has file, value"):
        check_ratings(ROWS[["file", "value"]])


def test_what_stands_for_nothing_is_no_rating():
    empty = ["", "N/A", None, "nan", "2.5"]
    assert check_ratings(ROWS.assign(value=empty))["value"].tolist() == [2.5]
    assert check_ratings(ROWS.iloc[:0]).empty


def test_another_scale_can_be_named():
    wide = ROWS.assign(value=[1, 2, 7, 4, 5])
    assert check_ratings(wide, scale=(1, 7))["value"].max() == 7
    assert check_ratings(wide, scale=None)["value"].max() == 7


def test_a_second_rating_is_a_repeat_by_order_or_by_row():
    rows = pd.DataFrame({"item": ["a"] * 3, "rater": "x", "label": "valence", "value": [1, 2, 3]})
    assert check_ratings(rows)["repeat"].tolist() == [False, True, True]
    ordered = check_ratings(rows.assign(order=[7, 9, 2]))
    assert ordered["repeat"].tolist() == [True, True, False]
    assert rating_matrix(ordered, "valence").to_numpy().tolist() == [[3]]
    marked = check_ratings(rows.assign(repeat=["TRUE", "0", "1.0"]))
    assert marked["repeat"].tolist() == [True, False, True]


# in


def test_every_form_holds_the_same_ratings(tmp_path):
    ROWS.to_csv(tmp_path / "long.csv", index=False)
    by_label = ROWS.dropna().pivot_table(index=["file", "rater"], columns="label", values="value")
    by_label.reset_index().to_csv(tmp_path / "by_label.csv", index=False)
    wide = ROWS.dropna().pivot_table(index="file", columns=["label", "rater"], values="value")
    wide.columns = ["_".join(pair) for pair in wide.columns]
    wide.assign(activation=3.0, activation_sd=0.5, valence_n=1).to_csv(tmp_path / "wide.csv")
    write_table(wide.set_axis(utterance_index(list(wide.index))), tmp_path / "wide.parquet")
    for rater in ("anna", "ben"):
        one = by_label.xs(rater, level="rater").rename_axis("filename")
        one.to_csv(tmp_path / f"{rater}.csv")
    expected = check_ratings(ROWS)
    for name in ("long.csv", "by_label.csv", "wide.csv", "wide.parquet"):
        same(read_ratings(tmp_path / name), expected)
    same(read_ratings([tmp_path / "anna.csv", tmp_path / "ben.csv"]), expected)


def test_names_stay_text_and_arousal_is_activation(tmp_path):
    rows = ROWS.dropna().assign(rater=["01", "01", "2", "2"])
    rows["label"] = rows["label"].replace("activation", "arousal")
    rows.to_csv(tmp_path / "long.csv", index=False)
    found = read_ratings(tmp_path / "long.csv").table
    assert found["rater"].unique().tolist() == ["01", "2"]
    assert labels_of(found) == ["activation", "valence"]


def test_bare_columns_need_the_label(tmp_path):
    bare = pd.DataFrame({"file": ["a.wav", "b.wav"], "anna": [1, 2], "ben": [2, 4]})
    bare.to_csv(tmp_path / "bare.csv", index=False)
    with pytest.raises(TableError, match=r"bare\.csv: there are no ratings: .* name the one label"):
        read_ratings(tmp_path / "bare.csv")
    found = read_ratings(tmp_path / "bare.csv", label="tension").table
    assert rating_matrix(found, "tension")["ben"].tolist() == [2, 4]
    bare.assign(ben=["low", "high"]).to_csv(tmp_path / "words.csv", index=False)
    with pytest.raises(TableError, match=r"column 'ben' should hold numbers and has 2 words"):
        read_ratings(tmp_path / "words.csv", label="tension")


def test_words_for_ratings_are_refused_with_the_file(tmp_path):
    (tmp_path / "w.csv").write_text("file,activation_x,activation_y\na.wav,high,2\n")
    with pytest.raises(TableError, match=r"w\.csv: column 'activation_x'"):
        read_ratings(tmp_path / "w.csv")
    (tmp_path / "r.csv").write_text("file,rater,mood\na.wav,x,2\n")
    with pytest.raises(TableError, match="beside the column rater there should be label and value"):
        read_ratings(tmp_path / "r.csv")
    with pytest.raises(TableError, match="no tables of ratings"):
        read_ratings([])


def test_repeats_orders_and_times_come_along(tmp_path):
    rows = pd.DataFrame(
        {
            "file": ["a.wav", "a.wav", "b.wav"],
            "rater": "x",
            "activation": [2, 2.5, 3],
            "valence": [1, NAN, 2],
            "order": [1, 3, 2],
            "seconds": [4.5, 1.5, 3],
            "duration": 2.0,
        }
    )
    rows.to_csv(tmp_path / "r.csv", index=False)
    found = read_ratings(tmp_path / "r.csv").table
    assert len(found) == 5
    assert found["repeat"].sum() == 1
    assert found.loc[found["repeat"], "value"].tolist() == [2.5]
    write_ratings(found, tmp_path / "back.csv")
    write_ratings(found, tmp_path / "back.parquet")
    for name in ("back.csv", "back.parquet"):
        pd.testing.assert_frame_equal(read_ratings(tmp_path / name).table, found)


def test_who_rates_twice_in_two_tables_is_refused():
    one = ratings_of(ROWS)
    again = merged([one, ratings_of(ROWS.assign(file=["c.wav"] * 5).iloc[:1])])
    assert len(again.table) == 5
    with pytest.raises(TableError, match="4 ratings are a rater's second"):
        merged([one, one])


# out


def study():
    """Three raters of activation and valence, some ratings missing, and who spoke."""
    parts = [
        as_ratings(crossed(20, 3, each=2, seed=seed), label)
        for seed, label in ((1, "activation"), (2, "valence"))
    ]
    rows = pd.concat(parts, ignore_index=True).rename(columns={"item": "file"})
    rows["speaker"] = ["s" + file[1] for file in rows["file"]]
    return ratings_of(rows)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
@pytest.mark.parametrize("estimator", ["mean", "ewe"])
def test_the_gold_table_goes_round(tmp_path, suffix, estimator):
    ratings = study()
    table = gold_table(ratings, estimator=estimator)
    assert table.columns.tolist() == [
        "speaker",
        *("activation", "activation_sd", "activation_n"),
        *("activation_r0", "activation_r1", "activation_r2"),
        *("valence", "valence_sd", "valence_n", "valence_r0", "valence_r1", "valence_r2"),
    ]
    assert table["activation_n"].tolist() == [2] * 20
    matrix = rating_matrix(ratings.table, "activation")
    expected = gold_standard(matrix, estimator=estimator).values
    np.testing.assert_allclose(table["activation"], expected["value"])
    np.testing.assert_allclose(table["activation_sd"], matrix.std(axis="columns"))
    write_table(table, tmp_path / f"gold{suffix}")
    back = read_table(tmp_path / f"gold{suffix}")
    pd.testing.assert_frame_equal(back, table, check_dtype=False)  # counts come back as float64
    again = read_ratings(tmp_path / f"gold{suffix}")
    same(again, ratings)
    pd.testing.assert_frame_equal(gold_table(again, estimator=estimator), table)


def test_csv_is_as_audformat_reads_it(tmp_path):
    audformat = pytest.importorskip("audformat")
    table = gold_table(study())
    write_table(table, tmp_path / "gold.csv")
    lines = (tmp_path / "gold.csv").read_text().splitlines()
    assert lines[0].startswith("file,start,end,speaker,activation,activation_sd,activation_n,")
    assert lines[1].startswith("i0.wav,0 days,,s0,")
    read = audformat.utils.read_csv(tmp_path / "gold.csv")
    assert audformat.is_segmented_index(read)
    assert [tuple(row) for row in read.index] == [tuple(row) for row in table.index]
    np.testing.assert_allclose(read["activation"], table["activation"])


def test_an_item_rated_for_one_label_only_is_in_the_table():
    table = gold_table(ratings_of(ROWS.dropna()))
    assert table["valence_n"].tolist() == [0, 1]
    assert np.isnan(table["valence"].iloc[0])
    assert np.isnan(table["valence_ben"].iloc[0])
    only = gold_table(ratings_of(ROWS.dropna()), labels=["activation"])
    assert [name for name in only if name.startswith("valence")] == []


def test_a_rater_whose_name_is_a_column_of_its_own_is_refused():
    with pytest.raises(TableError, match="can't be called sd: LABEL_sd is another column"):
        gold_table(ratings_of(ROWS.assign(rater="sd").iloc[:2]))


def test_items_that_are_no_utterances_become_files_or_are_refused():
    ratings = check_ratings(as_ratings(crossed(5, 2)))
    assert gold_table(ratings).index.names == ["file", "start", "end"]
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["clip", "take"])
    rows = pd.DataFrame({"rater": "x", "label": "valence", "value": 3.0}, index=index)
    with pytest.raises(TableError, match="told by clip, take"):
        gold_table(rows)


def test_the_papers_label_format_goes_round(tmp_path):
    table = gold_table(study())
    write_label_file(table, tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").read_text().startswith("filename,activation,valence\ni0.wav,")
    back = read_labels(tmp_path / "labels.csv")
    np.testing.assert_allclose(back, table[["activation", "valence"]])
    assert sorted(back.index) == sorted(f"i{i}" for i in range(20))
    one_rater = read_ratings(tmp_path / "labels.csv")
    assert one_rater.table["rater"].unique().tolist() == ["labels"]


def test_what_a_label_file_cannot_say_is_refused(tmp_path):
    path = tmp_path / "labels.csv"
    spans = pd.DataFrame({"valence": [1.0]}, index=utterance_index(["a.wav"], [1.0], [2.0]))
    with pytest.raises(TableError, match="1 utterances are parts of files"):
        write_label_file(spans, path)
    twice = pd.DataFrame({"valence": [1.0, 2.0]}, index=utterance_index(["x/a.wav", "y/a.flac"]))
    with pytest.raises(TableError, match="two files are called a;"):
        write_label_file(twice, path)
    with pytest.raises(TableError, match="holds activation and valence"):
        write_label_file(twice.rename(columns={"valence": "dominance"}), path)
    with pytest.raises(TableError, match=r"a name that ends in \.csv"):
        write_label_file(twice, tmp_path / "labels.parquet")
    assert not list(tmp_path.iterdir())


# recordings


def test_ratings_find_their_recordings_and_the_unrated_come_along(caplog):
    rated = pd.DataFrame(
        {"valence": [1.0, 2.0, 3.0], "valence_n": [1, 2, 1]},
        index=utterance_index(["a", "gone.wav", "b.flac"], [0, 0, 1], [None, None, 2]),
    )
    files = ["sub/a.wav", "sub/b.wav", "sub/c.wav"]
    recordings = pd.DataFrame({"speaker": ["s1", "s2", "s3"]}, index=utterance_index(files))
    found = on_recordings(rated, recordings)
    assert [(f, s.total_seconds()) for f, s, _ in found.index] == [
        *(("sub/a.wav", 0), ("sub/b.wav", 1), ("sub/c.wav", 0))
    ]
    assert found["valence"].tolist()[:2] == [1, 3]
    assert np.isnan(found["valence"].iloc[2])
    assert found["valence_n"].tolist() == [1, 1, 0]
    assert found["speaker"].tolist() == ["s1", "s2", "s3"]
    assert "1 rated utterances have no recording" in caplog.text


def test_a_span_of_a_table_of_recordings_is_taken_as_it_is():
    index = utterance_index(["a.wav"] * 3, [0, 1, 2], [1, 2, 3])
    rated = pd.DataFrame({"valence": [4.0]}, index=index[[1]])
    found = on_recordings(rated, pd.DataFrame(index=index))
    assert len(found) == 3
    assert found["valence"].notna().tolist() == [True, False, False]


def test_no_recording_or_more_than_one_is_refused():
    rated = pd.DataFrame({"valence": [1.0]}, index=utterance_index(["a.wav"]))
    other = pd.DataFrame(index=utterance_index(["b.wav"]))
    with pytest.raises(TableError, match="none of the 1 rated utterances has a recording"):
        on_recordings(rated, other)
    two = pd.DataFrame(index=utterance_index(["x/a.wav", "y/a.wav"]))
    with pytest.raises(TableError, match=r"more than one recording is called a\.wav"):
        on_recordings(rated, two)
    exact = pd.DataFrame(index=utterance_index(["a.wav", "y/a.wav"]))
    assert on_recordings(rated, exact)["valence"].notna().tolist() == [True, False]


def test_the_language_is_said_where_it_is_missing():
    table = pd.DataFrame({"valence": [1.0, 2.0]}, index=utterance_index(["a.wav", "b.wav"]))
    assert in_language(table, "da")["language"].tolist() == ["da", "da"]
    known = in_language(table.assign(language=["de", NAN]), "da")
    assert known["language"].tolist() == ["de", "da"]
    assert "language" not in table


def test_files_are_relative_to_the_table_they_stand_in(tmp_path):
    table = pd.DataFrame({"valence": [1.0, 2.0]}, index=utterance_index(["a.wav", "/x/b.wav"]))
    (tmp_path / "in").mkdir()
    found = relocated(table, old=tmp_path / "in", new=tmp_path / "out/deep")
    assert found.index.get_level_values("file").tolist() == ["../../in/a.wav", "/x/b.wav"]
    same_place = relocated(table, old=tmp_path, new=tmp_path)
    pd.testing.assert_frame_equal(same_place, table)


# the corpora


@pytest.mark.real
def test_emotales_ratings_go_round(tmp_path, data_root):
    table = corpora.read("emotale", data_root / "corpora/emotale")
    ratings = ratings_of(table)
    assert len(ratings.table) == 3 * 3 * 800
    gold = gold_table(ratings)
    for label in ("activation", "valence", "dominance"):
        np.testing.assert_allclose(gold[label], table[label])
    assert gold["speaker"].tolist() == table["speaker"].tolist()
    write_table(gold, tmp_path / "gold.parquet")
    same(read_ratings(tmp_path / "gold.parquet"), ratings)
    write_label_file(gold, tmp_path / "labels.csv")
    assert len(read_labels(tmp_path / "labels.csv")) == 800


@pytest.mark.real
@pytest.mark.parametrize("name", ["AESD", "CAFE", "EMO_DB", "URDU"])
def test_the_papers_label_files_are_one_rater_each(tmp_path, data_root, name):
    path = data_root / f"labels/dtu/{name}.csv"
    found = read_ratings(path)
    expected = read_labels(path)
    assert found.table["rater"].unique().tolist() == [name]
    assert len(found.table) == expected[["activation", "valence"]].notna().sum().sum()
    write_label_file(gold_table(found), tmp_path / "again.csv")
    again = read_labels(tmp_path / "again.csv")
    np.testing.assert_allclose(again, expected.dropna(how="all")[["activation", "valence"]])
