"""All findings together, and the sentences that are made of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import affectspace.explain
from affectspace.evaluation import Resampling
from affectspace.explain import Criteria, explain_axes
from made_models import made_model
from made_voices import HIGH, LOUD, linear_model, speech

QUICK = Criteria(
    halvings=20, halvings_per_resample=2, formulas=30, resampling=Resampling(resamples=60)
)


@pytest.fixture(scope="module")
def findings():
    tables = {
        "one": speech("aa", valence_follows=HIGH, noise=0.5, n=360),
        "two": speech("bb", valence_follows=HIGH, noise=0.5, n=360, seed=1),
        "three": speech("cc", noise=0.5, seed=2, rated=False),
    }
    return explain_axes(linear_model(LOUD, HIGH), tables, criteria=QUICK)


def test_the_tables_are_of_one_piece(findings):
    assert [axis.name for axis in findings.axes] == ["activation", "valence"]
    assert list(findings.languages["language"]) == ["aa", "bb", "cc"]
    assert list(findings.languages["rated"]) == [360, 360, 0]
    for table in (findings.walked, findings.followed, findings.across, findings.differences):
        assert set(table["axis"]) == {"activation", "valence"}
    pairs = findings.compared.groupby(["axis", "compared"]).size()
    assert pairs["activation"].to_dict() == {
        "listeners": 1,
        "model": 3,
        "model with listeners": 2,
    }


def test_sentences_say_what_the_tables_hold(findings):
    walk, model, listeners, *verdicts = findings.sentences("activation")
    assert walk.startswith("Walking from 1.")
    assert walk.endswith(": louder.")
    assert model == (
        "The model's reading goes with loudness (mean r +1.00, clear in 3), of 3 languages."
    )
    assert listeners.startswith("Listeners' ratings go with loudness (mean r +0.9")
    assert listeners.endswith(", clear in 2), of 2 languages.")
    assert verdicts[1] == (
        "Listeners follow the same in two languages: same 1, partly 0, not shown 0, of 1 compared."
    )
    assert findings.sentences("valence")[0].endswith(": higher pitch.")


def test_without_speech_there_is_the_walk_alone():
    found = explain_axes(made_model("unsupervised"))
    assert set(found.walked["axis"]) == {"z1", "z2"}
    assert len(found.compared) == len(found.followed) == 0
    (sentence,) = found.sentences("z2")
    assert "nothing that has a word" in sentence  # features called a, b, ...


def test_every_public_name_is_there():
    for name in affectspace.explain.__all__:
        assert getattr(affectspace.explain, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = affectspace.explain.nothing


def test_reasons_and_walks_need_no_extra():
    """The modules of the core load neither scipy nor what else the extra brings."""
    code = (
        "import sys; from affectspace.explain import attribute, reasons, walk, words; "
        "print([m for m in ('scipy', 'torch', 'sklearn', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
