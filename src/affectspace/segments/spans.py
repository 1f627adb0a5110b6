"""From probabilities of speech, or a duration, to spans: pure functions.

All lengths are counted in frames of 32 ms, so that no rounding makes a span longer than allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

FRAME = 0.032  # s, of a probability
ENTER, LEAVE = 0.5, 0.35  # speech begins at the one and ends below the other
LEAST_SILENCE = 0.1  # s; shorter ones are part of speech
LEAST_SPEECH = 0.25  # s; shorter ones are none
PADDING = 0.1  # s of what is around speech: soft beginnings and ends
NEAR = 0.3  # s; spans so near are joined, which is a pause of 0.5 s with the padding
NEAR_TO_SHORT = 1.0  # s; the same for a span that is shorter than wanted
PLAY = 0.25  # of a part's length, by which a cut may be off the even place

Spans = list[tuple[float, float]]
_Frames = list[tuple[int, int]]


def speech_spans(
    probabilities: ArrayLike, *, shortest: float, longest: float, duration: float | None = None
) -> Spans:
    """Turn probabilities of speech into spans that fit what a model was trained on.

    Speech begins where the probability reaches 0.5 and ends where it falls below 0.35 for 0.1 s.
    Spans are padded by 0.1 s; near ones are joined, nearest first, as long as the result isn't too
    long; too long ones are cut where speech is least probable, near even parts.

    Args:
        probabilities: one per 32 ms, shape (n,), 0 to 1.
        shortest: in seconds. Spans that are shorter are joined with others up to 1 s away; those
            that stay shorter come back all the same.
        longest: in seconds, at least 0.2 and at least `shortest`; no span is longer.
        duration: of the recording, in seconds; no span ends later. None is that of all frames.

    Returns:
        Start and end of each span in seconds: in order, without overlap, within the recording.

    Raises:
        ValueError: when `shortest` and `longest` don't fit.

    Examples:
        >>> speech_spans([0] * 50 + [1] * 50 + [0] * 50, shortest=1, longest=10)
        [(1.504, 3.296)]
    """
    if not (0 <= shortest <= longest and longest >= 0.2 and math.isfinite(longest)):
        raise ValueError(
            "expected 0 <= shortest <= longest and longest from 0.2 s, got "
            f"{shortest:g} and {longest:g} s"
        )
    values = np.asarray(probabilities, dtype=np.float64)
    most = int(longest / FRAME + 1e-9)
    padded = _padded(_runs(values), len(values))
    joined = _joined(padded, shortest / FRAME, most)
    cut = [part for span in joined for part in _cut(*span, values, most)]
    limit = len(values) * FRAME if duration is None else duration
    times = [(round(a * FRAME, 6), min(round(b * FRAME, 6), limit)) for a, b in cut]
    return [(start, end) for start, end in times if end > start]


def window_spans(duration: float, seconds: float, hop: float) -> Spans:
    """Cut a duration into windows.

    Windows start at 0, `hop`, 2 `hop`, ... The last, shorter one counts when it is at least half a
    window long. Otherwise the one before it lasts until the end, unless there is a gap between
    them. So every moment is in a window as long as windows don't leave gaps; a recording that is
    shorter than a window is one.

    Args:
        duration: in seconds, above 0.
        seconds: the length of a window.
        hop: from one start to the next.

    Returns:
        Start and end of each window in seconds, in order.

    Examples:
        >>> window_spans(12.0, 5.0, 5.0), window_spans(13.0, 5.0, 5.0)
        ([(0.0, 5.0), (5.0, 12.0)], [(0.0, 5.0), (5.0, 10.0), (10.0, 13.0)])
    """
    if duration <= seconds:
        return [(0.0, duration)]
    full = int((duration - seconds) / hop + 1e-9) + 1
    spans = [(_tidy(i * hop), min(_tidy(i * hop + seconds), duration)) for i in range(full)]
    start, end = _tidy(full * hop), spans[-1][1]
    if end < duration:
        if duration - start >= seconds / 2:
            spans.append((start, duration))
        elif start <= end:
            spans[-1] = (spans[-1][0], duration)
    return spans


def _tidy(seconds: float) -> float:
    return round(seconds, 6)


def _runs(probabilities: NDArray[np.float64]) -> _Frames:
    """Find speech by hysteresis; without padding."""
    least_silence, least_speech = round(LEAST_SILENCE / FRAME), round(LEAST_SPEECH / FRAME)
    enters, leaves = probabilities >= ENTER, probabilities < LEAVE
    runs: _Frames = []
    start, silent_from = -1, -1
    for i in np.flatnonzero(enters | leaves):  # between the two nothing changes
        if enters[i]:
            if silent_from >= 0 and i - silent_from >= least_silence:
                runs.append((start, silent_from))
                start = -1
            start, silent_from = (int(i) if start < 0 else start), -1
        elif start >= 0 and silent_from < 0:
            silent_from = int(i)
    if start >= 0:
        runs.append((start, len(probabilities) if silent_from < 0 else silent_from))
    return [(a, b) for a, b in runs if b - a >= least_speech]


def _padded(runs: _Frames, count: int) -> _Frames:
    """Pad each run, up to the middle between neighbours."""
    padding = round(PADDING / FRAME)
    middles = [(end + start) // 2 for (_, end), (start, _) in pairwise(runs)]
    return [
        (max(a - padding, before), min(b + padding, after))
        for (a, b), before, after in zip(runs, [0, *middles], [*middles, count], strict=False)
    ]


def _joined(spans: _Frames, least: float, most: int) -> _Frames:
    """Join near neighbours, nearest first, up to a length."""
    # heads[i] is where the group that ends with span i begins; tails[i] where that of i ends
    heads, tails = list(range(len(spans))), list(range(len(spans)))
    gaps = [start - end for (_, end), (start, _) in pairwise(spans)]
    for i in sorted(range(len(gaps)), key=gaps.__getitem__):
        head, tail = heads[i], tails[i + 1]
        lengths = (spans[i][1] - spans[head][0], spans[tail][1] - spans[i + 1][0])
        near = NEAR_TO_SHORT if min(lengths) < least else NEAR
        if gaps[i] * FRAME < near and spans[tail][1] - spans[head][0] <= most:
            tails[head], heads[tail] = tail, head
    joined, i = [], 0
    while i < len(spans):
        joined.append((spans[i][0], spans[tails[i]][1]))
        i = tails[i] + 1
    return joined


def _cut(start: int, end: int, probabilities: NDArray[np.float64], most: int) -> _Frames:
    """Cut a span into the fewest parts that are short enough, at the weakest places near even."""
    cuts = [start]
    for parts in range(math.ceil((end - start) / most), 1, -1):
        length = (end - cuts[-1]) / parts
        even = cuts[-1] + round(length)
        play = int(PLAY * length)
        # neither this part nor those that remain may get too long
        low = max(even - play, end - (parts - 1) * most, cuts[-1] + 1)
        high = min(even + play, cuts[-1] + most, end - (parts - 1))
        places = np.arange(low, high + 1)
        cuts.append(int(places[_weakest(probabilities, places, even)]))
    return list(zip(cuts, [*cuts[1:], end], strict=True))


def _weakest(
    probabilities: NDArray[np.float64], places: Sequence[int] | NDArray[np.intp], even: int
) -> int:
    """Return which place has the least speech to both sides; among equals the one nearest even."""
    around = np.array([probabilities[max(0, i - 2) : i + 2].mean() for i in places])
    return int(np.lexsort((np.abs(np.asarray(places) - even), around.round(3)))[0])
