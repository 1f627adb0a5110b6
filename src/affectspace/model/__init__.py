"""A trained model in plain NumPy: what it is, what it computes, and its folder.

Training returns an [`AffectModel`][affectspace.model.AffectModel]; to encode, NumPy is enough.
"""

from affectspace.model.affect import AffectModel
from affectspace.model.calibration import Calibration
from affectspace.model.folder import FORMAT_VERSION, load_model, save_model
from affectspace.model.network import LABEL_SCALE, OBJECTIVES, Architecture, Layer, Objective

__all__ = [
    "FORMAT_VERSION",
    "LABEL_SCALE",
    "OBJECTIVES",
    "AffectModel",
    "Architecture",
    "Calibration",
    "Layer",
    "Objective",
    "load_model",
    "save_model",
]
