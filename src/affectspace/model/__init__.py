"""A trained model in plain NumPy: what it is, what it computes, and its folder.

Training returns an [`AffectModel`][affectspace.model.AffectModel]; to encode, NumPy is enough.
"""

from affectspace.model.affect import AffectModel
from affectspace.model.calibration import Calibration, CollectionScale
from affectspace.model.card import card_header, model_card
from affectspace.model.cautions import Caution
from affectspace.model.check import Finding, check_model
from affectspace.model.config import FORMAT_VERSION
from affectspace.model.contract import adopt, meet
from affectspace.model.folder import (
    check_output,
    read_card,
    read_folder,
    read_metrics,
    save_model,
)
from affectspace.model.network import LABEL_SCALE, OBJECTIVES, Architecture, Layer, Objective
from affectspace.model.onnx import export_onnx
from affectspace.model.probe import Probe
from affectspace.model.sources import find_model, load_model, shipped_models

__all__ = [
    "FORMAT_VERSION",
    "LABEL_SCALE",
    "OBJECTIVES",
    "AffectModel",
    "Architecture",
    "Calibration",
    "Caution",
    "CollectionScale",
    "Finding",
    "Layer",
    "Objective",
    "Probe",
    "adopt",
    "card_header",
    "check_model",
    "check_output",
    "export_onnx",
    "find_model",
    "load_model",
    "meet",
    "model_card",
    "read_card",
    "read_folder",
    "read_metrics",
    "save_model",
    "shipped_models",
]
