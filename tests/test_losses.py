"""The continuous metric loss against two plain loops over the pairs."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from affectspace.losses import ContinuousMetricLoss, continuous_metric_loss


def loss_by_loops(embeddings, labels, groups=None, weights=None):
    """The definition: every ordered pair of labelled rows, one after the other."""
    n = len(labels)
    weights = torch.ones(n) if weights is None else weights
    differences = []
    for a in range(n):
        for b in range(n):
            same = groups is None or groups[a] == groups[b]
            if a != b and same and not math.isnan(labels[a]) and not math.isnan(labels[b]):
                z_d = (embeddings[a] - embeddings[b]).mean().item()
                weight = weights[a].item() * weights[b].item()
                differences.append((labels[a].item() - labels[b].item(), z_d, weight))
    along = sum(w * l_d * z_d for l_d, z_d, w in differences)
    slope = along / sum(w * l_d**2 for l_d, _, w in differences)
    squares = sum(w * (z_d - slope * l_d) ** 2 for l_d, z_d, w in differences)
    residual = squares / sum(w for _, _, w in differences)
    return residual + abs(slope - 1), residual, slope


def example(n=24, d=3, *, dtype=torch.float64, seed=0, unlabelled=5):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, 11, (n,), generator=generator).to(dtype) / 2
    embeddings = torch.randn(n, d, generator=generator, dtype=dtype) + 0.7 * labels[:, None]
    labels[:unlabelled] = math.nan
    return embeddings, labels


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_two_loops(dtype, tolerance, seed):
    embeddings, labels = example(dtype=dtype, seed=seed)
    loss, residual, slope = loss_by_loops(embeddings.double(), labels.double())
    found = continuous_metric_loss(embeddings, labels)
    assert found.loss.dtype == dtype
    assert found.loss.item() == pytest.approx(loss, rel=tolerance)
    assert found.residual.item() == pytest.approx(residual, rel=tolerance)
    assert found.slope.item() == pytest.approx(slope, rel=tolerance)


def test_equals_two_loops_within_groups():
    embeddings, labels = example(n=30)
    groups = torch.tensor([7, 2, -1] * 10)
    loss, residual, slope = loss_by_loops(embeddings, labels, groups)
    found = continuous_metric_loss(embeddings, labels, groups=groups)
    assert [x.item() for x in found] == pytest.approx([loss, residual, slope], rel=1e-12)
    assert found.slope != pytest.approx(continuous_metric_loss(embeddings, labels).slope.item())


def random_weights(n, *, dtype=torch.float64, seed=0):
    weights = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    weights[::5] = 0
    return weights


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
@pytest.mark.parametrize("groups", [None, torch.tensor([7, 2, -1] * 10)])
def test_weights_count_pairs_by_their_product(groups, dtype, tolerance):
    embeddings, labels = example(n=30, dtype=dtype)
    weights = random_weights(30, dtype=dtype)
    expected = loss_by_loops(embeddings.double(), labels.double(), groups, weights.double())
    found = continuous_metric_loss(embeddings, labels, groups=groups, weights=weights)
    assert [x.item() for x in found] == pytest.approx(expected, rel=tolerance)
    scaled = continuous_metric_loss(embeddings, labels, groups=groups, weights=1e-3 * weights)
    torch.testing.assert_close(scaled, found)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_weights_of_one_change_no_digit(dtype):
    embeddings, labels = example(n=500, dtype=dtype)
    groups = torch.arange(500) % 3
    plain = continuous_metric_loss(embeddings, labels, groups=groups)
    weights = torch.ones(500, dtype=dtype)
    assert continuous_metric_loss(embeddings, labels, groups=groups, weights=weights) == plain


def test_a_row_of_weight_zero_is_as_good_as_unlabelled():
    embeddings, labels = example(n=30)
    weights = random_weights(30)
    expected = continuous_metric_loss(
        embeddings, labels.masked_fill(weights == 0, math.nan), weights=weights
    )
    embeddings[weights == 0] = math.inf
    embeddings.requires_grad_()
    found = continuous_metric_loss(embeddings, labels, weights=weights)
    assert found == expected
    found.loss.backward()
    assert (embeddings.grad[weights == 0] == 0).all()


def test_each_label_has_weights_of_its_own():
    embeddings, activation = example(n=30)
    labels = torch.stack([activation, activation.flip(0)], dim=1)
    weights = torch.stack([random_weights(30), random_weights(30, seed=1)], dim=1)
    both = continuous_metric_loss(embeddings, labels, weights=weights)
    for i in range(2):
        alone = continuous_metric_loss(
            embeddings[:, i : i + 1], labels[:, i], weights=weights[:, i]
        )
        torch.testing.assert_close(both.slope[i], alone.slope)
        torch.testing.assert_close(both.residual[i], alone.residual)
    shared = continuous_metric_loss(embeddings, labels, weights=weights[:, 0])
    torch.testing.assert_close(
        shared, continuous_metric_loss(embeddings, labels, weights=weights[:, [0, 0]])
    )


@pytest.mark.parametrize("weights", [[0.0] * 24, [0.0] * 23 + [0.7], [1e-9] * 23 + [1e9]])
def test_weights_that_leave_no_pair(weights):
    embeddings, labels = example(unlabelled=0)
    embeddings.requires_grad_()
    found = continuous_metric_loss(embeddings, labels, weights=torch.tensor(weights).double())
    assert found.loss.isfinite()
    found.loss.backward()
    assert embeddings.grad.isfinite().all()
    if weights[0] == 0:
        assert [x.item() for x in found] == [0, 0, 1]


def test_groups_of_one_row_give_no_pair():
    embeddings, labels = example(n=8, unlabelled=0)
    found = continuous_metric_loss(embeddings, labels, groups=torch.arange(8))
    assert found == (0, 0, 1)


def test_a_shift_of_one_group_changes_nothing():
    embeddings, labels = example(n=30)
    groups = torch.tensor([0, 1] * 15)
    shifted = labels + 2 * groups
    moved = embeddings - 9 * groups[:, None]
    torch.testing.assert_close(
        continuous_metric_loss(embeddings, labels, groups=groups),
        continuous_metric_loss(moved, shifted, groups=groups),
    )


@given(
    shift=st.floats(-1e3, 1e3),
    scale=st.floats(0.1, 10),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=25)
def test_shift_and_scale(shift, scale, seed):
    embeddings, labels = example(seed=seed)
    plain = continuous_metric_loss(embeddings, labels)
    moved = continuous_metric_loss(scale * embeddings + shift, labels - shift)
    assert moved.slope.item() == pytest.approx(scale * plain.slope.item(), rel=1e-6)
    assert moved.residual.item() == pytest.approx(scale**2 * plain.residual.item(), rel=1e-6)


def test_order_of_rows_does_not_matter():
    embeddings, labels = example()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        continuous_metric_loss(embeddings[order], labels[order]),
        continuous_metric_loss(embeddings, labels),
    )


def test_zero_exactly_when_linear_with_slope_one():
    _, labels = example(unlabelled=0)
    assert continuous_metric_loss(labels[:, None] + 3, labels).loss.item() < 1e-24


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "labels",
    [
        [3.3] * 7,
        [1e6 + 0.1] * 7,
        [math.nan] * 7,
        [math.nan] * 6 + [2.0],
        [0.0] * 7,
    ],
)
def test_no_contrast_gives_no_loss_and_no_gradient(labels, dtype):
    embeddings, _ = example(n=7, dtype=dtype)
    embeddings.requires_grad_()
    found = continuous_metric_loss(embeddings, torch.tensor(labels, dtype=dtype))
    assert [x.item() for x in found] == [0, 0, 1]
    found.loss.backward()
    assert torch.equal(embeddings.grad, torch.zeros_like(embeddings))


@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row(rows):
    embeddings = torch.zeros(rows, 2, requires_grad=True)
    found = continuous_metric_loss(embeddings, torch.full((rows,), 2.0))
    assert [x.item() for x in found] == [0, 0, 1]
    found.loss.backward()


def test_unlabelled_rows_get_no_gradient_even_where_they_are_not_finite():
    embeddings, labels = example()
    embeddings[0] = math.inf
    embeddings.requires_grad_()
    continuous_metric_loss(embeddings, labels).loss.backward()
    assert (embeddings.grad[labels.isnan()] == 0).all()
    assert embeddings.grad.isfinite().all()


@pytest.mark.parametrize("groups", [None, torch.tensor([0, 1, 1, 0, 2, 2, 2, 0, 1, 0])])
@pytest.mark.parametrize("weights", [None, random_weights(10)])
def test_gradient(groups, weights):
    embeddings, labels = example(n=10, unlabelled=2)
    embeddings.requires_grad_()
    assert gradcheck(
        lambda z: continuous_metric_loss(z, labels, groups=groups, weights=weights).loss, embeddings
    )


def test_gradient_of_several_labels():
    embeddings, labels = example(n=10, unlabelled=2)
    labels = torch.stack([labels, labels.flip(0) ** 2], dim=1)
    embeddings.requires_grad_()
    assert gradcheck(lambda z: continuous_metric_loss(z, labels).loss, embeddings)


def test_several_labels_own_one_dimension_each():
    embeddings, activation = example(d=3)
    valence = activation.flip(0)
    both = continuous_metric_loss(embeddings, torch.stack([activation, valence], dim=1))
    first = continuous_metric_loss(embeddings[:, :1], activation)
    second = continuous_metric_loss(embeddings[:, 1:2], valence)
    torch.testing.assert_close(both.loss, first.loss + second.loss)
    torch.testing.assert_close(both.slope, torch.stack([first.slope, second.slope]))
    torch.testing.assert_close(both.residual, torch.stack([first.residual, second.residual]))


def test_one_column_is_the_same_as_a_vector():
    embeddings, labels = example()
    column = continuous_metric_loss(embeddings, labels[:, None])
    torch.testing.assert_close(column.loss, continuous_metric_loss(embeddings, labels).loss)
    assert column.slope.shape == (1,)


def test_leading_dimensions_are_separate_problems():
    examples = [example(seed=seed) for seed in range(3)]
    embeddings, labels = (torch.stack(x) for x in zip(*examples, strict=True))
    groups = torch.tensor([0, 1] * 12)
    batched = continuous_metric_loss(embeddings, labels, groups=groups)
    for i in range(3):
        alone = continuous_metric_loss(embeddings[i], labels[i], groups=groups)
        torch.testing.assert_close(batched.loss[i], alone.loss)


@pytest.mark.parametrize(
    ("embeddings", "labels"), [((4, 2), (3,)), ((4, 2), (4, 3)), ((4, 2), (4, 2, 1)), ((4,), (4,))]
)
def test_shapes_that_do_not_agree(embeddings, labels):
    with pytest.raises(ValueError, match=r"embeddings of shape|latent dimensions"):
        continuous_metric_loss(torch.zeros(embeddings), torch.zeros(labels))


@pytest.mark.parametrize("weights", [(5,), (4, 3), (1, 4)])
def test_weights_of_another_shape(weights):
    with pytest.raises(ValueError, match="need weights of that shape"):
        continuous_metric_loss(torch.zeros(4, 2), torch.zeros(4, 2), weights=torch.ones(weights))


def test_module_is_the_function():
    embeddings, labels = example()
    groups = torch.tensor([0, 1] * 12)
    weights = random_weights(24)
    found = ContinuousMetricLoss()(embeddings, labels, groups, weights)
    expected = continuous_metric_loss(embeddings, labels, groups=groups, weights=weights)
    assert found == expected.loss
