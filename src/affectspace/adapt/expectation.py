"""What an adaptation is expected to be worth, from estimates of rows that were left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from affectspace.evaluation.intervals import bootstrap_difference
from affectspace.evaluation.metrics import ccc, mae
from affectspace.evaluation.rows import IntArray
from affectspace.model.network import Array

RESAMPLES = 400


def expected_gain(
    label: str,
    truth: Array,
    before: Array,
    after: Array,
    groups: IntArray,
    *,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """How far left-out rows are met better than before, with intervals over what was left out.

    Args:
        label: the label.
        truth: its ratings, `(n,)`.
        before: the estimates of the model that came.
        after: the estimates with each row's group left out.
        groups: what was left out together, `(n,)`.
        resamples: of the intervals; 0 leaves them out.

    Returns:
        `label`, `metric`, `before`, `after`, `gain`, `low`, `high`, `n`, `groups`; a row for `ccc`
        and one for `mae`, whose gain is what it fell by. NaN where undefined.
    """
    rows = []
    for name, metric, sign in (("ccc", ccc, 1.0), ("mae", mae, -1.0)):
        row = {"label": label, "metric": name, "before": np.nan, "after": np.nan}
        ends = {"gain": np.nan, "low": np.nan, "high": np.nan}
        if len(truth) > 1:
            values = metric(truth, before), metric(truth, after)
            row |= {"before": values[0], "after": values[1]}
            ends["gain"] = sign * (values[1] - values[0])
        if len(truth) > 1 and resamples:
            found = bootstrap_difference(
                metric, (truth, after), (truth, before), clusters=groups, resamples=resamples
            )
            ends["low"], ends["high"] = sorted((sign * found.low, sign * found.high))
        rows.append({**row, **ends, "n": len(truth), "groups": len(np.unique(groups))})
    return pd.DataFrame(rows)


def as_records(expected: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as JSON holds it: a member per row, null where there is nothing."""
    plain = expected.astype(object).where(expected.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
