"""How each rater rates: how much, how varied, how like the others, how steady, how hasty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from affectspace.annotation.others import correlation, others_mean
from affectspace.annotation.ratings import (
    DURATION,
    ORDER,
    RATER,
    REPEAT,
    SECONDS,
    VALUE,
    FloatArray,
    item_codes,
    of_label,
    rating_matrix,
)
from affectspace.errors import needs_extra
from affectspace.tables import INDEX

_HUNDRED = 100  # ratings that a drift is told per


@dataclass(frozen=True)
class Limits:
    """From where on a rater is worth a look; a hint to a person, not a verdict.

    Attributes:
        ratings: with fewer ratings than this nothing is said.
        modal_share: the share of ratings that are the same.
        agreement: r with the others' mean, at most.
        drift: how far the ratings move away from the others' within the rater's own, in rating
            units, where the interval of the slope leaves out 0 as well.
        hurried: the share of ratings given before the clip could end.
        repeat_difference: mean absolute difference of repeated ratings, in rating units.
    """

    ratings: int = 20
    modal_share: float = 0.7
    agreement: float = 0.3
    drift: float = 0.5
    hurried: float = 0.1
    repeat_difference: float = 1.0


LIMITS = Limits()


def rater_quality(ratings: pd.DataFrame, label: str, *, limits: Limits = LIMITS) -> pd.DataFrame:
    """Describe each rater of a label.

    A rater is compared with the mean of the *others*, not with a gold standard in which the rater's
    own ratings are. Where ratings are missing, the others' offsets are taken out first.

    Args:
        ratings: a ratings table.
        label: such as `activation`.
        limits: from where on a flag is set.

    Returns:
        A row per rater, by name, with the columns

        - `n`: ratings, repeats left out; `mean`, `sd` of them (n - 1; NaN for one)
        - `mode`: the commonest value, the lowest of equals; `modal_share`: its share, 0 to 1
        - `others_n`: of them, how many others rated too; `others_r`: correlation with the others'
          mean, `others_offset`: the rating minus that mean on average, `others_difference`: their
          mean absolute difference
        - `drift`: how much the rating minus the others' mean moves per 100 ratings of the rater, by
          least squares over `order`, with its interval of 95 %, `drift_low`, `drift_high` (NaN
          without an order or for fewer than 3)
        - `hurried`: the share of ratings, repeats too, whose `seconds` are fewer than the clip's
          duration (the column `duration`, or the span's), of `timed` where both are known
        - `repeats`: how many repeats there are; `repeat_r`: correlation of first and repeated
          rating, `repeat_difference`: their mean absolute difference
        - `flags`: `one value`, `disagrees`, `drifts`, `hurries`, `inconsistent`, joined by `;`

    Raises:
        TableError: if there are no ratings of the label.
    """
    rows = of_label(ratings, label)
    matrix = rating_matrix(rows, label)
    others = others_mean(matrix)
    orders = _orders(rows[~rows[REPEAT].to_numpy()], matrix)
    found = []
    for number, rater in enumerate(matrix.columns):
        own, theirs = matrix[rater].to_numpy(), others[rater].to_numpy()
        row: dict[str, Any] = {RATER: rater, **_spread(own), **_likeness(own, theirs)}
        row |= _drift(orders[:, number], own - theirs)
        mine = rows[(rows[RATER] == rater).to_numpy()]
        row |= {**_haste(mine), **_repeats(mine)}
        found.append({**row, "flags": _flags(row, limits)})
    return pd.DataFrame(found).set_index(RATER)


def repeated(ratings: pd.DataFrame) -> pd.DataFrame:
    """Pair each repeated rating with the rater's first of the same item.

    Args:
        ratings: checked ratings of one label.

    Returns:
        Columns `rater`, `first`, `again`; a row per repeat whose first rating is known.
    """
    codes, _ = item_codes(ratings.index)
    frame = pd.DataFrame({name: ratings[name].to_numpy() for name in (RATER, VALUE, REPEAT)})
    frame["item"] = codes
    fresh = frame[~frame[REPEAT]].set_index([RATER, "item"])[VALUE].rename("first")
    pairs = frame[frame[REPEAT]].join(fresh, on=[RATER, "item"]).rename(columns={VALUE: "again"})
    return pairs.loc[pairs["first"].notna(), [RATER, "first", "again"]].reset_index(drop=True)


def _orders(first: pd.DataFrame, matrix: pd.DataFrame) -> FloatArray:
    """The place of each rating among its rater's, from 0: shape of the matrix, NaN if unknown."""
    orders = np.full(matrix.shape, np.nan)
    codes, items = item_codes(first.index)
    rows = item_codes(matrix.index.append(items))[0][len(matrix) :]
    columns = matrix.columns.get_indexer(pd.Index(first[RATER]))
    raters = first[RATER].to_numpy()
    orders[rows[codes], columns] = pd.Series(first[ORDER].to_numpy()).groupby(raters).rank() - 1
    return orders


def _spread(own: FloatArray) -> dict[str, Any]:
    own = own[np.isfinite(own)]
    values, counts = np.unique(own, return_counts=True)
    return {
        "n": len(own),
        "mean": float(own.mean()),
        "sd": float(own.std(ddof=1)) if len(own) > 1 else float("nan"),
        "mode": float(values[counts.argmax()]),
        "modal_share": float(counts.max() / len(own)),
    }


def _likeness(own: FloatArray, theirs: FloatArray) -> dict[str, Any]:
    difference = (own - theirs)[np.isfinite(own - theirs)]
    known = len(difference) > 0
    return {
        "others_n": len(difference),
        "others_r": correlation(own, theirs),
        "others_offset": float(difference.mean()) if known else float("nan"),
        "others_difference": float(np.abs(difference).mean()) if known else float("nan"),
    }


def _drift(order: FloatArray, deviation: FloatArray) -> dict[str, Any]:
    """Least-squares slope of the deviations on their order, per 100 ratings, with its interval."""
    known = np.isfinite(order) & np.isfinite(deviation)
    x, y = order[known], deviation[known]
    span = float(np.ptp(x)) if len(x) else 0.0
    if len(x) < 3 or span == 0:
        return dict.fromkeys(("drift", "drift_low", "drift_high"), float("nan"))
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / (len(x) - 2) / (x @ x)))
    half = _student(len(x) - 2) * error
    names = ("drift", "drift_low", "drift_high")
    return dict(
        zip(names, (_HUNDRED * v for v in (slope, slope - half, slope + half)), strict=True)
    )


def _student(freedom: int) -> float:
    """How many standard errors an interval of 95 % reaches to either side."""
    with needs_extra("annotate", "The drift of a rater"):
        from scipy import special
    return float(special.stdtrit(freedom, 0.975))


def _haste(rows: pd.DataFrame) -> dict[str, Any]:
    seconds, duration = rows[SECONDS].to_numpy(), rows[DURATION].to_numpy()
    if tuple(rows.index.names) == INDEX:  # a span tells its duration
        times = rows.index.to_frame(index=False)
        span = (times["end"] - times["start"]).dt.total_seconds().to_numpy()
        duration = np.where(np.isfinite(duration), duration, span)
    timed = np.isfinite(seconds) & np.isfinite(duration)
    share = float((seconds < duration)[timed].mean()) if timed.any() else float("nan")
    return {"timed": int(timed.sum()), "hurried": share}


def _repeats(rows: pd.DataFrame) -> dict[str, Any]:
    pairs = repeated(rows)
    first, again = pairs["first"].to_numpy(), pairs["again"].to_numpy()
    return {
        "repeats": len(pairs),
        "repeat_r": correlation(first, again),
        "repeat_difference": float(np.abs(again - first).mean()) if len(pairs) else float("nan"),
    }


def _flags(row: dict[str, Any], limits: Limits) -> str:
    if row["n"] < limits.ratings:
        return ""
    moved = abs(row["drift"]) * row["n"] / _HUNDRED
    raised = {
        "one value": row["modal_share"] >= limits.modal_share,
        "disagrees": row["others_n"] >= limits.ratings and not row["others_r"] > limits.agreement,
        "drifts": moved >= limits.drift and row["drift_low"] * row["drift_high"] > 0,
        "hurries": row["hurried"] >= limits.hurried,
        "inconsistent": row["repeats"] > 2 and row["repeat_difference"] >= limits.repeat_difference,
    }
    return ";".join(flag for flag, due in raised.items() if due)
