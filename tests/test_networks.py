"""What the networks of a recipe hear."""

from dataclasses import replace

import numpy as np
import pytest

from affectspace.study.networks import fit_networks
from affectspace.study.recipes import ModelRecipe
from affectspace.training import Recipe
from affectspace.training.teacher import Teacher
from test_teacher import made_material

NOBODY: frozenset[str] = frozenset()
RECIPE = ModelRecipe(training=Recipe(hidden=(), epochs=60, learning_rate=1e-2, clip=4.0))


@pytest.mark.parametrize("part", [{}, {"typical": True}, {"teacher": Teacher()}])
def test_a_copy_that_hardly_counts_hardly_shapes_the_space(part):
    material = made_material(slopes=(0.0, 0.0))
    n = len(material.rows)
    values = material.values.copy()
    values[n:, 0] *= -1  # what tells activation as recorded tells the opposite in the copy
    material = replace(material, values=values)
    recipe = replace(RECIPE, **part)

    def follows(recipe):
        (model,) = fit_networks(material, recipe, [NOBODY])
        axis = model.predict(material.as_recorded)["activation"]
        return np.corrcoef(axis, material.rows["activation"])[0, 1]

    assert follows(replace(recipe, copies_weigh=0.01)) > 0.6
    assert abs(follows(recipe)) < 0.3


def test_several_networks_are_those_of_as_many_seeds_averaged():
    material = made_material(slopes=(0.0, 0.0))
    gone = [NOBODY, frozenset({"c1"})]
    recipe = replace(RECIPE, training=Recipe(hidden=(4,), epochs=2, clip=4.0))
    found = fit_networks(material, replace(recipe, networks=2, seed=5), gone)
    single = [fit_networks(material, replace(recipe, seed=seed), gone) for seed in (5, 6)]
    x = material.as_recorded
    for model, one, other in zip(found, *single, strict=True):
        wanted = (one.encode(x) + other.encode(x)) / 2
        np.testing.assert_allclose(model.encode(x), wanted, atol=1e-4)
