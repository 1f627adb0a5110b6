"""A continuous affect space (activation and valence) for speech, in any language."""

__version__ = "0.1.0"
