"""What an axis follows: its correlation with every feature and family, language by language.

`of` says whose reading of the axis it is: the model's, or the listeners' where the speech is rated.
The model's reading is a fixed formula of the features, so its correlations say what that formula
picks up in the speech of a language; the listeners' say what *they* follow there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from affectspace.evaluation.intervals import DEFAULT, Resampling, expanded_tails
from affectspace.evaluation.rows import FloatArray
from affectspace.explain.speech import Language, Speech, Target, correlations


def follow(speech: Speech, *, resampling: Resampling | None = DEFAULT) -> pd.DataFrame:
    """Correlate each axis with each feature and each family's score, in each language.

    Features are standardised and clipped as the model does, and centred within a corpus. A family's
    score is the mean of its features that have a direction, with their signs.

    Args:
        speech: from [`gather`][affectspace.explain.speech.gather].
        resampling: how the intervals over speakers are made; None for none.

    Returns:
        A row per language, axis, `of` (`model` or `listeners`) and column: `language, corpora,
        axis, of, kind` (`family` or `feature`), `name, family, text, r, low, high, rows, speakers`.
        Families come first. r is Pearson's, NaN where something is constant.
    """
    weights = None if resampling is None else speech.draws(resampling)
    level = DEFAULT.level if resampling is None else resampling.level
    parts = [
        _of_target(speech, language, target, weights, level)
        for language in speech.languages
        for target in language.targets
    ]
    return pd.concat(parts, ignore_index=True)


def across_languages(followed: pd.DataFrame) -> pd.DataFrame:
    """Sum the correlations up over the languages.

    Args:
        followed: from [`follow`][affectspace.explain.correlations.follow].

    Returns:
        A row per axis, `of` and column, in order: `axis, of, kind, name, family, text, mean`,
        `spread` (deviation of a sample), `lowest, highest, languages` (how many have a
        correlation), `agree` (how many of them have the sign of the mean), `clear` and `against`
        (how many have their whole interval on that side of 0, and on the other).
    """
    keys = ["axis", "of", "kind", "name", "family", "text"]
    known = followed.dropna(subset="r")
    sign = np.sign(known.groupby(keys, sort=False)["r"].transform("mean"))
    ends = known[["low", "high"]].mul(sign, axis="index")
    sides = {
        "agree": np.sign(known["r"]) == sign,
        "clear": (ends > 0).all(axis="columns"),
        "against": (ends < 0).all(axis="columns"),
    }
    return (
        known.assign(**sides)
        .groupby(keys, sort=False)
        .agg(
            mean=("r", "mean"),
            spread=("r", "std"),
            lowest=("r", "min"),
            highest=("r", "max"),
            languages=("r", "count"),
            **{side: (side, "sum") for side in sides},
        )
        .reset_index()
    )


def columns_of(speech: Speech) -> pd.DataFrame:
    """What the columns of the correlations are: `kind, name, family, text`, features first."""
    features = [("feature", word.feature, word.family, word.text) for word in speech.words]
    families = [("family", name, name, f"score of {name}") for name in speech.scored]
    return pd.DataFrame(features + families, columns=["kind", "name", "family", "text"])


def _of_target(
    speech: Speech,
    language: Language,
    target: Target,
    weights: FloatArray | None,
    level: float,
) -> pd.DataFrame:
    sums = language.sums(target, len(speech.strata))
    rows, speakers = language.count(target)
    table = columns_of(speech)
    table["r"] = correlations(sums, speech.everyone())[0]
    table["low"] = table["high"] = np.nan
    if weights is not None:
        table[["low", "high"]] = _ends(correlations(sums, weights), speakers, level)
    table["rows"], table["speakers"] = rows, speakers
    head = {
        "language": language.name,
        "corpora": ", ".join(language.corpora),
        "axis": target.axis,
        "of": target.of,
    }
    for place, (name, value) in enumerate(head.items()):
        table.insert(place, name, value)
    return table.sort_values("kind", key=lambda kind: kind == "feature", kind="stable")


def _ends(drawn: FloatArray, speakers: int, level: float) -> FloatArray:
    """The intervals of all columns at once, (c, 2); see `percentile_interval`, which takes one."""
    ends = np.full((drawn.shape[1], 2), np.nan)
    defined = np.isfinite(drawn).mean(axis=0) >= 0.5
    if speakers >= 2 and defined.any():
        known = drawn[:, defined]
        quantile = np.nanquantile if np.isnan(known).any() else np.quantile  # 4 times as quick
        ends[defined] = quantile(known, expanded_tails(speakers, level), axis=0).T
    return ends
