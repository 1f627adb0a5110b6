"""Networks averaged to one, against the mean of what they give."""

from dataclasses import replace

import numpy as np
import pytest

from affectspace.model import OBJECTIVES, load_model, save_model
from affectspace.training import Recipe, Run, train
from affectspace.training.average import averaged

X = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32)
LABELS = {"activation": 3 + X[:, 0], "valence": 3 + X[:, 1]}


def trained(seeds=(0, 1, 2), rows=60, **settings):
    runs = [Run(objective=OBJECTIVES["joint"], rows=np.arange(rows), seed=seed) for seed in seeds]
    return train(X, LABELS, runs, recipe=Recipe(epochs=2, clip=2.0, **settings))


@pytest.mark.parametrize(
    "settings",
    [{"hidden": ()}, {"hidden": (5,)}, {"hidden": (6, 4, 3)}, {"hidden": (4,), "skip": True}],
)
def test_the_embedding_and_what_it_is_decoded_to_are_the_means(settings):
    models = trained(**settings)
    found = averaged(models)
    z = np.mean([model.encode(X) for model in models], axis=0)
    np.testing.assert_allclose(found.encode(X), z, atol=1e-5)
    decoded = np.mean([model.decode(z) for model in models], axis=0)
    np.testing.assert_allclose(found.decode(z), decoded, atol=1e-5)
    estimates = np.mean([model.predict(X) for model in models], axis=0)
    np.testing.assert_allclose(found.predict(X), estimates, atol=1e-5)
    assert found.architecture.hidden == tuple(3 * width for width in settings["hidden"])
    assert found.record["networks"] == 3


def test_an_averaged_model_is_a_plain_folder(tmp_path):
    found = averaged(trained())
    save_model(found, tmp_path / "m")
    np.testing.assert_allclose(load_model(tmp_path / "m").predict(X), found.predict(X), atol=1e-5)


def test_one_network_stays_as_it_is_and_others_are_refused():
    (model,) = trained(seeds=(0,))
    assert averaged([model]) is model
    for other in (
        trained(seeds=(1,), rows=50)[0],
        trained(seeds=(1,), hidden=(3,))[0],
        replace(model, objective=OBJECTIVES["metric-act"], offsets={"activation": 0.0}),
    ):
        with pytest.raises(ValueError, match="can be averaged"):
            averaged([model, other])
