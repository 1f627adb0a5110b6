from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from affectspace import corpora, tables
from affectspace.errors import CorpusError


def make(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def stems(table: pd.DataFrame) -> list[str]:
    return [tables.file_stem(file) for file in table.index.get_level_values("file")]


def column(table: pd.DataFrame, name: str) -> list[object]:
    return [None if pd.isna(value) else value for value in table[name]]


# What all readers share


def test_files_open_as_they_are_and_are_in_order(tmp_path: Path) -> None:
    make(tmp_path, "x/wav/16b10Wa.wav", "x/wav/03a01Fa.WAV", "x/wav/08a01Na.flac")
    table = corpora.read("emodb", tmp_path)
    files = table.index.get_level_values("file").tolist()
    assert stems(table) == ["03a01Fa", "08a01Na", "16b10Wa"]
    assert all(Path(file).is_file() for file in files)
    assert files[0] == str(tmp_path / "x/wav/03a01Fa.WAV")
    assert table.columns[: len(corpora.COLUMNS)].tolist() == list(corpora.COLUMNS)


def test_rubbish_and_copies_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(
        tmp_path,
        *("wav/03a01Fa.wav", "flac/03a01Fa.flac", "copy/wav/03a01Fa.wav"),
        *("wav/._03a01Fa.wav", "__MACOSX/wav/03a02Fa.wav", ".cache/03a04Fa.wav"),
        *("wav/other.wav", "lablaut/03a01Fa.lablaut", "04a01Fa.wav"),
    )
    table = corpora.read("emodb", tmp_path)
    assert table.index.get_level_values("file").tolist() == [str(tmp_path / "wav/03a01Fa.wav")]
    assert "2 foreign audio files left out" in caplog.text
    assert "2 copies left out" in caplog.text
    assert "1 utterances; EMO-DB has 535" in caplog.text


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path / "disk", "03a01Fa.wav")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/wav").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/round").symlink_to(tmp_path / "corpus")
    assert stems(corpora.read("emodb", tmp_path / "corpus")) == ["03a01Fa"]


@pytest.mark.parametrize("name", corpora.names())
def test_wrong_folders_show_the_layout(name: str, tmp_path: Path) -> None:
    layout = corpora.get(name).layout.strip().splitlines()[0]
    with pytest.raises(CorpusError, match="does not exist") as missing:
        corpora.read(name, tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="is empty"):
        corpora.read(name, tmp_path)
    make(tmp_path, "some/talk.wav", "notes.txt")
    with pytest.raises(CorpusError, match=r"2 files, 1 of them audio.*some/talk\.wav") as foreign:
        corpora.read(name, tmp_path)
    with pytest.raises(CorpusError, match="is no folder"):
        corpora.read(name, tmp_path / "notes.txt")
    assert layout in str(missing.value)
    assert layout in str(foreign.value)


@pytest.mark.parametrize("name", corpora.names())
def test_registry_entries_are_complete(name: str) -> None:
    corpus = corpora.get(name)
    assert corpus.name == name
    assert set(corpus.emotions.values()) <= set(corpora.EMOTIONS)
    assert all((corpus.licence, corpus.citation, corpus.homepage, corpus.layout.strip()))
    assert corpus.downloads or corpus.how
    assert all(len(language) == 2 for language in corpus.languages)
    assert corpus.parse("nonsense") is None


# One by one


def test_emodb(tmp_path: Path) -> None:
    table = corpora.read("emodb", make(tmp_path, "wav/03a01Fa.wav", "wav/16b10Lb.wav"))
    assert column(table, "emotion") == ["happiness", "boredom"]
    assert column(table, "speaker") == ["03", "16"]
    assert column(table, "gender") == ["male", "female"]
    assert column(table, "age") == [31, 31]
    assert column(table, "sentence") == ["a01", "b10"]
    assert column(table, "intensity") == [None, None]
    assert set(table["language"]) == {"de"}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_cafe_in_both_unicode_forms(tmp_path: Path, form: str) -> None:
    files = ["Colère/Faible/01-C-1-1.wav", "Neutre/02-N-1-6.wav", "Tristesse/Fort/12-T-2-5.aiff"]
    make(tmp_path, *(unicodedata.normalize(form, file) for file in files))
    table = corpora.read("cafe", tmp_path)
    assert column(table, "emotion") == ["anger", "neutral", "sadness"]
    assert column(table, "intensity") == ["weak", None, "strong"]
    assert column(table, "gender") == ["male", "female", "female"]
    assert column(table, "age") == [46, 64, 37]
    assert all(Path(file).is_file() for file in table.index.get_level_values("file"))


def test_urdu(tmp_path: Path) -> None:
    table = corpora.read("urdu", make(tmp_path, "Angry/SM1_F10_A010.wav", "Sad/SF11_F2_S04.wav"))
    assert column(table, "speaker") == ["SM1", "SF11"]
    assert column(table, "gender") == ["male", "female"]
    assert column(table, "emotion") == ["anger", "sadness"]


def test_aesdd_takes_and_leading_zeros(tmp_path: Path) -> None:
    root = make(
        tmp_path,
        *("anger/a03 (4).wav", "fear/f18 (5)b.wav", "fear/f10 (01).wav"),
        *("sadness/s05 (3).wav", "happiness/h01 (6).wav"),
    )
    table = corpora.read("aesd", root)
    assert stems(table) == ["a03 (4)", "f10 (01)", "f18 (5)b", "h01 (6)", "s05 (3)"]
    assert column(table, "speaker") == ["4", "1", "5", "6", "3"]
    assert column(table, "take") == ["", "", "b", "", ""]
    assert column(table, "sentence")[2] == "18"
    assert set(table["corpus"]) == {"aesdd"}


def test_ravdess_even_actors_are_women_and_song_is_foreign(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = make(
        tmp_path,
        *("Actor_11/03-01-01-01-02-01-11.wav", "Actor_12/03-01-06-02-02-01-12.wav"),
        *("audio_speech_actors_01-24/Actor_11/03-01-01-01-02-01-11.wav",),
        *("Actor_12/03-02-06-02-02-01-12.wav", "Actor_12/01-01-06-02-02-01-12.mp4"),
    )
    table = corpora.read("ravdess", root)
    assert column(table, "gender") == ["male", "female"]
    assert column(table, "emotion") == ["neutral", "fear"]
    assert column(table, "intensity") == ["normal", "strong"]
    assert "2 foreign" in caplog.text
    assert "1 copies" in caplog.text


def test_emovo(tmp_path: Path) -> None:
    table = corpora.read("emovo", make(tmp_path, "f1/rab-f1-b1.wav", "m3/gio-m3-n5.wav"))
    assert column(table, "emotion") == ["anger", "happiness"]
    assert column(table, "gender") == ["female", "male"]


def test_crema_d_prefers_wav_and_reads_the_demographics(tmp_path: Path) -> None:
    root = make(
        tmp_path,
        *("AudioMP3/1001_DFA_ANG_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav"),
        *("AudioWAV/1040_ITH_SAD_X.wav", "AudioWAV/1002_IEO_FEA_HI.wav"),
    )
    unknown = corpora.read("crema_d", root)
    assert column(unknown, "gender") == [None, None, None]
    (root / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex"\n1001,51,"Male"\n1002,21,"Female"\n'
    )
    for folder in (root, root / "AudioWAV"):
        table = corpora.read("crema-d", folder)
        assert stems(table) == ["1001_DFA_ANG_XX", "1002_IEO_FEA_HI", "1040_ITH_SAD_X"]
        assert all(file.endswith("wav") for file in table.index.get_level_values("file"))
        assert column(table, "intensity") == [None, "high", None]
        assert column(table, "gender") == ["male", "female", None]
        assert column(table, "age") == [51, 21, None]


ANNOTATIONS = """file,a1_A,a1_V,a1_D,a1_cat,a2_A,a2_V,a2_D,a2_cat,a3_A,a3_V,a3_D,a3_cat,gt_emotion
DK_004_A_5.wav,4.0,1.5,4.5,A,4.0,2.5,5.0,A,5.0,1.0,4.5,N,A
EN_004_B_1.wav,2.0,2.5,2.0,B,,2.5,1.0,,3.0,1.0,3.0,B,B
"""


def emotale_tree(root: Path) -> Path:
    make(root, "wav/DK_004_A_5.wav", "wav/EN_004_B_1.flac", "wav/DK_014_S_2.wav")
    (root / "annotations.csv").write_text(ANNOTATIONS)
    (root / "speaker_info.csv").write_text("speaker,gender,age\n004,M,24\n")
    return root


@pytest.mark.parametrize("folder", [".", "wav", ".."])
def test_emotale_raters_and_languages(tmp_path: Path, folder: str) -> None:
    root = emotale_tree(tmp_path / "emotale")
    table = corpora.read("emotale", root / folder)
    assert stems(table) == ["DK_004_A_5", "DK_014_S_2", "EN_004_B_1"]
    assert column(table, "language") == ["da", "da", "en"]
    assert column(table, "speaker") == ["004", "014", "004"]
    assert column(table, "gender") == ["male", None, "male"]
    assert column(table, "age") == [24, None, 24]
    assert column(table, "emotion") == ["anger", "sadness", "boredom"]
    assert column(table, "activation") == [pytest.approx(13 / 3), None, 2.5]
    assert column(table, "activation_a2") == [4, None, None]
    assert column(table, "emotion_a3") == ["neutral", None, "boredom"]
    assert column(table, "dominance") == [pytest.approx(14 / 3), None, 2]


def test_emotale_without_its_tables(tmp_path: Path) -> None:
    root = emotale_tree(tmp_path)
    (root / "annotations.csv").write_text("file,a1_A\nDK_999_A_1.wav,3\n")
    with pytest.raises(CorpusError, match="rates none of the audio files"):
        corpora.read("emotale", root)
    (root / "annotations.csv").unlink()
    with pytest.raises(CorpusError, match=r"lacks annotations\.csv"):
        corpora.read("emotale", root)


EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 3.5000, 2.0000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[2.0000, 2.5000, 5.5000]
C-F1:\tNeutral;\t()
[12.0 - 13.0]\tSes01F_impro01_M001\texc\t[4.0000, 4.5000, 4.0000]
"""


def iemocap_tree(root: Path) -> Path:
    wav = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_"
    evaluation = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    make(
        root,
        *(f"{wav}F000.wav", f"{wav}M000.wav", f"{wav}F001.wav"),
        *("Session1/dialog/wav/Ses01F_impro01.wav",),
        *("Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt",),
        *("Session1/dialog/EmoEvaluation/Categorical/Ses01F_impro01_e2_cat.txt",),
    )
    evaluation.write_text(EVALUATION)
    return root


def test_iemocap_speakers_are_the_utterances_not_the_dialogues(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = corpora.read("iemocap", iemocap_tree(tmp_path))
    assert stems(table) == [f"Ses01F_impro01_{turn}" for turn in ("F000", "F001", "M000")]
    assert column(table, "speaker") == ["Ses01_F", "Ses01_F", "Ses01_M"]
    assert column(table, "gender") == ["female", "female", "male"]
    assert column(table, "emotion") == ["neutral", None, "undecided"]
    assert column(table, "valence") == [2.5, None, 2]
    assert column(table, "activation") == [3.5, None, 2.5]
    assert column(table, "dominance") == [2, None, 5.5]
    assert column(table, "dialog") == ["Ses01F_impro01"] * 3
    assert "1 of 3 audio files have no rating, and 1 ratings no audio file" in caplog.text


def test_iemocap_without_evaluations(tmp_path: Path) -> None:
    make(tmp_path, "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav")
    with pytest.raises(CorpusError, match="has no EmoEvaluation"):
        corpora.read("iemocap", tmp_path)


CONSENSUS = """UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:2.000000 ; V:3.400000; D:3.0 ; N:4.250000;
P-1; Neutral; Neutral; A:1.000000; V:3.000000; D:3.000000; N:5.000000;

UTD-IMPROV-S14H-M05-R-MF02.avi; X; A:5.000000; V:NaN; D:2.000000; N:3.000000;
"""


@pytest.mark.parametrize("name", ["Evalution.txt", "Evaluation.txt"])
def test_msp_improv_turns_activation_round(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    make(
        tmp_path,
        "Audio/session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav",
        "Audio/session5/S14H/R/MSP-IMPROV-S14H-M05-R-MF02.wav",
        "Audio/session5/S14H/R/MSP-IMPROV-S14H-M05-R-MF03.wav",
    )
    with pytest.raises(CorpusError, match=r"has no Evalution\.txt"):
        corpora.read("msp_improv", tmp_path)
    (tmp_path / name).write_text(CONSENSUS)
    with caplog.at_level(logging.WARNING):
        table = corpora.read("msp_improv", tmp_path)
    assert column(table, "activation") == [4, 1, None]
    assert column(table, "valence") == [3.4, None, None]
    assert column(table, "emotion") == ["neutral", "undecided", None]
    assert column(table, "speaker") == ["F01", "M05", "M05"]
    assert column(table, "gender") == ["female", "male", "male"]
    assert column(table, "sentence") == ["1", "14", "14"]
    assert column(table, "target_emotion") == ["anger", "happiness", "happiness"]
    assert column(table, "naturalness") == [4.25, 3, None]
    assert "1 of 3 files have no rating" in caplog.text


# The real ones

COUNTS = [
    ("emodb", 535, 10, 535), ("urdu", 400, 29, 400), ("emotale", 800, 18, 800),
    ("ravdess", 1440, 24, 0), ("emovo", 588, 6, 0),
]  # fmt: skip


@pytest.mark.real
@pytest.mark.parametrize(("name", "rows", "speakers", "rated"), COUNTS)
def test_real_corpora(data_root: Path, name: str, rows: int, speakers: int, rated: int) -> None:
    table = corpora.read(name, data_root / "corpora" / name, data_root / "labels" / "dtu")
    assert (len(table), table["speaker"].nunique()) == (rows, speakers)
    assert table["activation"].notna().sum() == table["valence"].notna().sum() == rated
    assert table["emotion"].notna().all()
    assert table["gender"].notna().all()
    assert all(Path(file).is_file() for file in table.index.get_level_values("file"))


@pytest.mark.real
def test_real_urdu_folders_agree_with_the_names(data_root: Path) -> None:
    table = corpora.read("urdu", data_root / "corpora" / "urdu")
    folders = [Path(file).parent.name for file in table.index.get_level_values("file")]
    words = {"Angry": "anger", "Happy": "happiness", "Neutral": "neutral", "Sad": "sadness"}
    assert [words[folder] for folder in folders] == table["emotion"].tolist()
    assert (table.groupby("speaker")["emotion"].nunique() == 1).sum() == 26


@pytest.mark.real
def test_real_emotale_is_as_its_annotations_say(data_root: Path) -> None:
    table = corpora.read("emotale", data_root / "corpora" / "emotale")
    assert table["language"].value_counts().to_dict() == {"da": 450, "en": 350}
    spoken = table.groupby("speaker")["language"].nunique()
    assert (spoken == 2).sum() == 14
    assert table["age"].min() == 9
    raters = table[["activation_a1", "activation_a2", "activation_a3"]]
    assert (raters.mean(axis="columns") == table["activation"]).all()
