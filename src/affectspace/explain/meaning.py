"""Does an axis mean the same in two languages? Tested, not assumed.

What an axis means in a language is its profile there: its correlations with all features. Two
profiles are compared by their cosine, which doesn't mind a feature's sign. A bare cosine says
little, so it stands between two others:

- **The ceiling**: what two halves of the speakers of *one* language give. Profiles are noisy, and
  two languages can't agree better than a language with itself. Both are compared at the same noise:
  half of one language with half of the other, never with a speaker in both. Their ratio, the
  relative similarity, is 1 where the axis means the same.[^1] Its interval resamples speakers.
- **The floor**: unrelated axes. Features go together (all that is loud is loud), so any two axes
  look alike to a degree. The 95th percentile over pairs of random directions in the space of the
  standardised features, one in each language.

The verdict is `same` where the similarity is above the floor (p at most 0.05, corrected for the
number of comparisons by Benjamini and Hochberg[^2]) and the whole interval of the relative
similarity is at or above 0.9; `partly` where it's above the floor only; else `not shown`. So
`same` has to be shown: few speakers give `partly`, or nothing.

The model reads an axis by one formula everywhere. Where features go together in the same way in two
languages, *any* fixed formula has similar profiles: `any_formula` says how similar random formulas'
are. The sterner questions are the listeners': do *they* follow the same features in both
languages, and does the model's axis follow in a language what its listeners follow?

[^1]: The correction for attenuation: Spearman, C. (1904). The proof and measurement of association
    between two things. American Journal of Psychology 15(1).
[^2]: Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate. J. R. Stat. Soc. B.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from affectspace.evaluation.intervals import percentile_interval
from affectspace.evaluation.rows import FloatArray
from affectspace.explain.criteria import (
    BOTH,
    LISTENERS,
    MODEL,
    NOT_SHOWN,
    PARTLY,
    SAME,
    STANDARD,
    Criteria,
)
from affectspace.explain.profiles import (
    Pair,
    Rows,
    Side,
    all_cosines,
    correlations_of,
    cosines,
    formula_profiles,
    halved,
    profiles,
    relative_similarity,
    sums_of,
)
from affectspace.explain.speech import Speech, Sums, Target, resampling_of


def compare_languages(speech: Speech, criteria: Criteria = STANDARD) -> pd.DataFrame:
    """Compare each axis's profile between each two languages; see the module for the rule.

    Args:
        speech: from [`gather`][affectspace.explain.speech.gather].
        criteria: how.

    Returns:
        A row per axis and comparison, in order: `axis`; `compared` (`model`: its reading in two
        languages; `listeners`: theirs in two languages; `model with listeners`: both in one, on
        the rated rows); `first`, `second` (languages); `similarity` (cosine of the whole profiles,
        -1 to 1); `ceiling` (of halves, the geometric mean of both); `relative` with `low` and
        `high`; `floor`, `p` (corrected); `any_formula` (see the module); `other_axis` (the largest
        similarity of the axis on one side with another axis on the other); `speakers` (the fewer);
        `verdict`. NaN where too few speakers, or halves that don't agree, leave nothing to tell.
    """
    pairs = list(_pairs(speech))
    if not pairs:
        return pd.DataFrame(columns=[*_COLUMNS, "verdict"])
    features = len(speech.words)
    sides = [pair.sides for pair in pairs]
    sums = sums_of(sides, columns=slice(features), roll=len(speech.strata))
    whole = profiles(sums, speech.everyone())
    relative, ceiling, drawn = _relative(speech, pairs, sums, criteria)
    rng = np.random.default_rng(criteria.seed)
    formulas = rng.normal(size=(features, criteria.formulas))
    unrelated = {one.name: formula_profiles(one, formulas) for one in speech.languages}
    rows = []
    for i, pair in enumerate(pairs):
        speakers = min(side.speakers for side in pair.sides)
        names = (pair.axis, pair.compared, *(side.language.name for side in pair.sides))
        if speakers < criteria.speakers:
            rows.append((*names, *[np.nan] * 9, speakers))
            continue
        by_chance = [unrelated[side.language.name] for side in pair.sides]
        floor = all_cosines(*by_chance)[~np.eye(criteria.formulas, dtype=bool)]
        one, other = (whole[side.rows, side.target] for side in pair.sides)
        similarity = float(cosines(one, other)[0])
        figures = (
            similarity,
            ceiling[i],
            relative[i],
            *percentile_interval(drawn[i], speakers=speakers, level=criteria.level),
            np.quantile(floor, 0.95),
            (1 + (floor >= similarity).sum()) / (1 + len(floor)),
            np.median(cosines(*by_chance)) if pair.compared == MODEL else np.nan,
            _other_axis(pair, whole),
        )
        rows.append((*names, *figures, speakers))
    return _with_verdicts(pd.DataFrame(rows, columns=_COLUMNS), criteria)


_COLUMNS = [
    *("axis", "compared", "first", "second", "similarity", "ceiling", "relative", "low", "high"),
    *("floor", "p", "any_formula", "other_axis", "speakers"),
]


def family_differences(speech: Speech, criteria: Criteria = STANDARD) -> pd.DataFrame:
    """Where two languages differ: the correlation with each family's score, one minus the other.

    The test takes Fisher's transform of the correlations. Its standard error comes from resampled
    speakers, its degrees of freedom from the fewer of them.

    Args:
        speech: from [`gather`][affectspace.explain.speech.gather].
        criteria: how often, and from which seed, speakers are drawn.

    Returns:
        A row per axis, `of` (`model` or `listeners`), pair of languages and family: `axis, of,
        first, second, family, r_first, r_second, difference, low, high, p` and `p_corrected` (for
        all differences of the axis and `of`, by Benjamini and Hochberg).
    """
    pairs = [pair for pair in _pairs(speech) if pair.compared != BOTH]
    families = slice(len(speech.words), None)
    sums = sums_of([pair.sides for pair in pairs], columns=families, roll=len(speech.strata))
    weights = np.concatenate([speech.everyone(), speech.draws(resampling_of(criteria))])
    followed = correlations_of(sums, weights)
    rows = []
    for pair in pairs:
        first, second = (followed[side.rows, side.target] for side in pair.sides)
        speakers = min(side.speakers for side in pair.sides)
        names = (pair.axis, pair.compared, *(side.language.name for side in pair.sides))
        for family, one, other in zip(speech.scored, first.T, second.T, strict=True):
            apart = one - other  # on all speakers, then on each resample
            ends = percentile_interval(apart[1:], speakers=speakers, level=criteria.level)
            p = _p_of_difference(one, other, speakers=speakers)
            rows.append((*names, family, one[0], other[0], apart[0], *ends, p))
    table = pd.DataFrame(rows, columns=_DIFFERENCES)
    table["p_corrected"] = _corrected(table, ["axis", "of"])
    return table


_DIFFERENCES = [
    *("axis", "of", "first", "second", "family", "r_first", "r_second"),
    *("difference", "low", "high", "p"),
]


class _Pair(NamedTuple):
    axis: str
    compared: str
    sides: Pair


def _pairs(speech: Speech) -> Iterator[_Pair]:
    """All comparisons: by axis, then the model's, the listeners', and both."""
    for axis in speech.axes:
        for of in (MODEL, LISTENERS):
            target = Target(axis.name, of)
            there = [one for one in speech.languages if target in one.targets]
            for one, other in combinations(there, 2):
                sides = Side(one, target, target), Side(other, target, target)
                yield _Pair(axis.name, of, sides)
        model, listeners = Target(axis.name, MODEL), Target(axis.name, LISTENERS)
        for one in speech.languages:
            if listeners in one.targets:
                sides = Side(one, model, listeners), Side(one, listeners, listeners)
                yield _Pair(axis.name, BOTH, sides)


def _relative(
    speech: Speech,
    pairs: Sequence[_Pair],
    sums: Mapping[Rows, Sums],
    criteria: Criteria,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Relative similarity (m,), ceiling (m,), and the first on resamples (m, resamples)."""
    rng = np.random.default_rng(criteria.seed)
    found = []
    for weights, per in (
        (speech.everyone(), criteria.halvings),
        (speech.draws(resampling_of(criteria)), criteria.halvings_per_resample),
    ):
        halves = halved(np.repeat(weights, per, axis=0), speech.strata, rng)
        sides = [pair.sides for pair in pairs]
        found.append(relative_similarity(sides, sums, halves, per=per))
    (relative, ceiling), (drawn, _) = found
    return relative[:, 0], ceiling[:, 0], drawn


def _other_axis(pair: _Pair, whole: Mapping[tuple[Rows, Target], FloatArray]) -> float:
    """The largest similarity of the axis on one side with another axis on the other."""
    found = [
        float(cosines(whole[one.rows, one.target], profile)[0])
        for one, other in (pair.sides, pair.sides[::-1])
        for (rows, target), profile in whole.items()
        if rows[0] == other.language.name
        and rows[1] == other.language.rows_of(target)
        and target.of == other.target.of
        and target.axis != pair.axis
    ]
    return max(found, key=abs, default=np.nan)


def _with_verdicts(table: pd.DataFrame, criteria: Criteria) -> pd.DataFrame:
    table["p"] = _corrected(table, ["axis", "compared"])
    above = table["p"] <= criteria.significance
    reached = table["low"] >= criteria.margin
    table["verdict"] = np.select([above & reached, above], [SAME, PARTLY], NOT_SHOWN)
    return table


def _corrected(table: pd.DataFrame, groups: list[str]) -> pd.Series:
    """The column p, corrected for the number of tests in each group; NaN stays."""
    tested = table.dropna(subset="p").groupby(groups, sort=False)["p"]
    return tested.transform(stats.false_discovery_control).reindex(table.index)


def _p_of_difference(one: FloatArray, other: FloatArray, *, speakers: int) -> float:
    """Two-sided p of the difference of two correlations; NaN where it's undefined.

    Args:
        one: on all speakers, then on each resample, shape (1 + resamples,).
        other: the same.
        speakers: the fewer.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        difference, *drawn = np.arctanh(one) - np.arctanh(other)
    known = np.array(drawn)[np.isfinite(drawn)]
    if speakers < 2 or 2 * len(known) < len(drawn) or not np.ptp(known) > 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(difference) / known.std(), speakers - 1))
