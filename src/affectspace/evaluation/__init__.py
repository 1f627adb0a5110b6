"""How good a space is: metrics, intervals over speakers, leak checks, and the protocols.

Every protocol returns [`Result`][affectspace.evaluation.results.Result]s, which
[`results_table`][affectspace.evaluation.results.results_table] puts into one tidy table. Needs the
extra `train`, for scipy and scikit-learn, but not torch.
"""

from affectspace.evaluation.classification import Probe, probe_uar, score_classification
from affectspace.evaluation.consistency import Space, score_consistency
from affectspace.evaluation.energy import MatchedEnergy, matched_energy
from affectspace.evaluation.groups import score_groups
from affectspace.evaluation.intervals import (
    Difference,
    Interval,
    Resampling,
    bootstrap_difference,
    bootstrap_interval,
)
from affectspace.evaluation.leaks import Leak, shared_speakers, speaker_leak
from affectspace.evaluation.metrics import (
    adjusted_r2,
    adjusted_r2_pairs,
    adjusted_r2_pvalue,
    bias,
    ccc,
    kendall,
    mae,
    offset,
    pearson,
    slope,
    uar,
)
from affectspace.evaluation.results import (
    Result,
    Setting,
    check_results,
    concat_results,
    measure,
    read_results,
    results_table,
    summarise_results,
    write_results,
)
from affectspace.evaluation.transfer import score_transfer

__all__ = [
    "Difference",
    "Interval",
    "Leak",
    "MatchedEnergy",
    "Probe",
    "Resampling",
    "Result",
    "Setting",
    "Space",
    "adjusted_r2",
    "adjusted_r2_pairs",
    "adjusted_r2_pvalue",
    "bias",
    "bootstrap_difference",
    "bootstrap_interval",
    "ccc",
    "check_results",
    "concat_results",
    "kendall",
    "mae",
    "matched_energy",
    "measure",
    "offset",
    "pearson",
    "probe_uar",
    "read_results",
    "results_table",
    "score_classification",
    "score_consistency",
    "score_groups",
    "score_transfer",
    "shared_speakers",
    "slope",
    "speaker_leak",
    "summarise_results",
    "uar",
    "write_results",
]
