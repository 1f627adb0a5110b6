"""The closed list of what a recording can be: usable, or not, and why."""

from __future__ import annotations

from enum import StrEnum

from affectspace.errors import how_to_install


class Status(StrEnum):
    """What came of one recording, or of one row of a table.

    Every member is a plain word that goes into a table, and has a `sentence` for people, which
    stands beside the word and doesn't repeat it.

    Examples:
        >>> Status("too_short").sentence
        'shorter than 0.2 s'
    """

    OK = "ok"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NEEDS_AV = "needs_av"
    EMPTY = "empty"
    SAMPLING_RATE = "sampling_rate"
    BAD_SPAN = "bad_span"
    NO_CHANNEL = "no_channel"
    TOO_SHORT = "too_short"
    NOT_FINITE = "not_finite"
    ANTIPHASE = "antiphase"
    SILENT = "silent"
    CLIPPED = "clipped"
    UNVOICED = "unvoiced"
    NO_SPEECH = "no_speech"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        """What the word means, ready to stand in a message."""
        return _SENTENCES[self]


UNHEARD = (Status.MISSING, Status.UNREADABLE, Status.NEEDS_AV, Status.EMPTY, Status.BAD_SPAN)
"""Of these there is no sound that somebody could listen to."""

_SENTENCES = {
    Status.OK: "usable",
    Status.MISSING: "there is no such file",
    Status.UNREADABLE: "the file can't be read as audio",
    Status.NEEDS_AV: f"the format needs PyAV: {how_to_install('av')}",
    Status.EMPTY: "there are no samples",
    Status.SAMPLING_RATE: "outside 8 to 192 kHz",
    Status.BAD_SPAN: "start and end don't fit the recording",
    Status.NO_CHANNEL: "there is no such channel",
    Status.TOO_SHORT: "shorter than 0.2 s",
    Status.NOT_FINITE: "some values are NaN or infinite",
    Status.ANTIPHASE: "the channels cancel in their mean",
    Status.SILENT: "the level is below -80 dBFS",
    Status.CLIPPED: "10% of the samples or more are at full scale",
    Status.UNVOICED: "nothing has a pitch",
    Status.NO_SPEECH: "nothing sounds like speech",
    Status.FAILED: "features could not be computed",
}
