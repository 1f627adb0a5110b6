"""Who is scored, and who must be left out of the training for it."""

import numpy as np
import pandas as pd

from affectspace.evaluation.lolo import (
    Target,
    all_left_out,
    inner_targets,
    left_out,
    rows_of_target,
    targets_of,
)

DE, UR = Target("emodb", "de", "emodb"), Target("urdu", "ur", "urdu")
DA, EN = Target("emotale", "da", "emotale-da"), Target("emotale", "en", "emotale-en")


def made_rows():
    """Like the corpora: two of one language, one in two languages, one without ratings."""
    parts = [("emodb", "de", 3.0), ("emotale", "da", 2.0), ("emotale", "en", 2.5)]
    parts += [("ravdess", "en", np.nan), ("emovo", "it", np.nan), ("urdu", "ur", 4.0)]
    names = ["source", "language", "activation"]
    return pd.DataFrame(np.repeat(parts, 2, axis=0), columns=names).assign(
        activation=np.repeat([part[2] for part in parts], 2), valence=np.nan
    )


def test_targets_are_rated_corpora_by_language():
    assert targets_of(made_rows()) == [DE, DA, EN, UR]


def test_a_corpus_in_two_languages_is_left_out_whole_and_so_is_the_rest_of_the_language():
    rows = made_rows()
    assert left_out(DE, rows) == {"emodb"}
    assert left_out(DA, rows) == {"emotale"}
    assert left_out(EN, rows) == {"emotale", "ravdess"}


def test_a_corpus_of_unknown_language_is_left_out_everywhere():
    rows = made_rows()
    rows.loc[rows["source"] == "emovo", "language"] = None
    assert left_out(DE, rows) == {"emodb", "emovo"}


def test_settings_are_decided_on_what_remains():
    rows, every = made_rows(), [DE, DA, EN, UR]
    assert inner_targets(DE, every, rows) == [DA, EN, UR]
    assert inner_targets(DA, every, rows) == [DE, UR]
    for target in every:
        for other in inner_targets(target, every, rows):
            both = left_out(target, rows) | left_out(other, rows)
            kept = rows[~rows["source"].isin(both)]
            assert not set(kept["language"]) & {target.language, other.language}
            assert both in all_left_out(rows)


def test_every_set_is_left_out_once():
    sets = all_left_out(made_rows())
    assert len(set(sets)) == len(sets) == 9
    assert frozenset({"emotale"}) in sets
    assert frozenset({"emotale", "ravdess", "urdu"}) in sets


def test_rows_of_a_target():
    rows = made_rows()
    assert rows[rows_of_target(EN, rows)]["source"].tolist() == ["emotale", "emotale"]
    assert rows[rows_of_target(EN, rows)]["language"].tolist() == ["en", "en"]
