"""`Segmentation`: how a recording is cut into spans."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

SHORTEST_WINDOW, LONGEST_WINDOW = 0.2, 3_600.0  # s; nothing shorter can be measured
SHORTEST_HOP = 0.05  # s


@dataclass(frozen=True)
class Segmentation:
    """How a recording is cut.

    Attributes:
        kind: `none`, the recording as it is; `speech`, spans in which somebody speaks; `windows`,
            spans of one length.
        seconds: how long a window is; above 0.2. Only for windows.
        hop: from the start of a window to that of the next, from 0.05 s; as long as the window
            unless it's given. Windows overlap where it is shorter, and leave gaps where it is
            longer.

    Raises:
        ValueError: when the three don't fit together.
    """

    kind: Literal["none", "speech", "windows"] = "none"
    seconds: float | None = None
    hop: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("none", "speech", "windows"):
            raise ValueError(f"kind should be 'none', 'speech' or 'windows', and is {self.kind!r}")
        if self.kind != "windows":
            if self.seconds is not None or self.hop is not None:
                raise ValueError(f"seconds and hop are for windows, not for {self.kind!r}")
            return
        if self.seconds is None:
            raise ValueError("windows need their length in seconds")
        if self.hop is None:
            object.__setattr__(self, "hop", self.seconds)
        if not SHORTEST_WINDOW < self.seconds <= LONGEST_WINDOW:
            raise ValueError(
                f"a window should be longer than {SHORTEST_WINDOW:g} s and at most "
                f"{LONGEST_WINDOW:g} s long, and is {self.seconds:g} s"
            )
        if self.hop is None or not SHORTEST_HOP <= self.hop <= LONGEST_WINDOW:
            raise ValueError(
                f"the hop should be from {SHORTEST_HOP:g} to {LONGEST_WINDOW:g} s, and is "
                f"{self.hop:g} s"
            )

    @classmethod
    def parse(cls, text: str) -> Segmentation:
        """Read a segmentation from a word.

        Args:
            text: `none`, `speech`, `SECONDS` or `SECONDS:HOP`.

        Raises:
            ValueError: when it is none of these, or a number is out of range.

        Examples:
            >>> Segmentation.parse("5:2.5")
            Segmentation(kind='windows', seconds=5.0, hop=2.5)
            >>> str(Segmentation.parse("5")), str(Segmentation.parse("speech"))
            ('5', 'speech')
        """
        word = text.strip().lower()
        if word in ("none", "speech"):
            return cls("none" if word == "none" else "speech")
        numbers = [_number(part) for part in word.split(":")]
        if len(numbers) > 2 or any(math.isnan(number) for number in numbers):
            raise ValueError(
                "a segmentation is 'none', 'speech', SECONDS or SECONDS:HOP, such as 5 or 5:2.5; "
                f"this is {text!r}"
            )
        return cls("windows", *numbers)

    def __str__(self) -> str:
        """The word that `parse` reads."""
        if self.kind != "windows":
            return self.kind
        return f"{self.seconds:g}" + ("" if self.hop == self.seconds else f":{self.hop:g}")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
