"""Does the speaker give the label away? On designs where the answer is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from affectspace.evaluation import shared_speakers, speaker_leak

EMOTIONS = ["anger", "joy", "neutral", "sadness"]


def balanced(speakers=8, takes=5):
    """Everyone speaks every emotion."""
    return np.tile(np.repeat(EMOTIONS, takes), speakers), np.repeat(
        np.arange(speakers).astype(str), takes * len(EMOTIONS)
    )


class TestCategories:
    def test_one_emotion_per_speaker_warns(self):
        emotions = np.repeat(EMOTIONS * 3, 10)
        leak = speaker_leak(emotions, np.repeat(np.arange(12), 10))
        assert (leak.metric, leak.score, leak.baseline, leak.skill) == ("accuracy", 1.0, 0.25, 1.0)
        assert leak.warns
        assert (leak.n, leak.speakers, leak.single) == (120, 12, 12)
        assert leak.message == (
            "The speaker alone predicts the label (100% correct, against 25% without the speaker); "
            "12 of 12 speakers have one label only. Scores on this corpus may be due to the voice."
        )

    def test_every_emotion_by_everyone_does_not(self):
        leak = speaker_leak(*balanced())
        assert leak.score < leak.baseline
        assert not leak.warns
        assert "does not predict" in leak.message

    def test_chance_does_not(self):
        rng = np.random.default_rng(0)
        assert not speaker_leak(rng.choice(EMOTIONS, 300), rng.integers(0, 20, 300)).warns

    def test_is_a_look_up_in_the_other_rows(self):
        rng = np.random.default_rng(1)
        speakers = rng.integers(0, 15, 60)
        emotions = np.array(EMOTIONS)[(speakers + (rng.random(60) < 0.4)) % 4]
        hits = 0
        for i in range(60):
            everyone = Counter(np.delete(emotions, i))
            own = Counter(emotions[(speakers == speakers[i]) & (np.arange(60) != i)])
            best = min(EMOTIONS, key=lambda e: (-own[e], -everyone[e], e))
            hits += best == emotions[i]
        assert speaker_leak(emotions, speakers).score == pytest.approx(hits / 60)


class TestRatings:
    def test_is_a_look_up_in_the_other_rows(self):
        rng = np.random.default_rng(1)
        speakers = np.append(rng.integers(0, 10, 60), 99)
        ratings = speakers % 5 + rng.normal(size=61)
        error = baseline = 0.0
        for i in range(61):
            others = np.arange(61) != i
            own = others & (speakers == speakers[i])
            guess = ratings[own].mean() if own.any() else ratings[others].mean()
            error += (ratings[i] - guess) ** 2
            baseline += (ratings[i] - ratings[others].mean()) ** 2
        leak = speaker_leak(ratings, speakers)
        assert leak.score == pytest.approx(1 - error / baseline)
        assert (leak.metric, leak.baseline) == ("r2", 0.0)
        assert leak.warns
        assert f"R² {leak.score:.2f}" in leak.message

    def test_ratings_that_do_not_depend_on_the_speaker_do_not_warn(self):
        rng = np.random.default_rng(0)
        leak = speaker_leak(rng.integers(2, 11, 300) / 2, rng.integers(0, 20, 300))
        assert leak.score < 0.1
        assert not leak.warns


class TestEdges:
    def test_unknown_labels_and_speakers_are_left_out(self):
        emotions, speakers = balanced()
        full = speaker_leak(emotions, speakers)
        gaps = speaker_leak([*emotions, None, "joy", "joy"], [*speakers, "0", None, float("nan")])
        assert gaps == full

    def test_pandas_columns_with_missing_values(self):
        table = pd.DataFrame(
            {"e": pd.array(["a", "a", "b", "b", None], "string"), "s": list("xxyyy")}
        )
        assert speaker_leak(table["e"], table["s"]).score == 1.0

    @pytest.mark.parametrize("labels", [[], ["a"], ["a", "a"], [1.0], [2.0, 2.0]])
    def test_nothing_to_tell(self, labels):
        leak = speaker_leak(labels, ["x"] * len(labels))
        assert np.isnan(leak.score)
        assert not leak.warns
        assert "can't be told" in leak.message

    def test_speakers_with_one_row_each_tell_nothing(self):
        leak = speaker_leak(["a", "b", "c", "d"], ["1", "2", "3", "4"])
        assert leak.single == 0
        assert not leak.warns


class TestSharedSpeakers:
    def test_names_them(self):
        message = shared_speakers(list("abcdefgh"), list("abcdefgz"))
        assert message == (
            "Train and test share 7 of 8 test speakers: a, b, c, d, e and 2 more. "
            "Scores will be too good."
        )

    def test_says_nothing_where_there_are_none(self):
        assert shared_speakers(["a", None], ["b", None]) == ""
        assert shared_speakers([], []) == ""


@pytest.mark.real
class TestRealCorpora:
    def test_urdu_is_given_away_by_its_speakers(self, data_root):
        names = pd.read_csv(data_root / "labels/dtu/URDU.csv").rename(columns=str.strip)
        parts = names["filename"].dropna().str.split("_")
        leak = speaker_leak(parts.str[2].str[0], parts.str[0])
        assert (leak.n, leak.speakers, leak.single) == (400, 29, 26)
        assert leak.score == pytest.approx(0.96, abs=0.005)
        assert leak.warns
        named = names.dropna(subset="filename")
        assert speaker_leak(named["activation"], parts.str[0]).warns

    def test_emodb_is_not(self, data_root):
        names = pd.read_csv(data_root / "labels/dtu/EMO_DB.csv").rename(columns=str.strip)
        stems = names["filename"].dropna()
        leak = speaker_leak(stems.str[5], stems.str[:2])
        assert leak.n == 535
        assert not leak.warns
