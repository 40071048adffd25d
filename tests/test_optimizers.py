"""Dendrites' biases in optimizers: a learning rate of their own, and what goes by the number of axes."""

import keras
import numpy as np
import pytest
from every_layer import LAST
from keras import layers, ops

from dendnet.layers import DACConv2D, DACDense
from dendnet.optimizers import biases, is_bias, with_bias_learning_rate

HERE = keras.backend.backend()
to_numpy = ops.convert_to_numpy
NO_DECAY = {"AdamW": dict(weight_decay=0.0), "Muon": dict(weight_decay=0.0, adam_weight_decay=0.0)}
NAMES = ("SGD", "Adam", "AdamW", "Adadelta", "Adafactor", "Adagrad", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam")
KINDS = [name for name in (*NAMES, "RMSprop") if hasattr(keras.optimizers, name)]
muon = pytest.mark.skipif(not hasattr(keras.optimizers, "Muon"), reason="this Keras has no Muon")


def network():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((16,)), DACDense(3, use_output_bias=True), layers.Dense(2)])
    return keras.Sequential([keras.Input((4, 4, 2)), DACConv2D(4, 3, **LAST), layers.Flatten(), inner])


def stepped(optimizer, steps=3, scale=1.0, prepare=None):
    """Variables of a network, as numbers, after steps along drawn gradients; and which of them are biases."""
    model, draws = network(), np.random.default_rng(1)
    variables = model.trainable_variables
    if prepare:
        prepare(optimizer, model)
    for _ in range(steps):
        gradients = [ops.convert_to_tensor(scale * draws.normal(size=v.shape), "float32") for v in variables]
        optimizer.apply(gradients, variables)
    return [to_numpy(v) for v in variables], [is_bias(v) for v in variables]


def starts():
    return [to_numpy(v) for v in network().trainable_variables]


def test_biases_of_all_layers_and_no_others():
    model = network()
    assert [tuple(b.shape) for b in biases(model)] == [(2, 4), (16, 3)]
    assert [is_bias(v) for v in model.trainable_variables] == [False, True, False, True, False, False, False]
    assert len(biases(keras.models.clone_model(model))) == 2
    model.layers[0].trainable = False
    assert [tuple(b.shape) for b in biases(model)] == [(16, 3)]


@pytest.mark.parametrize("name", KINDS)
def test_biases_learn_at_their_own_rate(name):
    """As with the plain optimizer at the other rate; all else as at the common one."""

    def make(rate):
        return getattr(keras.optimizers, name)(learning_rate=rate, **NO_DECAY.get(name, {}))

    slow, fast = stepped(make(0.001))[0], stepped(make(0.01))[0]
    both, kinds = stepped(with_bias_learning_rate(make(0.001), 10))
    for found, kind, at_slow, at_fast in zip(both, kinds, slow, fast, strict=True):
        np.testing.assert_allclose(found, at_fast if kind else at_slow, rtol=1e-5, atol=1e-7)
        assert not np.allclose(at_fast, at_slow, atol=1e-5)


def test_a_factor_of_0_freezes_biases_and_nothing_else():
    for old, new, kind in zip(starts(), *stepped(with_bias_learning_rate("sgd", 0)), strict=True):
        assert np.array_equal(old, new) == kind


def test_schedules_clipping_and_names_stay():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    given = keras.optimizers.SGD(schedule, momentum=0.5, clipnorm=1.0, name="mine")
    made = with_bias_learning_rate(given, 3)
    assert isinstance(made, keras.optimizers.SGD)
    assert (made.name, made.momentum, made.clipnorm, made.bias_factor) == ("mine", 0.5, 1.0, 3)
    stepped(made, steps=2)
    assert float(made.learning_rate) == pytest.approx(0.025)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_fit_and_go_on_from_a_file(tmp_path, policy):
    """Loaded, the model trains on as if it had not been saved: the factor and the optimizer's state are in the file."""
    draws = np.random.default_rng(0)
    x, y = draws.normal(size=(32, 4)).astype("float32"), draws.normal(size=(32, 1)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), DACDense(8, dtype=policy), DACDense(1, dtype=policy)])
    model.compile(with_bias_learning_rate(keras.optimizers.Adam(0.01), 10), "mse", jit_compile=False)
    model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        optimizer = getattr(each.optimizer, "inner_optimizer", each.optimizer)
        assert optimizer.bias_factor == 10
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_weight_decay_leaves_biases_alone():
    """With gradients of 0, decay alone moves what it reaches."""

    def exclude(optimizer, model):
        optimizer.exclude_from_weight_decay(var_list=biases(model))

    for optimizer in (
        keras.optimizers.AdamW(0.01, weight_decay=0.5),
        with_bias_learning_rate(keras.optimizers.AdamW(0.01, weight_decay=0.5), 10),
    ):
        ones = network()
        ones.set_weights([np.ones(w.shape) for w in ones.weights])
        exclude(optimizer, ones)
        optimizer.apply([ops.zeros(v.shape) for v in ones.trainable_variables], ones.trainable_variables)
        for v in ones.trainable_variables:
            assert (to_numpy(v) == 1).all() == is_bias(v), v.path


def orthogonalised(before, after):
    """Whether all singular values of a step are about the same, as Muon makes them."""
    values = np.linalg.svd(after - before, compute_uv=False)
    return values.min() > 0.4 * values.max()


@muon
def test_muon_orthogonalises_kernels_and_leaves_biases_to_adam():
    options = dict(learning_rate=0.01, weight_decay=0.0, adam_weight_decay=0.0)
    adam = keras.optimizers.Adam(0.01)
    plain, (found, kinds), by_adam = (
        stepped(keras.optimizers.Muon(**options), steps=1)[0],
        stepped(keras.optimizers.Muon(exclude_layers=["bias$"], **options), steps=1),
        stepped(adam, steps=1)[0],
    )
    kernel = 2
    assert orthogonalised(starts()[kernel], found[kernel])
    assert np.array_equal(found[kernel], plain[kernel])
    for k in np.flatnonzero(kinds):
        assert orthogonalised(starts()[k], plain[k])
        np.testing.assert_allclose(found[k], by_adam[k], atol=1e-6)


@pytest.mark.skipif(HERE != "jax", reason="optax steps JAX's arrays")
@pytest.mark.parametrize("rest", ["adam", "muon"])
def test_optax_by_labels_and_masks(rest):
    optax = pytest.importorskip("optax")
    variables = network().trainable_variables
    values = [v.value for v in variables]
    gradients = [ops.ones(v.shape) for v in variables]
    labels = ["biases" if is_bias(v) else "rest" for v in variables]
    transform = {"adam": optax.adam, "muon": optax.contrib.muon}[rest](0.001)
    rates = optax.multi_transform({"biases": optax.adam(0.01), "rest": transform}, labels)
    steps, _ = rates.update(gradients, rates.init(values), values)
    for step, v in zip(steps, variables, strict=True):
        if is_bias(v):
            np.testing.assert_allclose(step, -0.01, rtol=1e-3)
        elif rest == "adam":
            np.testing.assert_allclose(step, -0.001, rtol=1e-3)
    decay = optax.adamw(0.01, weight_decay=0.5, mask=[not is_bias(v) for v in variables])
    still = [ops.zeros(v.shape) for v in variables]
    steps, _ = decay.update(still, decay.init(values), values)
    assert [bool((step != 0).any()) for step in steps[:4]] == [True, False, True, False]


@pytest.mark.skipif(HERE != "torch", reason="groups of torch's parameters")
def test_torch_by_groups():
    import torch

    model = network()
    model.set_weights([np.ones(w.shape) for w in model.weights])
    groups = [
        {"params": [v.value for v in biases(model)], "lr": 0.1, "weight_decay": 0.0},
        {"params": [v.value for v in model.trainable_variables if not is_bias(v)]},
    ]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    optimizer = torch.optim.AdamW(groups, lr=0.01, weight_decay=0.5)
    for v in model.trainable_variables:
        v.value.grad = torch.ones_like(v.value)
    optimizer.step()
    for v in model.trainable_variables:
        expected = 1 - 0.1 if is_bias(v) else 1 - 0.01 * 0.5 - 0.01
        np.testing.assert_allclose(to_numpy(v), expected, rtol=1e-5)


def begun():
    optimizer = keras.optimizers.SGD()
    optimizer.build(network().trainable_variables)
    return optimizer


def excluding():
    optimizer = keras.optimizers.AdamW()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


REFUSED = [
    (lambda: with_bias_learning_rate("fastest", 2), "Received: optimizer='fastest'"),
    (lambda: with_bias_learning_rate("adam", -1), "factor must be a finite number of 0 or more. Received: factor=-1"),
    (lambda: with_bias_learning_rate("adam", float("inf")), "Received: factor=inf"),
    (lambda: with_bias_learning_rate("adam", "10"), "Received: factor='10'"),
    (lambda: with_bias_learning_rate(with_bias_learning_rate("adam", 2), 2), "has a factor already"),
    (lambda: with_bias_learning_rate(begun(), 2), "must not have begun. Received: iterations=0"),
    (lambda: with_bias_learning_rate(excluding(), 2), "on the optimizer that is returned"),
    (
        lambda: with_bias_learning_rate(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), 2),
        "give the one within a wrapper",
    ),
    (lambda: biases(keras.Sequential([DACDense(2)])), "model must be built"),
]


@pytest.mark.parametrize("call, said", REFUSED)
def test_refuses(call, said):
    with pytest.raises(ValueError) as error:
        call()
    assert said in str(error.value)
