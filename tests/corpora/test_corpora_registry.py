from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from affectspace import corpora, tables
from affectspace.errors import CorpusError, TableError


def emodb_tree(root: Path) -> Path:
    (root / "wav").mkdir(parents=True)
    (root / "wav/03a01Fa.wav").touch()
    (root / "wav/08a01Na.wav").touch()
    return root


@pytest.mark.parametrize("name", ["crema_d", "CREMA-D", "cremad", "Crema D"])
def test_names_are_forgiving(name: str) -> None:
    assert corpora.get(name).name == "crema_d"


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(CorpusError, match="no corpus 'savee'; there are iemocap, msp_improv"):
        corpora.get("savee")


def test_labels_from_a_file_or_the_papers_folder(tmp_path: Path) -> None:
    root = emodb_tree(tmp_path / "emodb")
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "Emo_db.csv").write_text("filename,activation,valence \n03a01Fa.wav,3,2.5\n")
    for path in (labels, labels / "Emo_db.csv"):
        table = corpora.read("emodb", root, path)
        assert table["valence"].fillna(0).tolist() == [2.5, 0]


def test_a_label_folder_without_the_corpus(tmp_path: Path) -> None:
    root = emodb_tree(tmp_path / "emodb")
    (tmp_path / "labels").mkdir()
    with pytest.raises(TableError, match=r"has no EMO_DB\.csv, the label file of EMO-DB"):
        corpora.read("emodb", root, tmp_path / "labels")
    (tmp_path / "emovo").mkdir()
    (tmp_path / "emovo/rab-f1-b1.wav").touch()
    table = corpora.read("emovo", tmp_path / "emovo", tmp_path / "labels")
    assert table["activation"].isna().all()


def test_labels_of_another_corpus_are_refused(tmp_path: Path) -> None:
    root = emodb_tree(tmp_path)
    (tmp_path / "other.csv").write_text("file,valence\nSM1_F10_A010.wav,2\n")
    with pytest.raises(TableError, match="none of 1 labels"):
        corpora.read("emodb", root, tmp_path / "other.csv")


# Ready feature tables


def test_standardise_names_codes_and_columns() -> None:
    raw = pd.DataFrame(
        {
            "utt_id": ["Ses01F_impro01_F000", "Ses05M_script03_2_M012"],
            "session": ["Ses01", "Ses05"],
            "start": [6.29, 1.0],
            "end": [8.23, 2.0],
            "emotion": ["xxx", "exc"],
            "arousal": [2.5, 4],
            "valence": [3, np.nan],
            "loudness": np.array([0.5, 0.25], dtype="float32"),
        }
    )
    table = corpora.standardise(raw, "iemocap")
    assert table.index.get_level_values("file").tolist() == raw["utt_id"].tolist()
    assert table.index.get_level_values("end").isna().all()
    assert table["speaker"].tolist() == ["Ses01_F", "Ses05_M"]
    assert table["gender"].tolist() == ["female", "male"]
    assert table["emotion"].tolist() == ["undecided", "excitement"]
    assert table["activation"].tolist() == [2.5, 4]
    assert table["dominance"].isna().all()
    assert table["source_start"].tolist() == [6.29, 1]
    assert table["loudness"].dtype == "float32"
    assert table["session"].tolist() == ["Ses01", "Ses05"]
    assert table.columns[: len(corpora.COLUMNS)].tolist() == list(corpora.COLUMNS)
    assert raw.columns[0] == "utt_id"


def test_standardise_keeps_what_read_gives(tmp_path: Path) -> None:
    table = corpora.read("emodb", emodb_tree(tmp_path))
    again = corpora.standardise(table, "emodb")
    pd.testing.assert_frame_equal(again, table)
    plain = corpora.standardise(table.reset_index(), "emodb")
    pd.testing.assert_frame_equal(plain, table)


def test_standardise_maps_target_emotions_and_takes_given_columns() -> None:
    raw = pd.DataFrame(
        {
            "utt_id": ["MSP-IMPROV-S01A-F01-P-FM01", "MSP-IMPROV-S02H-M01-P-FM01"],
            "speaker": ["F01", "M01"],
            "sentence": [1, 2],
            "target_emotion": ["A", "H"],
            "emotion": ["O", None],
            "activation": [4.0, 1.0],
        }
    )
    table = corpora.standardise(raw, "msp_improv")
    assert table["target_emotion"].tolist() == ["anger", "happiness"]
    assert table["emotion"].fillna("-").tolist() == ["other", "-"]
    assert table["sentence"].tolist() == ["1", "2"]
    assert table["activation"].tolist() == [4, 1]


def test_standardise_takes_a_language_from_the_name() -> None:
    raw = pd.DataFrame({"file": ["a/DK_001_A_1.wav", "a/EN_001_A_1.wav"]})
    assert corpora.standardise(raw, "emotale")["language"].tolist() == ["da", "en"]


def test_standardise_says_when_no_name_fits(caplog: pytest.LogCaptureFixture) -> None:
    raw = pd.DataFrame({"file": ["x", "x"], "start": [0, 1], "end": [1, 2], "emotion": "anger"})
    table = corpora.standardise(raw, "urdu")
    assert "no row is named as URDU names its files" in caplog.text
    assert table["speaker"].isna().all()
    assert table["language"].tolist() == ["ur", "ur"]
    assert table.index.get_level_values("end").tolist() == [pd.Timedelta("1s"), pd.Timedelta("2s")]


def test_standardise_refuses_what_it_cannot_understand() -> None:
    with pytest.raises(TableError, match="nothing names the utterances"):
        corpora.standardise(pd.DataFrame({"loudness": [1.0]}), "urdu")
    with pytest.raises(CorpusError, match="URDU has no emotion 'joy'; it has A anger"):
        corpora.standardise(pd.DataFrame({"file": ["a"], "emotion": ["joy"]}), "urdu")
    with pytest.raises(TableError, match="'valence' should hold numbers"):
        corpora.standardise(pd.DataFrame({"file": ["a"], "valence": ["high"]}), "urdu")
    with pytest.raises(TableError, match="come more than once"):
        corpora.standardise(pd.DataFrame({"file": ["a", "a"]}), "urdu")


@pytest.mark.real
@pytest.mark.parametrize(("name", "four"), [("iemocap", 5531), ("msp_improv", 7798)])
def test_real_feature_tables(data_root: Path, name: str, four: int) -> None:
    raw = tables.read_frame(data_root / "features" / f"{name}.parquet")
    table = corpora.standardise(raw, name)
    corpus = corpora.get(name)
    assert (len(table), table["speaker"].nunique()) == (corpus.utterances, corpus.speakers)
    assert table["speaker"].tolist() == raw["speaker"].tolist()
    words = ["anger", "happiness", "excitement", "neutral", "sadness"]
    assert table["emotion"].isin(words).sum() == four
    assert (table["activation"].to_numpy() == raw["activation"].to_numpy()).all()
    assert table["gender"].notna().all()
