"""The figures of the paper, to stand beside ours.

Das et al.: Continuous Metric Learning For Transferable Speech Emotion Recognition and Embedding
Across Low-resource Languages, NLDL 2022, <https://arxiv.org/abs/2203.14867>, Tables 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCE = "iemocap"
"""The corpus that the paper trains on; the figures compare with no other source."""

TABLE1: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        ("unsupervised", "activation"): 0.11,
        ("unsupervised", "valence"): 0.03,
        ("metric-act", "activation"): 0.21,
        ("metric-act", "valence"): 0.06,
        ("metric-val", "activation"): 0.12,
        ("metric-val", "valence"): 0.05,
    }
)
"""Adjusted R² of embedding differences on label differences, by model and label."""

_CORPORA = ("iemocap", "emodb", "cafe", "urdu", "aesdd")
_ROWS = {
    ("unsupervised", "activation"): (0.41, 0.62, 0.41, 0.28, 0.30),
    ("unsupervised", "valence"): (0.05, 0.06, 0.14, 0.14, 0.00),
    ("metric-act", "activation"): (0.49, 0.63, 0.45, 0.33, 0.31),
    ("metric-act", "valence"): (0.05, 0.04, 0.13, 0.14, -0.00),
    ("metric-val", "activation"): (0.40, 0.60, 0.45, 0.37, 0.29),
    ("metric-val", "valence"): (0.11, 0.10, 0.14, 0.17, 0.01),
}

TABLE2: Mapping[tuple[str, str, str], float] = MappingProxyType(
    {
        (model, corpus, label): value
        for (model, label), values in _ROWS.items()
        for corpus, value in zip(_CORPORA, values, strict=True)
    }
)
"""Adjusted R² of the label on the embedding, by model, corpus and label."""
