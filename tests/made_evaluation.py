"""A made-up evaluation: two ways on two targets."""

from itertools import product

import numpy as np
import pandas as pd

from affectspace.evaluation.paired import MEAN
from affectspace.evaluation.results import Result, Setting, results_table
from affectspace.report.evaluation import METRICS, few_labels_metric
from affectspace.study.evaluated import FEW_LABELS
from affectspace.study.languages import PROTOCOL

HOSTILE = "<img src=x onerror='window.hacked = 1'>"
LABELS = ("activation", "valence")


def figure(protocol, model, target, label, metric, value):
    setting = Setting(protocol=protocol, source="others", target=target, model=model)
    return Result(
        setting=setting,
        label=label,
        metric=metric,
        value=value,
        low=value - 0.1,
        high=value + 0.1,
        n=90,
        speakers=9,
    )


def results(models=("joint", HOSTILE)):
    """The results table of both protocols."""
    found = []
    for (j, model), label in product(enumerate(models), LABELS):
        for target, metric in product(("near", "far-da", MEAN), METRICS):
            found.append(figure(PROTOCOL, model, target, label, metric, 0.5 - 0.1 * j))
        for target, n in product(("near", "far-da"), (0, 20)):
            metric = few_labels_metric(n)
            found.append(figure(FEW_LABELS, model, target, label, metric, 0.4 + 0.01 * n))
    return results_table(found)


def comparison(models=("joint", HOSTILE)):
    """The first against the second."""
    rows = [
        {"first": models[0], "second": models[1], "target": target, "label": label}
        | {"metric": metric, "value": 0.1, "low": low, "high": 0.2, "n": 90}
        for target, (label, low), metric in product(
            ("near", "far-da", MEAN), zip(LABELS, (0.05, -0.05), strict=True), METRICS
        )
    ]
    return pd.DataFrame(rows)


def choices(models=("joint", HOSTILE)):
    """The second had a choice."""
    rows = [
        {"model": model, "target": target, "choice": "weak", "setting": setting, "inner": inner}
        for model, target in product(models, ("near", "far-da"))
        for setting, inner in (
            [("weak", np.nan)] if model == models[0] else [("weak", 0.5), ("strong", 0.4)]
        )
    ]
    return pd.DataFrame(rows)
