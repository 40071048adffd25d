"""One training, said in full: data, network, unit, seed and protocol."""

import hashlib
import inspect
import json
from dataclasses import asdict, dataclass, field

from dendnet.experiments import checks
from dendnet.experiments.protocols import PROTOCOLS, Protocol
from dendnet.layers import DACConv2D, DACDense
from dendnet.models.resnet import STAGES

DATA = ("cifar10", "cifar100", "imagenette", "imagewoof", "sgemm", "digits")
EQUAL_WIDTH = ("standard", "apl", "quadratic")
UNITS = ("dac", *(unit + match for unit in EQUAL_WIDTH for match in ("", "-parameters", "-flops")))
OPTIONS = {"cifar_resnet": ("depth", "width"), "resnet": ("depth", "width"), "mlp": ("layers", "width")}
MOST = {"depth": 1202, "width": 8192, "layers": 100, "segments": 1024}
LATER = ("optimizer", "bias_fan_in_power", "beta_learning_rate", "bias_start")
DAC_OPTIONS = ("bias_sharing", "dendrites", "bias_initializer", "bias_regularizer", "bias_scale", "implementation")


@dataclass(frozen=True)
class Run:
    """One training. Runs that agree in all of this, and in ``variant``'s name, are the same run.

    Args:
        data: Name of the data set, or the path of a folder of images, as in ``dendnet.data.load``.
        model: ``"cifar_resnet"``, ``"resnet"`` or ``"mlp"``, from ``dendnet.models``.
        unit: ``"dac"``; ``"standard"``, its twin of equal width; ``"standard-parameters"`` and ``"standard-flops"``,
            the standard networks at the width at which they have as many parameters or FLOPs as the DAC one; or a
            rival, ``"apl"`` or ``"quadratic"``, in the same three sizes (``dendnet.models.rivals``).
        seed: Seed of the kernels, the order of the data and the augmentation: an integer of at least 0.
        protocol: A :class:`Protocol`.
        options: The model's ``depth`` and ``width``; for ``"mlp"`` ``layers``, those of the unit, and ``width``; for
            units of APL ``segments`` too.
        dac_options: Options of the DAC layers, as ``{"dendrites": 2}``; for ``"dac"`` and for the units that cost as
            much as it does, not for those of equal width.
        image_size: Pixels of an image's side, where the data set leaves the choice; None otherwise.
        validation: Training examples that take the test set's place, for choices; 0 tests on the test set.
        variant: Name of what is varied, or an empty text.

    Reference:
        The chapter "Full experiments" of the book, section "A training that survives".
    """

    data: str
    model: str
    unit: str
    seed: int
    protocol: Protocol
    options: dict = field(default_factory=dict)
    dac_options: dict = field(default_factory=dict)
    image_size: int | None = None
    validation: int = 0
    variant: str = ""

    def __post_init__(self):
        for name in ("seed", "options", "dac_options", "image_size", "validation"):
            object.__setattr__(self, name, checks.plain(getattr(self, name)))
        if not isinstance(self.protocol, Protocol):
            raise ValueError(
                f"protocol must be a Protocol; Run.of takes its name. Received: protocol={self.protocol!r}"
            )
        object.__setattr__(self, "protocol", self.protocol.changed({}))
        if not isinstance(self.data, str) or not self.data:
            raise ValueError(f"data must be the name of a data set or a folder. Received: data={self.data!r}")
        if not any(mark in self.data for mark in "/\\."):
            checks.one_of("data", self.data, DATA)
        checks.one_of("model", self.model, tuple(OPTIONS))
        checks.one_of("unit", self.unit, UNITS)
        checks.integer("seed", self.seed, least=0)
        apl = ("segments",) if self.unit.startswith("apl") else ()
        for name, value in checks.known("options", self.options, OPTIONS[self.model] + apl).items():
            checks.integer(name, value, least=1, most=MOST[name])
        depth = self.options.get("depth", 20)
        if self.model == "cifar_resnet" and (depth < 8 or (depth - 2) % 6):
            raise ValueError(f"depth must be 6 n + 2 for n >= 1, as 20, 32, 44, 56 or 110. Received: depth={depth}")
        if self.model == "resnet" and self.options.get("depth", 18) not in STAGES:
            raise ValueError(f"depth must be one of {tuple(STAGES)}. Received: depth={depth}")
        checks.known("dac_options", self.dac_options, DAC_OPTIONS)
        if self.unit in EQUAL_WIDTH and self.dac_options:
            raise ValueError(f"dac_options are not for unit={self.unit!r}. Received: dac_options={self.dac_options!r}")
        if self.dac_options:
            layer = DACDense if self.model == "mlp" else DACConv2D
            sizes = {"units": 1} if self.model == "mlp" else {"filters": 1, "kernel_size": 3}
            try:
                layer(**sizes, **self.dac_options)
                json.dumps(self.dac_options)
            except TypeError as error:
                said = f"dac_options must suit the layer and JSON. Received: dac_options={self.dac_options!r}"
                raise ValueError(said) from error
        if self.image_size is not None:
            checks.integer("image_size", self.image_size, least=8)
        checks.integer("validation", self.validation, least=0)
        if not isinstance(self.variant, str):
            raise ValueError(f"variant must be a text. Received: variant={self.variant!r}")

    @classmethod
    def of(cls, table):
        """A run from a table, as a plan or a record holds it; ``protocol`` is a name or a table with one."""
        table = dict(checks.known("run", table, tuple(inspect.signature(cls).parameters)))
        missing = {"data", "model", "unit", "seed", "protocol"} - set(table)
        if missing:
            raise ValueError(f"A run needs {', '.join(sorted(missing))}. Received: run={table!r}")
        changes = table["protocol"] if isinstance(table["protocol"], dict) else {"name": table["protocol"]}
        changes = dict(changes)
        protocol = PROTOCOLS[checks.one_of("protocol", changes.pop("name", None), tuple(PROTOCOLS))]
        if changes.pop("version", protocol.version) != protocol.version:
            raise ValueError(
                f"protocol {protocol.name!r} is at version {protocol.version} here. Received: {table['protocol']!r}"
            )
        return cls(**(table | {"protocol": protocol.changed(changes)}))

    def to_dict(self):
        """All of it, for JSON; :meth:`of` reads it."""
        return asdict(self)

    @property
    def network(self):
        """The network in words, without its unit: ``"cifar_resnet depth=8 width=16"``."""
        said = sorted(name for name in self.options if name != "segments")
        return " ".join([self.model, *(f"{name}={self.options[name]}" for name in said)])

    @property
    def id(self):
        """Name of the run's folder: readable, and different for different runs."""
        table = self.to_dict()
        # Settings that came later say nothing at their default, so that a run keeps its name.
        table["protocol"] = {k: v for k, v in table["protocol"].items() if k not in LATER or v != getattr(Protocol, k)}
        text = json.dumps(table, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:10]
        data = "".join(letter if letter.isalnum() else "-" for letter in self.data)[-20:]
        return f"{data}-{self.unit}-{self.protocol.name}-seed{self.seed}-{digest}"
