"""The study from paths to a folder of results, and single models from paths to a model folder."""

from affectspace.study.inputs import Corpus, Extraction, read_corpus
from affectspace.study.recipes import RECIPES, ModelRecipe
from affectspace.study.run import run_study
from affectspace.study.train import train_model

__all__ = [
    "RECIPES",
    "Corpus",
    "Extraction",
    "ModelRecipe",
    "read_corpus",
    "run_study",
    "train_model",
]
