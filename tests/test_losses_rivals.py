"""The rivals of the metric loss against plain loops over rows, pairs and triplets."""

import math
from itertools import permutations

import audmetric
import pytest
import torch
from torch.autograd import gradcheck

from affectspace import losses
from affectspace.losses import ccc_loss, log_ratio_loss, mse_loss, rank_n_contrast_loss
from affectspace.losses.log_ratio import EPSILON

GROUPS = torch.tensor([7, 2, -1] * 8)


@pytest.fixture(autouse=True)
def one_thread():
    """Work this small only makes threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def example(n=24, d=3, *, dtype=torch.float64, seed=0, unlabelled=5):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, 11, (n,), generator=generator).to(dtype) / 2
    embeddings = torch.randn(n, d, generator=generator, dtype=dtype) + 0.7 * labels[:, None]
    labels[:unlabelled] = math.nan
    return embeddings, labels


def some_weights(n=24, *, seed=0):
    weights = torch.rand(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    weights[::5] = 0
    return weights


def groups_of(labels, groups, weights):
    """The rows of each group that count, and the weight of each row."""
    weights = torch.ones(len(labels)) if weights is None else weights
    groups = torch.zeros(len(labels)) if groups is None else groups
    known = [i for i in range(len(labels)) if not math.isnan(labels[i]) and weights[i] > 0]
    together = [[i for i in known if groups[i] == g] for g in dict.fromkeys(groups.tolist())]
    return together, weights.tolist()


def mse_by_loops(embeddings, labels, groups=None, weights=None):
    together, w = groups_of(labels, None, weights)
    (rows,) = together
    squares = sum(w[i] * (embeddings[i].mean().item() - labels[i].item()) ** 2 for i in rows)
    return squares / sum(w[i] for i in rows)


def ccc_by_loops(embeddings, labels, groups=None, weights=None):
    together, w = groups_of(labels, groups, weights)
    total = counted = 0
    for rows in together:
        n = sum(w[i] for i in rows)
        z = {i: embeddings[i].mean().item() for i in rows}
        y = {i: labels[i].item() for i in rows}
        z_mean, y_mean = (sum(w[i] * x[i] for i in rows) / n for x in (z, y))
        both = sum(w[i] * (z[i] - z_mean) * (y[i] - y_mean) for i in rows) / n
        z_var = sum(w[i] * (z[i] - z_mean) ** 2 for i in rows) / n
        y_var = sum(w[i] * (y[i] - y_mean) ** 2 for i in rows) / n
        total += n * (1 - 2 * both / (z_var + y_var + (z_mean - y_mean) ** 2))
        counted += n
    return total / counted


def distance(x, a, b):
    return (x[a] - x[b]).square().sum().sqrt().item()


def log_ratio_by_loops(embeddings, labels, groups=None, weights=None):
    together, w = groups_of(labels, groups, weights)
    total = counted = 0
    for rows in together:
        for a, i, j in permutations(rows, 3):
            if labels[a] in (labels[i], labels[j]):
                continue
            near, far = (distance(embeddings, a, b) ** 2 + EPSILON for b in (i, j))
            near_label, far_label = (distance(labels, a, b) ** 2 for b in (i, j))
            ratio = math.log(near / far) - math.log(near_label / far_label)
            total += w[a] * w[i] * w[j] * ratio**2
            counted += w[a] * w[i] * w[j]
    return total / counted


def rank_n_contrast_by_loops(embeddings, labels, groups=None, weights=None, temperature=2.0):
    together, w = groups_of(labels, groups, weights)
    total = counted = 0
    for rows in together:
        for i, j in permutations(rows, 2):
            likeness = {k: w[k] * math.exp(-distance(embeddings, i, k) / temperature) for k in rows}
            away = distance(labels, i, j)
            farther = [k for k in rows if k != i and distance(labels, i, k) >= away - 1e-5]
            total -= w[i] * w[j] * math.log(likeness[j] / sum(likeness[k] for k in farther))
            counted += w[i] * w[j]
    return total / counted


TWINS = {
    mse_loss: mse_by_loops,
    ccc_loss: ccc_by_loops,
    log_ratio_loss: log_ratio_by_loops,
    rank_n_contrast_loss: rank_n_contrast_by_loops,
}
of_pairs = pytest.mark.parametrize("loss", [log_ratio_loss, rank_n_contrast_loss])
every = pytest.mark.parametrize("loss", TWINS)


def in_groups(loss, groups):
    return {} if loss is mse_loss or groups is None else {"groups": groups}


@every
@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("weights", [None, some_weights()])
@pytest.mark.parametrize("seed", range(3))
def test_equals_plain_loops(loss, groups, weights, seed):
    embeddings, labels = example(seed=seed)
    expected = TWINS[loss](embeddings, labels, groups=groups, weights=weights)
    found = loss(embeddings, labels, weights=weights, **in_groups(loss, groups))
    assert found.item() == pytest.approx(expected, rel=1e-12)


@every
def test_equals_plain_loops_in_float32(loss):
    embeddings, labels = example(dtype=torch.float32)
    labels = labels + (labels % 1) / 3  # thirds, which float32 doesn't hold
    expected = TWINS[loss](embeddings.double(), labels.double())
    assert loss(embeddings, labels).item() == pytest.approx(expected, rel=1e-5)


def test_ccc_is_that_of_audmetric():
    embeddings, labels = example(unlabelled=0)
    expected = 1 - audmetric.concordance_cc(labels.numpy(), embeddings.mean(1).numpy())
    assert ccc_loss(embeddings, labels).item() == pytest.approx(expected, rel=1e-9)


def correlation_after_training(loss, seed):
    """Between labels and a linear axis that begins without what they can be told from."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, 11, (60,), generator=generator) / 2
    features = torch.randn(60, 6, generator=generator)
    features[:, 0] += labels
    features -= features.mean(0)
    axis = torch.randn(6, 1, generator=generator)
    axis[0] = 0
    axis.requires_grad_()
    optimiser = torch.optim.Adam([axis], lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        loss(features @ axis, labels).backward()
        optimiser.step()
    found = torch.stack([(features @ axis.detach())[:, 0], labels])
    return torch.corrcoef(found)[0, 1].abs().item()


def test_rows_on_an_axis_can_pass_each_other():
    assert correlation_after_training(log_ratio_loss, seed=0) > 0.75
    assert correlation_after_training(losses.LogRatioLoss(1e-6), seed=0) < 0.6


def test_ties_by_rounding_are_ties():
    labels = torch.tensor([3.3, 3.0, 2.7, 2.4])  # by float32, 3.3 - 3.0 isn't 3.0 - 2.7
    embeddings = torch.randn(4, 1, generator=torch.Generator().manual_seed(0))
    exact = torch.tensor([11.0, 10.0, 9.0, 8.0])
    torch.testing.assert_close(
        rank_n_contrast_loss(embeddings, labels), rank_n_contrast_loss(embeddings, exact)
    )


@every
def test_least_where_the_space_is_the_label(loss):
    _, labels = example(unlabelled=0)
    right = loss(labels[:, None].clone(), labels)
    wrong = [loss(labels[:, None].roll(shift, 0), labels) for shift in range(1, 5)]
    assert right < min(wrong)
    if loss is not rank_n_contrast_loss:
        assert right.item() == pytest.approx(0, abs=1e-3 if loss is log_ratio_loss else 1e-9)


@of_pairs
def test_neither_direction_nor_place_is_asked_for(loss):
    embeddings, labels = example()
    torch.testing.assert_close(loss(5 - embeddings, 7 - labels), loss(embeddings, labels))


@every
def test_order_of_rows_does_not_matter(loss):
    embeddings, labels = example()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss(embeddings[order], labels[order]), loss(embeddings, labels))


@every
def test_weights_of_one_change_nothing_and_only_ratios_count(loss):
    embeddings, labels = example()
    plain = loss(embeddings, labels)
    torch.testing.assert_close(loss(embeddings, labels, weights=torch.ones(24)), plain)
    weights = some_weights()
    torch.testing.assert_close(
        loss(embeddings, labels, weights=weights), loss(embeddings, labels, weights=1e-3 * weights)
    )


@every
@pytest.mark.parametrize(
    "labels",
    [[math.nan] * 7, [math.nan] * 6 + [2.0], [3.3] * 7, [math.nan] * 3 + [0.0] * 4, []],
)
def test_nothing_to_compare_gives_no_loss_and_no_gradient(loss, labels):
    embeddings = example(n=7)[0][: len(labels)].clone().requires_grad_()
    found = loss(embeddings, torch.tensor(labels, dtype=torch.float64))
    found.backward()
    assert embeddings.grad.isfinite().all()
    if loss is not mse_loss or not any(label == label for label in labels):
        assert found.item() == 0
        assert (embeddings.grad == 0).all()


@every
def test_groups_or_weights_that_leave_nothing(loss):
    embeddings, labels = example()
    embeddings.requires_grad_()
    lonely = loss(embeddings, labels, **in_groups(loss, torch.arange(24)))
    assert loss is mse_loss or lonely == 0
    weightless = loss(embeddings, labels, weights=torch.zeros(24))
    assert weightless == 0
    (lonely + weightless).backward()
    assert embeddings.grad.isfinite().all()


@every
def test_embeddings_that_collapse_or_burst_have_finite_gradients(loss):
    _, labels = example()
    for embeddings in (torch.zeros(24, 2), torch.arange(48.0).reshape(24, 2) * 1e4):
        embeddings.requires_grad_()
        found = loss(embeddings, labels)
        found.backward()
        assert found.isfinite()
        assert embeddings.grad.isfinite().all()


@every
def test_unlabelled_rows_get_no_gradient_even_where_they_are_not_finite(loss):
    embeddings, labels = example()
    embeddings[0] = math.inf
    embeddings[1] = math.nan
    embeddings.requires_grad_()
    loss(embeddings, labels).backward()
    assert (embeddings.grad[labels.isnan()] == 0).all()
    assert embeddings.grad.isfinite().all()


@every
@pytest.mark.parametrize("groups", [None, torch.tensor([0, 1, 1, 0, 2, 2, 2, 0, 1, 0])])
@pytest.mark.parametrize("weights", [None, some_weights(10)])
def test_gradient(loss, groups, weights):
    embeddings, labels = example(n=10, unlabelled=2)
    embeddings.requires_grad_()
    keywords = in_groups(loss, groups)
    assert gradcheck(lambda z: loss(z, labels, weights=weights, **keywords), embeddings)


@every
def test_several_labels_own_one_dimension_each(loss):
    embeddings, activation = example()
    labels = torch.stack([activation, activation.flip(0)], dim=1)
    alone = [loss(embeddings[:, i : i + 1], labels[:, i]) for i in range(2)]
    torch.testing.assert_close(loss(embeddings, labels), sum(alone))


@every
def test_leading_dimensions_are_separate_problems(loss):
    examples = [example(seed=seed, unlabelled=seed) for seed in range(3)]
    embeddings, labels = (torch.stack(x) for x in zip(*examples, strict=True))
    weights = torch.stack([some_weights(seed=seed) for seed in range(3)])
    keywords = in_groups(loss, GROUPS)
    batched = loss(embeddings, labels, weights=weights, **keywords)
    for i in range(3):
        alone = loss(embeddings[i], labels[i], weights=weights[i], **keywords)
        torch.testing.assert_close(batched[i], alone)


@every
def test_shapes_that_do_not_agree(loss):
    with pytest.raises(ValueError, match="embeddings of shape"):
        loss(torch.zeros(4, 2), torch.zeros(3))


@pytest.mark.parametrize(
    ("module", "loss"),
    [
        (losses.MeanSquaredErrorLoss(), mse_loss),
        (losses.ConcordanceLoss(), ccc_loss),
        (losses.LogRatioLoss(), log_ratio_loss),
        (losses.RankNContrastLoss(), rank_n_contrast_loss),
    ],
)
def test_module_is_the_function(module, loss):
    embeddings, labels = example()
    keywords = {"weights": some_weights(), **in_groups(loss, GROUPS)}
    assert module(embeddings, labels, **keywords) == loss(embeddings, labels, **keywords)


def test_settings_of_the_modules():
    embeddings, labels = example()
    found = losses.LogRatioLoss(1e-9)(embeddings, labels)
    assert found == log_ratio_loss(embeddings, labels, epsilon=1e-9)
    assert log_ratio_loss(-3 * labels[5:, None], labels[5:], epsilon=1e-9) < 1e-12
    found = losses.RankNContrastLoss(0.5)(embeddings, labels)
    assert found == rank_n_contrast_loss(embeddings, labels, temperature=0.5)
    expected = rank_n_contrast_by_loops(embeddings, labels, temperature=0.5)
    assert found.item() == pytest.approx(expected, rel=1e-12)
