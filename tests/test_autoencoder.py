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
    shapes = {name: tuple(tensor.shape) for name, tensor in Autoencoder(SIZES).tensors().items()}
    widths = {name: shape for name, shape in shapes.items() if name.endswith("weight")}
    assert list(widths.values()) == [
        *((46, 40), (40, 20), (20, 10), (10, 2)),
        *((2, 10), (10, 20), (20, 40), (40, 46)),
    ]
    for name, (_, outputs) in widths.items():
        assert shapes[name.replace("weight", "bias")] == (1, outputs)


def test_published_activations():
    assert [layer.relu for layer in SIZES.encoder] == [True, True, True, False]
    assert [layer.relu for layer in SIZES.decoder] == [False, True, False, False]


def test_forward_equals_the_layers_written_out():
    network = Autoencoder(SIZES, generators=generators(1))
    x = torch.randn(5, 46, generator=torch.Generator().manual_seed(9))
    tensors = list(network.tensors().values())
    w, b = tensors[0::2], tensors[1::2]
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


def test_a_shortcut_is_added_and_changes_no_other_weight():
    sizes = Architecture(n_features=46, skip=True)
    stack = Autoencoder(sizes, models=2, generators=generators(2))
    plain = Autoencoder(SIZES, models=2, generators=generators(2))
    shortcut = stack.tensors()["encoder.skip.weight"]
    assert shortcut.shape == (2, 46, 2)
    x = torch.randn(2, 11, 46, generator=torch.Generator().manual_seed(9))
    torch.testing.assert_close(stack.encode(x), plain.encode(x) + x @ shortcut)
    torch.testing.assert_close(stack.decode(stack.encode(x)), plain.decode(stack.encode(x)))
    alone = Autoencoder(sizes, generators=generators(1))
    torch.testing.assert_close(stack(x)[0][0], alone(x[0])[0])


def test_without_hidden_layers_it_is_linear():
    network = Autoencoder(Architecture(n_features=46, hidden=()), generators=generators(1))
    x = torch.randn(5, 46, generator=torch.Generator().manual_seed(9))
    z, rebuilt = network(x)
    double, doubled = network(2 * x)
    nothing, offset = network(0 * x)
    torch.testing.assert_close(double - nothing, 2 * (z - nothing))
    torch.testing.assert_close(doubled - offset, 2 * (rebuilt - offset))


def test_initial_weights_fill_the_range_of_a_linear_layer():
    network = Autoencoder(SIZES, models=50, generators=generators(50))
    tensors = network.tensors()
    for layer in SIZES.encoder + SIZES.decoder:
        bound = layer.inputs**-0.5
        for part in ("weight", "bias"):
            values = tensors[f"{layer.name}.{part}"].detach().numpy()
            assert np.abs(values).max() <= bound
            assert values.std() == pytest.approx(bound / 3**0.5, rel=0.15)
            assert values.mean() == pytest.approx(0, abs=0.15 * bound)


def test_gradients_reach_every_weight():
    network = Autoencoder(SIZES, models=2, generators=generators(2))
    z, rebuilt = network(torch.ones(2, 4, 46))
    (z.sum() + rebuilt.sum()).backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.any() for gradient in gradients)


@pytest.mark.parametrize(("models", "count"), [(None, 2), (3, 2), (1, 0)])
def test_as_many_generators_as_models(models, count):
    with pytest.raises(ValueError, match="need as many generators"):
        Autoencoder(SIZES, models=models, generators=generators(count))
