"""How a network is trained: named protocols, each with a version that moves whenever its meaning does."""

import dataclasses
from dataclasses import dataclass

from dendnet.experiments import checks

SCHEDULES = ("one_cycle", "steps", "constant")
OPTIMIZERS = ("sgd", "adam", "muon")
BIAS_STARTS = ("initializer", "data")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
RATES = (
    "learning_rate",
    "weight_decay",
    "bias_learning_rate",
    "bias_weight_decay",
    "bias_fan_in_power",
    "beta_learning_rate",
)


@dataclass(frozen=True)
class Protocol:
    """Everything about a training that is neither the data, nor the network, nor the seed.

    The loss is the cross entropy of a classification and the mean squared error of a regression whose targets are
    scaled to variance 1.

    Args:
        name: Name of the protocol.
        version: Grows whenever a protocol of this name comes to mean something else.
        epochs: Passes over the training set.
        batch: Examples of a step; what is left at the end of an epoch waits for another epoch's order.
        learning_rate: Its peak.
        schedule: ``"one_cycle"`` climbs from a tenth of the peak over a quarter of the steps, then falls along a cosine
            to a thousandth; ``"steps"`` divides by 10 after half and after three quarters; ``"constant"`` stays.
        optimizer: ``"sgd"``, stochastic gradient descent with Nesterov momentum; ``"adam"``; or ``"muon"``, Muon for
            the kernels of dense layers and Adam for all else.
        momentum: Of the gradient: Nesterov's, Adam's beta_1, Muon's.
        weight_decay: λ of the penalty λ/2 w² on kernels, whose gradient λ w adds to the loss's.
        bias_learning_rate: Factor of the learning rate for dendrites' biases, or for what a rival's unit adds.
        bias_fan_in_power: Power p of (fan_in / 2)^p, by which that factor is multiplied in each layer of dendrites.
        bias_weight_decay: λ of the same penalty on dendrites' biases.
        bias_start: ``"initializer"``, the layer's; or ``"data"``, knots over the quantiles of what each layer sees in
            512 training examples (``dendnet.layers.knots_from_data``).
        beta_learning_rate: Factor of the learning rate for beta of batch normalization, which is the bias that all
            connections of an input share.
        augmentation: Whether images are moved by up to an eighth and mirrored at random.
        precision: ``"float32"``, ``"mixed_bfloat16"`` or ``"mixed_float16"``.
        steps_per_execution: Steps that Keras takes in one call of the compiled function.
        examples: Training examples, drawn with the run's seed; None takes all.

    Reference:
        The chapter "Full experiments" of the book, section "The protocol".
    """

    name: str
    version: int
    epochs: int
    batch: int = 128
    learning_rate: float = 0.1
    schedule: str = "one_cycle"
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    bias_learning_rate: float = 1.0
    bias_fan_in_power: float = 0.0
    bias_weight_decay: float = 0.0
    bias_start: str = "initializer"
    beta_learning_rate: float = 1.0
    augmentation: bool = True
    precision: str = "float32"
    steps_per_execution: int = 1
    examples: int | None = None

    def changed(self, changes):
        """The protocol with some of its settings changed; ValueError where one is unknown or impossible."""
        changes = checks.known("protocol", changes, CHANGEABLE)
        found = dataclasses.replace(self, **checks.plain(vars(self) | changes))
        for name in ("epochs", "batch", "steps_per_execution"):
            checks.integer(name, getattr(found, name), least=1, most=1_000_000)
        if found.examples is not None:
            checks.integer("examples", found.examples, least=1)
            if found.examples < found.batch:
                raise ValueError(
                    f"examples must be one batch at least. Received: examples={found.examples}, batch={found.batch}"
                )
        # A whole number is the number that it is: 1 and 1.0 are one setting.
        numbers = {name: checks.number(name, getattr(found, name), least=0) for name in RATES}
        numbers["momentum"] = checks.number("momentum", found.momentum, least=0, below=1)
        checks.one_of("schedule", found.schedule, SCHEDULES)
        checks.one_of("optimizer", found.optimizer, OPTIMIZERS)
        checks.one_of("bias_start", found.bias_start, BIAS_STARTS)
        checks.one_of("precision", found.precision, PRECISIONS)
        checks.truth("augmentation", found.augmentation)
        return dataclasses.replace(found, **numbers)


CHANGEABLE = tuple(field.name for field in dataclasses.fields(Protocol) if field.name not in ("name", "version"))

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        # Seconds on a CPU: that everything runs.
        Protocol("smoke", 1, epochs=3, batch=32, examples=512),
        # Ten epochs, for a borrowed GPU.
        Protocol("short", 1, epochs=10, learning_rate=0.2),
        Protocol("medium", 1, epochs=30, learning_rate=0.2),
        # The classical recipe for CIFAR (He et al., arXiv 1512.03385), in whole epochs.
        Protocol("full", 1, epochs=200, schedule="steps", weight_decay=1e-4),
        # Tables of numbers: large batches, nothing to mirror.
        Protocol("table", 1, epochs=10, batch=1024, learning_rate=0.2, weight_decay=0.0, augmentation=False),
    )
}
