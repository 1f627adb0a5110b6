"""Speech-like signals from a source-filter model, and the synthetic speech of the demonstrations.

Nobody speaks here and nothing is said: the signals have the rhythm, the pitch, the formants and the
spectral slope of speech, steered by activation and valence, but no words. They let embedding and
the whole study run where there is no data. What a model scores on them says that the software
works, and nothing about people.
"""

from __future__ import annotations

from affectspace.synthesis.corpora import CORPORA, CorpusRecipe, write_corpora
from affectspace.synthesis.manner import Language, Manner, Speaker, draw_speaker, manner_of
from affectspace.synthesis.recordings import RECORDINGS, write_recordings
from affectspace.synthesis.utterance import Channel, synthesise_utterance

__all__ = [
    "CORPORA",
    "RECORDINGS",
    "Channel",
    "CorpusRecipe",
    "Language",
    "Manner",
    "Speaker",
    "draw_speaker",
    "manner_of",
    "synthesise_utterance",
    "write_corpora",
    "write_recordings",
]
