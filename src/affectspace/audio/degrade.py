"""What recordings suffer on their way: another level, noise, the telephone, a lossy codec.

To train on speech as it comes (augmentation), and to measure how far estimates move.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from affectspace.audio.checks import clip, level
from affectspace.audio.signal import SAMPLING_RATE

Samples = NDArray[np.float32]
Codec = Literal["mp3", "telephone"]

_TELEPHONE_RATE = 8_000  # Hz
_TELEPHONE_FROM = 300.0  # Hz; ITU-T G.712 lets 300 to 3400 Hz pass
_TELEPHONE_TO = 3400.0
_MU = 255.0  # of ITU-T G.711, as used in North America and Japan
_MP3_BITRATES = (160, 8)  # kbit/s: what libsndfile's levels 0 and 1 stand for at 16 kHz


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """A way to make a recording worse; ranges are drawn from anew for each recording.

    The draw depends on the recording's samples and the seed only, so it's the same in every run and
    in whichever order recordings come.

    Attributes:
        gain: dB, lowest and highest; what overshoots full scale is clipped.
        snr: dB of the signal's level over that of pink noise, lowest and highest.
        codecs: of which one is drawn: `telephone` (300 to 3400 Hz, 8 kHz, mu-law), `mp3`
            (64 kbit/s).
        seed: of the draws.

    Examples:
        >>> speech = np.sin(np.arange(16000, dtype=np.float32)) / 2
        >>> round(float(level(Degradation(gain=(-20, -20))(speech)) - level(speech)), 1)
        -20.0
    """

    gain: tuple[float, float] | None = None
    snr: tuple[float, float] | None = None
    codecs: tuple[Codec, ...] = ()
    seed: int = 0

    def __call__(self, samples: Samples) -> Samples:
        """Apply it: noise first, then the codec, the gain last.

        Args:
            samples: shape (n,), 16 kHz, in [-1, 1].

        Returns:
            Shape (n,), in [-1, 32767/32768].
        """
        content = zlib.crc32(np.ascontiguousarray(samples).tobytes())
        random = np.random.default_rng([self.seed, content])
        if self.snr is not None:
            samples = add_noise(samples, random.uniform(*self.snr), random=random)
        if self.codecs:
            samples = _CODECS[self.codecs[random.integers(len(self.codecs))]](samples)
        if self.gain is not None:
            samples = amplify(samples, random.uniform(*self.gain))
        return clip(samples)


def amplify(samples: Samples, db: float) -> Samples:
    """Change the level by so many dB, and clip what overshoots.

    Args:
        samples: shape (n,).
        db: the gain.
    """
    return clip(samples * np.float32(10 ** (db / 20)))


def add_noise(samples: Samples, snr: float, *, random: np.random.Generator) -> Samples:
    """Add pink noise (its power falls with frequency, 3 dB per octave).

    Args:
        samples: shape (n,).
        snr: level of the signal over that of the noise, both over the whole recording, in dB.
        random: where the noise is drawn from.

    Returns:
        Shape (n,), not clipped.
    """
    size = len(samples)
    spectrum = np.fft.rfft(random.standard_normal(size))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    return mix_at(samples, np.fft.irfft(spectrum, size).astype(np.float32), snr)


def mix_at(samples: Samples, noise: Samples, snr: float) -> Samples:
    """Add a noise at a level below that of a signal, in dB; shape (n,) both, not clipped."""
    wanted = level(samples) - snr
    mixed: Samples = samples + noise * np.float32(10 ** ((wanted - level(noise)) / 20))
    return mixed


def telephone(samples: Samples) -> Samples:
    """Pass a signal through a telephone: 300 to 3400 Hz, 8 kHz, 8 bits of mu-law.

    Args:
        samples: shape (n,), 16 kHz, in [-1, 1].

    Returns:
        Shape (n,), 16 kHz.
    """
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLING_RATE)
    spectrum[(hertz < _TELEPHONE_FROM) | (hertz > _TELEPHONE_TO)] = 0
    band = np.fft.irfft(spectrum, len(samples)).astype(np.float32)
    narrow = np.clip(soxr.resample(band, SAMPLING_RATE, _TELEPHONE_RATE, quality="HQ"), -1, 1)
    companded = np.sign(narrow) * np.log1p(_MU * np.abs(narrow)) / np.log1p(_MU)
    coarse = np.round(companded * 127) / 127
    heard = np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(_MU)) / _MU
    wide = soxr.resample(heard.astype(np.float32), _TELEPHONE_RATE, SAMPLING_RATE, quality="HQ")
    return _fitted(wide, len(samples))


def mp3(samples: Samples, *, kbps: int = 64) -> Samples:
    """Code a signal as MP3 and decode it again.

    Args:
        samples: shape (n,), 16 kHz, in [-1, 1].
        kbps: constant bit rate, from 8 to 160 kbit/s.

    Returns:
        Shape (n,), 16 kHz; some ms later than the original, as the coder has a delay.
    """
    decoded = soundfile.read(io.BytesIO(mp3_file(samples, kbps=kbps)), dtype="float32")[0]
    return _fitted(decoded, len(samples))


def mp3_file(samples: Samples, *, kbps: int = 64) -> bytes:
    """Code a signal as an MP3 file; arguments as for `mp3`."""
    highest, lowest = _MP3_BITRATES
    coded = io.BytesIO()
    soundfile.write(
        coded,
        samples,
        SAMPLING_RATE,
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=(highest - kbps) / (highest - lowest),
    )
    return coded.getvalue()


_CODECS = {"mp3": mp3, "telephone": telephone}


def _fitted(samples: Samples, size: int) -> Samples:
    """Cut or pad with zeros to a length."""
    return np.pad(samples[:size], (0, max(0, size - len(samples))))
