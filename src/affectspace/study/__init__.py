"""The study from paths to a folder of results, and single models from paths to a model folder."""

from affectspace.study.evaluate import run_evaluation
from affectspace.study.evaluated import Evaluation
from affectspace.study.inputs import Corpus, Extraction, read_corpus
from affectspace.study.recipes import RECIPES, ModelRecipe
from affectspace.study.run import run_study
from affectspace.study.train import train_model

__all__ = [
    "RECIPES",
    "Corpus",
    "Evaluation",
    "Extraction",
    "ModelRecipe",
    "read_corpus",
    "run_evaluation",
    "run_study",
    "train_model",
]
