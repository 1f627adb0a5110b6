"""Where a recording lands: one that is handed over is embedded in a process of its own."""

from __future__ import annotations

import io
import math
from typing import Any

from affectspace.audio import AudioFile
from affectspace.errors import AudioError
from affectspace.model import AffectModel, Caution
from affectspace.web.embedders import PATIENCE, Embedders, NotEmbeddedError, Places

LONGEST = 120.0  # s; more is no utterance, and a mean over it says little
MOST_CHANNELS = 8
SOURCE_LIMIT = 25 * 2**20  # bytes of a file
WAITING = 4  # requests at once, the one that is worked on among them

_OUTSIDE = ("truncated",)


def land(model: AffectModel, content: bytes) -> dict[str, Any]:
    """Embed a recording that is in memory.

    Args:
        model: embeds it.
        content: the bytes of an audio file.

    Returns:
        The row of an embedding table, by column, with None for NaN; `caution` is a list of words,
        and `meanings` says what they mean. A file that can't be scored has its status and message.

    Raises:
        NotEmbeddedError: when it is too long.
    """
    try:
        with AudioFile(io.BytesIO(content)) as audio:
            begin, stop = audio.extent()
            if stop - begin > LONGEST:
                raise NotEmbeddedError(
                    f"This recording lasts {stop - begin:.0f} s, and more than {LONGEST:.0f} s "
                    "isn't taken here: `affectspace embed --segment speech` cuts it into spans",
                    "too_long",
                )
            samples, rate = audio.read(0.0, stop)
    except AudioError as error:
        return {"status": str(error.status), "message": str(error), "caution": [], "meanings": {}}
    table = model.embed((samples[:, :MOST_CHANNELS].T, rate), jobs=1, cache=False)
    return _plain({str(name): value for name, value in table.iloc[0].items()})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    words = [word for word in str(row.pop("caution", "")).split(";") if word]
    plain: dict[str, Any] = {}
    for name, value in row.items():
        if name in _OUTSIDE:
            continue
        number = isinstance(value, float) or hasattr(value, "dtype")
        plain[name] = (float(value) if math.isfinite(value) else None) if number else str(value)
    meanings = {word: Caution(word).sentence for word in words}
    return {**plain, "caution": words, "meanings": meanings}


class Lander:
    """Embeds one recording after the other in a worker process, which starts with the first.

    Args:
        model: the model's name, folder or source, as [`load_model`][affectspace.load_model] takes.
        patience: seconds that one recording may take.
    """

    def __init__(self, model: str, *, patience: float = PATIENCE) -> None:
        self.embedders = Embedders(model, patience=patience)
        self.places = Places(
            WAITING, "Several recordings are being embedded already; wait a moment"
        )

    def land(self, content: bytes) -> dict[str, Any]:
        """Return what [`land`][affectspace.web.explore.landing.land] returns.

        Raises:
            BusyError: when several wait already.
            NotEmbeddedError: when the recording is too long, takes too long, or ends the process.
        """
        with self.places.one():
            row: dict[str, Any] = self.embedders.submit(land, lambda: (content,)).result()
        return row

    def close(self) -> None:
        """End the process."""
        self.embedders.close()
