"""Training: many models (folds x objectives x seeds) in one batched pass.

Models that share training rows and seed also share the order of the batches, the noise and the
initial weights, so that objectives are compared like with like. A model comes out the same whether
it is trained alone or among others.
"""

from affectspace.training.batched import standardisation
from affectspace.training.recipe import Loss, Recipe, Run
from affectspace.training.runner import check_device, train

__all__ = ["Loss", "Recipe", "Run", "check_device", "standardisation", "train"]
