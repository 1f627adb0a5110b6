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
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from affectspace.evaluation.intervals import DEFAULT, Resampling, percentile_interval
from affectspace.evaluation.rows import FloatArray
from affectspace.explain.profiles import (
    Pair,
    Side,
    cosines,
    formula_profiles,
    halved,
    profiles,
    relative_similarity,
)
from affectspace.explain.speech import LISTENERS, MODEL, Speech, Sums, Target, correlations

SAME, PARTLY, NOT_SHOWN = "same", "partly", "not shown"
BOTH = f"{MODEL} with {LISTENERS}"
VERDICTS = (SAME, PARTLY, NOT_SHOWN)


@dataclass(frozen=True)
class Criteria:
    """How profiles are compared, and what counts as the same.

    Attributes:
        margin: the relative similarity that its whole interval has to reach for `same`.
        significance: the largest corrected p that counts.
        halvings: how often a language's speakers are halved for the figures.
        halvings_per_resample: and for each resample behind an interval.
        formulas: random directions behind the floor.
        speakers: a language with fewer isn't compared.
        resampling: how intervals are made.
    """

    margin: float = 0.9
    significance: float = 0.05
    halvings: int = 200
    halvings_per_resample: int = 4
    formulas: int = 200
    speakers: int = 4
    resampling: Resampling = DEFAULT


STANDARD = Criteria()


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
    features, roll = len(speech.words), len(speech.strata)
    sums = {side.key: side.sums(roll) for pair in pairs for side in pair.sides}
    whole = {key: profiles(one, speech.everyone(), features)[0] for key, one in sums.items()}
    relative, ceiling, drawn = _relative(speech, pairs, sums, criteria)
    rng = np.random.default_rng(criteria.resampling.seed)
    formulas = rng.normal(size=(features, criteria.formulas))
    unrelated = {one.name: formula_profiles(one, formulas) for one in speech.languages}
    rows = []
    for i, pair in enumerate(pairs):
        speakers = min(side.speakers for side in pair.sides)
        names = (pair.axis, pair.compared, *(side.language.name for side in pair.sides))
        if speakers < criteria.speakers:
            rows.append((*names, *[np.nan] * 9, speakers))
            continue
        one, other = (whole[side.key] for side in pair.sides)
        by_chance = [unrelated[side.language.name] for side in pair.sides]
        floor = (by_chance[0] @ by_chance[1].T)[~np.eye(criteria.formulas, dtype=bool)]
        similarity = float(one @ other)
        level = criteria.resampling.level
        figures = (
            similarity,
            ceiling[i],
            relative[i],
            *percentile_interval(drawn[i], speakers=speakers, level=level),
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


def family_differences(speech: Speech, *, resampling: Resampling = DEFAULT) -> pd.DataFrame:
    """Where two languages differ: the correlation with each family's score, one minus the other.

    The test takes Fisher's transform of the correlations. Its standard error comes from resampled
    speakers, its degrees of freedom from the fewer of them.

    Args:
        speech: from [`gather`][affectspace.explain.speech.gather].
        resampling: how often, and from which seed, speakers are drawn.

    Returns:
        A row per axis, `of` (`model` or `listeners`), pair of languages and family: `axis, of,
        first, second, family, r_first, r_second, difference, low, high, p` and `p_corrected` (for
        all differences of the axis and `of`, by Benjamini and Hochberg).
    """
    weights, roll, features = speech.draws(resampling), len(speech.strata), len(speech.words)
    rows = []
    for pair in _pairs(speech):
        if pair.compared == BOTH:
            continue
        sums = [side.sums(roll) for side in pair.sides]
        one, other = (correlations(s, speech.everyone())[0, features:] for s in sums)
        drawn = [correlations(s, weights)[:, features:] for s in sums]
        speakers = min(side.speakers for side in pair.sides)
        names = (pair.axis, pair.compared, *(side.language.name for side in pair.sides))
        for m, family in enumerate(speech.scored):
            apart = [part[:, m] for part in drawn]
            ends = percentile_interval(
                apart[0] - apart[1], speakers=speakers, level=resampling.level
            )
            p = _p_of_difference(one[m], other[m], *apart, speakers=speakers)
            rows.append((*names, family, one[m], other[m], one[m] - other[m], *ends, p))
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
    sums: Mapping[tuple[str, Target, Target], Sums],
    criteria: Criteria,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Relative similarity (m,), ceiling (m,), and the first on resamples (m, resamples)."""
    rng = np.random.default_rng(criteria.resampling.seed)
    found = []
    for weights, per in (
        (speech.everyone(), criteria.halvings),
        (speech.draws(criteria.resampling), criteria.halvings_per_resample),
    ):
        halves = halved(np.repeat(weights, per, axis=0), speech.strata, rng)
        sides = [pair.sides for pair in pairs]
        found.append(relative_similarity(sides, sums, halves, features=len(speech.words), per=per))
    (relative, ceiling), (drawn, _) = found
    return relative[:, 0], ceiling[:, 0], drawn


def _other_axis(pair: _Pair, whole: Mapping[tuple[str, Target, Target], FloatArray]) -> float:
    """The largest similarity of the axis on one side with another axis on the other."""
    found = [
        float(whole[one.key] @ profile)
        for one, other in (pair.sides, pair.sides[::-1])
        for (language, target, where), profile in whole.items()
        if language == other.language.name
        and target == where
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


def _p_of_difference(
    one: float, other: float, drawn: FloatArray, others: FloatArray, *, speakers: int
) -> float:
    """Two-sided p of the difference of two correlations; NaN where it's undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.arctanh(drawn) - np.arctanh(others)
        difference = np.arctanh(one) - np.arctanh(other)
    known = apart[np.isfinite(apart)]
    if speakers < 2 or 2 * len(known) < len(apart) or not np.ptp(known) > 0:
        return float("nan")
    return float(2 * stats.t.sf(abs(difference) / known.std(), speakers - 1))
