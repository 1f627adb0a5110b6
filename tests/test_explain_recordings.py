"""Recordings in, reasons out: a row for every utterance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from affectspace.errors import ContractError
from affectspace.explain import explain_recordings
from affectspace.tables import utterance_index
from made_models import made_model
from made_speech_model import speech_model
from voices import noise, voice, write


@pytest.fixture
def utterances(tmp_path):
    files = [
        write(tmp_path / "a.wav", voice(0.7)),
        write(tmp_path / "noise.wav", noise(0.7)),
        write(tmp_path / "b.wav", 0.3 * voice(0.9, pitch=200)),
        str(tmp_path / "gone.wav"),
    ]
    columns = {"take": [1, 2, 3, 4], "status": ["mine"] * 4}
    return pd.DataFrame(columns, index=utterance_index(files))


def explained(utterances, **settings):
    return explain_recordings(speech_model(), utterances, jobs=1, cache=False, **settings)


def families(told):
    return [name for name in told if name.endswith("_in_activation")]


def test_every_row_comes_back_with_reasons_or_the_reason_why_not(utterances):
    told = explained(utterances)
    assert told.index.equals(utterances.index)
    assert told["status"].tolist() == ["ok", "unvoiced", "ok", "missing"]
    assert told["input_status"].tolist() == ["mine"] * 4
    assert told["take"].tolist() == [1, 2, 3, 4]
    ok = told[told["status"] == "ok"]
    assert (ok["why_activation"] != "").all()
    assert ok["usual_activation"].nunique() == 1
    bad = told[told["status"] != "ok"]
    assert (bad[["why_activation", "caution"]] == "").all(axis=None)
    assert bad[families(told)].isna().all(axis=None)


def test_estimates_and_cautions_are_those_of_embed(utterances):
    told = explained(utterances)
    table = speech_model().embed(utterances[["take"]], jobs=1, cache=False)
    np.testing.assert_allclose(told["activation"], table["activation"], atol=1e-6)
    assert told["caution"].tolist() == table["caution"].tolist()
    added = told["usual_activation"] + told[families(told)].sum(axis=1, skipna=False)
    np.testing.assert_allclose(added, told["activation"])


def test_held_against_the_input_the_mean_utterance_is_usual(utterances):
    model = speech_model()
    told = explained(utterances, usual="input")
    assert (told["usual_activation"] != explained(utterances)["usual_activation"]).all()
    alone = explained(utterances.iloc[:1], usual="input")
    np.testing.assert_allclose(alone["activation"], alone["usual_activation"])
    np.testing.assert_allclose(alone[families(alone)], 0, atol=1e-12)
    assert alone["why_activation"].tolist() == ["as usual"]
    nothing = explained(utterances.iloc[3:], usual="input")
    assert nothing["why_activation"].tolist() == [""]
    assert model.labels == ("activation", "valence")


def test_what_cannot_be_done_is_said(utterances):
    with pytest.raises(ValueError, match="training, input, and is 'mine'"):
        explained(utterances, usual="mine")
    with pytest.raises(ContractError, match="without a contract"):
        explain_recordings(made_model(spec=None), utterances)
