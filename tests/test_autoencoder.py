"""The network: its sizes, its initial weights, alone and stacked."""

import numpy as np
import pytest
import torch

from affectspace.autoencoder import Autoencoder
from affectspace.model import Architecture

SIZES = Architecture(n_features=46)


def generators(count):
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_published_sizes():
    network = Autoencoder(SIZES)
    widths = [tuple(weight.shape) for weight in network.weights]
    assert widths == [
        *((46, 40), (40, 20), (20, 10), (10, 2)),
        *((2, 10), (10, 20), (20, 40), (40, 46)),
    ]
    assert [tuple(bias.shape) for bias in network.biases] == [(1, out) for _, out in widths]


def test_published_activations():
    assert [layer.relu for layer in SIZES.encoder] == [True, True, True, False]
    assert [layer.relu for layer in SIZES.decoder] == [False, True, False, False]


def test_forward_equals_the_layers_written_out():
    network = Autoencoder(SIZES, generators=generators(1))
    x = torch.randn(5, 46, generator=torch.Generator().manual_seed(9))
    w, b = list(network.weights), list(network.biases)
    hidden = x
    for i in range(3):
        hidden = (hidden @ w[i] + b[i]).clamp(min=0)
    z = hidden @ w[3] + b[3]
    hidden = ((z @ w[4] + b[4]) @ w[5] + b[5]).clamp(min=0)
    rebuilt = (hidden @ w[6] + b[6]) @ w[7] + b[7]
    found = network(x)
    torch.testing.assert_close(found[0], z)
    torch.testing.assert_close(found[1], rebuilt)
    torch.testing.assert_close(network.encode(x), z)
    torch.testing.assert_close(network.decode(z), rebuilt)


def test_stacked_equals_alone():
    stack = Autoencoder(SIZES, models=3, generators=generators(3))
    x = torch.randn(3, 11, 46, generator=torch.Generator().manual_seed(9))
    z, rebuilt = stack(x)
    assert z.shape == (3, 11, 2)
    for i, generator in enumerate(generators(3)):
        alone = Autoencoder(SIZES, generators=[generator])
        torch.testing.assert_close(z[i], alone(x[i])[0])
        torch.testing.assert_close(rebuilt[i], alone(x[i])[1])


def test_initial_weights_fill_the_range_of_a_linear_layer():
    network = Autoencoder(SIZES, models=50, generators=generators(50))
    for layer, weight, bias in zip(
        SIZES.encoder + SIZES.decoder, network.weights, network.biases, strict=True
    ):
        bound = layer.inputs**-0.5
        for tensor in (weight, bias):
            values = tensor.detach().numpy()
            assert np.abs(values).max() <= bound
            assert values.std() == pytest.approx(bound / 3**0.5, rel=0.15)
            assert values.mean() == pytest.approx(0, abs=0.15 * bound)


def test_gradients_reach_every_weight():
    network = Autoencoder(SIZES, models=2, generators=generators(2))
    z, rebuilt = network(torch.ones(2, 4, 46))
    (z.sum() + rebuilt.sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(("models", "count"), [(None, 2), (3, 2), (1, 0)])
def test_as_many_generators_as_models(models, count):
    with pytest.raises(ValueError, match="need as many generators"):
        Autoencoder(SIZES, models=models, generators=generators(count))
