"""What is measured on a signal, and the limits beyond which it can't be used: pure functions.

The limits were set on 3,763 recordings of five corpora (EMO-DB, URDU, EmoTale, RAVDESS, EMOVO) so
that they leave real speech alone; the range that was met stands beside each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affectspace.audio.status import Status
from affectspace.errors import AudioError

Samples = NDArray[np.float32]

SHORTEST = 0.2  # s; below, openSMILE's functionals are zeros that look plausible
SILENT_BELOW = -80.0  # dBFS without the offset; RAVDESS goes down to -64
CLIPPED_FROM = 0.1  # share of samples at full scale; URDU goes up to 0.012
FULL_SCALE = 0.99  # 8 bit ends at 0.992
CANCELS_BELOW = (
    0.5  # energy of the mean against that of unrelated channels; 0.5: stereo at r = -0.5
)

_SURELY = 10 ** (SILENT_BELOW / 10 + 0.1)  # mean square, 1 dB above the limit

HIGHEST = np.float32(32767 / 32768)


def clip(samples: Samples) -> Samples:
    """Limit samples to what 16 bits can say, [-1, 32767/32768]; the same array where they are so.

    opensmile-python casts to 16 bits without clipping, so that +1.0 becomes -1.0: of 400 URDU files
    66 overshoot when resampled, and the median of these gets 17 of 88 features wrong by over 5 %.
    """
    if len(samples) and samples.max() <= HIGHEST and samples.min() >= -1:
        return samples
    return np.clip(samples, np.float32(-1), HIGHEST)


def level(samples: Samples) -> float:
    """Return the root mean square in dB of full scale; -inf for zeros."""
    power = float(np.dot(samples, samples)) / len(samples)
    return 10 * float(np.log10(power)) if power > 0 else float("-inf")


def scale_to_level(samples: Samples, dbfs: float) -> Samples:
    """Scale a signal to a level, then clip it.

    Args:
        samples: shape (n,), in [-1, 1].
        dbfs: the root mean square to reach, in dB of full scale, below 0. Clipping lowers it again
            where peaks are high.

    Returns:
        Shape (n,), in [-1, 32767/32768]; zeros stay zeros.

    Examples:
        >>> tone = np.sin(np.arange(16000, dtype=np.float32))
        >>> round(level(scale_to_level(tone, -26.0)), 2)
        -26.0
    """
    now = level(samples)
    if now == float("-inf"):
        return samples
    return clip(samples * np.float32(10 ** ((dbfs - now) / 20)))


def mix(samples: Samples, channel: str | int, *, may_cancel: bool = False) -> Samples:
    """Apply the channel rule.

    Args:
        samples: shape (n, channels), n > 0.
        channel: `first`, `mean`, or the channel's number, from 0.
        may_cancel: whether channels that cancel in their mean are let through.

    Returns:
        Shape (n,).

    Raises:
        AudioError: `no_channel`, `not_finite`, or, for `mean`, `antiphase`.
    """
    channels = samples.shape[1]
    if channel == "mean" and channels > 1:
        _check_finite(samples)
        mixed: Samples = samples.mean(axis=1, dtype=np.float32)
        if may_cancel:
            return mixed
        unrelated = float(np.square(samples, dtype=np.float64).mean()) / channels
        if float(np.square(mixed, dtype=np.float64).mean()) < CANCELS_BELOW * unrelated:
            raise AudioError(
                Status.ANTIPHASE,
                f"{Status.ANTIPHASE.sentence}; read one of the {channels} channels instead",
            )
        return mixed
    number = channel if isinstance(channel, int) else 0
    if not 0 <= number < channels:
        raise AudioError(
            Status.NO_CHANNEL, f"there is no channel {number}: the recording has {channels}"
        )
    picked = np.ascontiguousarray(samples[:, number])
    _check_finite(picked)
    return picked


def clipped_share(samples: Samples) -> float:
    """Return the share of samples at full scale, and check that it isn't heavy.

    Raises:
        AudioError: `clipped`.
    """
    if samples.max() < FULL_SCALE and samples.min() > -FULL_SCALE:
        return 0.0
    share = np.count_nonzero(np.abs(samples) >= FULL_SCALE) / len(samples)
    if share >= CLIPPED_FROM:
        peak = float(np.abs(samples).max())
        over = f", the peak at {peak:.4g} times full scale" if peak > 2 else ""
        raise AudioError(
            Status.CLIPPED,
            f"{Status.CLIPPED.sentence}: {share:.0%} are{over}",
        )
    return share


def check_length(frames: int, sampling_rate: int) -> None:
    """Check that there is enough to measure.

    Raises:
        AudioError: `empty` or `too_short`.
    """
    if frames == 0:
        raise AudioError(Status.EMPTY, Status.EMPTY.sentence)
    if frames < SHORTEST * sampling_rate:
        raise AudioError(
            Status.TOO_SHORT,
            f"{Status.TOO_SHORT.sentence}: it lasts {frames / sampling_rate:.3f} s",
        )


def check_sound(samples: Samples) -> None:
    """Check that there is more than an offset.

    Raises:
        AudioError: `silent`.
    """
    n = len(samples)
    power, offset = float(np.dot(samples, samples)) / n, float(samples.sum()) / n
    if power - offset**2 > max(_SURELY, 1e-3 * power):  # spares the sums in double precision
        return
    loudness = level(samples - samples.mean(dtype=np.float64).astype(np.float32))
    if loudness < SILENT_BELOW:
        raise AudioError(
            Status.SILENT,
            f"{Status.SILENT.sentence}: it is {loudness:.0f} dBFS",
        )


def _check_finite(samples: Samples) -> None:
    if not np.isfinite(np.vdot(samples, samples)) and not np.isfinite(samples).all():
        share = 1 - float(np.isfinite(samples).mean())
        raise AudioError(Status.NOT_FINITE, f"{share:.2%} of the samples are NaN or infinite")
