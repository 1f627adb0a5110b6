"""What an adaptation is expected to be worth, from estimates of rows that were left out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from affectspace.evaluation.intervals import bootstrap_difference
from affectspace.evaluation.metrics import ccc, mae
from affectspace.evaluation.rows import IntArray
from affectspace.model.network import Array

RESAMPLES = 400


def expected_gain(
    label: str, truth: Array, before: Array, after: Array, groups: IntArray
) -> pd.DataFrame:
    """How far left-out rows are met better than before, with intervals over what was left out.

    Args:
        label: the label.
        truth: its ratings, `(n,)`.
        before: the estimates of the model that came.
        after: the estimates with each row's group left out.
        groups: what was left out together, `(n,)`.

    Returns:
        `label`, `metric`, `before`, `after`, `gain`, `low`, `high`, `n`, `groups`; a row for `ccc`
        and one for `mae`, whose gain is what it fell by. NaN where undefined.
    """
    rows = []
    for name, metric, sign in (("ccc", ccc, 1.0), ("mae", mae, -1.0)):
        row = {"label": label, "metric": name, "before": np.nan, "after": np.nan}
        ends = {"gain": np.nan, "low": np.nan, "high": np.nan}
        if len(truth) > 1:
            row |= {"before": metric(truth, before), "after": metric(truth, after)}
            found = bootstrap_difference(
                metric, (truth, after), (truth, before), clusters=groups, resamples=RESAMPLES
            )
            low, high = sorted((sign * found.low, sign * found.high))
            ends = {"gain": sign * found.value, "low": low, "high": high}
        rows.append({**row, **ends, "n": len(truth), "groups": len(np.unique(groups))})
    return pd.DataFrame(rows)
