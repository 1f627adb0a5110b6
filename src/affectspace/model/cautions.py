"""Doubts about an estimate that was made all the same: a closed list, each with its limit."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from affectspace.audio import BAND_LIMITED_BELOW
from affectspace.model.calibration import Calibration
from affectspace.tables import text_column

QUIET_BELOW = -57.0
"""dBFS. Of 3,759 usable recordings of five corpora 0.9 % lie below."""

CLIPPING_FROM = 0.01
"""Share of samples at full scale; from 0.1 on a recording is refused. Of 3,759 recordings one has
as many."""

NOISY_BELOW = 13.0
"""dB. With pink noise 10 dB below the speech, 97 to 100 % of the recordings of five corpora lie
below, and activation moves by 0.13 to 0.18 on average. As they are, 11 % of URDU's do, which are
from television, and 4 of the 3,359 of the four others."""

UNUSUAL_ABOVE = 0.99
"""Unusualness; 1 % of a model's training rows lie above."""


class Caution(StrEnum):
    """A reason to doubt an estimate.

    Every member is a plain word that goes into a table, and has a `sentence` for people.

    Examples:
        >>> Caution("unusual").sentence
        'unlike the speech that the model was trained on'
    """

    SHORT = "short"
    LONG = "long"
    BAND_LIMITED = "band_limited"
    QUIET = "quiet"
    CLIPPING = "clipping"
    NOISY = "noisy"
    TRUNCATED = "truncated"
    UNUSUAL = "unusual"

    @property
    def sentence(self) -> str:
        """What the word means, ready to stand in a message."""
        return _SENTENCES[self]


_SENTENCES = {
    Caution.SHORT: "shorter than all that the model was trained on",
    Caution.LONG: "longer than all that the model was trained on",
    Caution.BAND_LIMITED: f"no sound above {BAND_LIMITED_BELOW / 1000:.1f} kHz, as in telephone "
    "speech",
    Caution.QUIET: f"recorded below {QUIET_BELOW:.0f} dBFS",
    Caution.CLIPPING: f"{CLIPPING_FROM:.0%} of the samples or more are at full scale",
    Caution.NOISY: f"the speech is less than {NOISY_BELOW:.0f} dB above steady noise",
    Caution.TRUNCATED: "the file ends before its header says, as after a download that was cut",
    Caution.UNUSUAL: "unlike the speech that the model was trained on",
}


def cautions(
    rows: pd.DataFrame | Mapping[str, ArrayLike],
    calibration: Calibration | None,
    scored: NDArray[np.bool_],
) -> pd.api.extensions.ExtensionArray:
    """Find the cautions of each row.

    Args:
        rows: with the columns `duration`, `level`, `clipped_share`, `bandwidth`, `snr`, `truncated`
            and `unusualness`, shape (n,) each; what is NaN there gives no caution.
        calibration: the model's, with the durations that it was trained on; None where it has none.
        scored: which rows have an estimate, shape (n,); the others get no caution.

    Returns:
        For each row its words joined by `;`, in the order of
        [`Caution`][affectspace.model.Caution]; empty where there is none.
    """
    shortest, longest = (0.0, np.inf) if calibration is None else calibration.durations
    holds: dict[Caution, Any] = {
        Caution.SHORT: np.asarray(rows["duration"]) < shortest,
        Caution.LONG: np.asarray(rows["duration"]) > longest,
        Caution.BAND_LIMITED: np.asarray(rows["bandwidth"]) < BAND_LIMITED_BELOW,
        Caution.QUIET: np.asarray(rows["level"]) < QUIET_BELOW,
        Caution.CLIPPING: np.asarray(rows["clipped_share"]) >= CLIPPING_FROM,
        Caution.NOISY: np.asarray(rows["snr"]) < NOISY_BELOW,
        Caution.TRUNCATED: np.asarray(rows["truncated"]) > 0,
        Caution.UNUSUAL: np.asarray(rows["unusualness"]) > UNUSUAL_ABOVE,
    }
    found = zip(*(here & scored for here in holds.values()), strict=True)
    words = [
        ";".join(c for c, holds_here in zip(holds, row, strict=True) if holds_here) for row in found
    ]
    texts: pd.api.extensions.ExtensionArray = text_column(words).array
    return texts
