"""What recorded runs show: pairs by seed, intervals, tables."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from dendnet.experiments.runs import Run
from dendnet.experiments.statistics import Interval, pairs_needed, t_interval
from dendnet.tables import Table

PAPER = 1.73  # points of accuracy, the most that Metta et al. claim over standard ResNets
AGAINST = {
    "standard": "standard, equal width",
    "standard-parameters": "standard, equal parameters",
    "standard-flops": "standard, equal FLOPs",
}


@dataclass(frozen=True)
class Comparison:
    """The DAC network against a standard one, seed by seed.

    Args:
        data: Name of the data set.
        network: The network in words.
        variant: Name of the variant of the DAC network, or an empty text.
        against: The standard network's unit.
        measure: ``"accuracy"``, in percent, or ``"rmse"``.
        pairs: For each seed ``(seed, the DAC network's value, the standard one's)``.
        interval: Of DAC minus standard, corrected for the number of comparisons made together.
        needed: Pairs that a difference of the paper's size would need; None where the measure is no accuracy.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """

    data: str
    network: str
    variant: str
    against: str
    measure: str
    pairs: tuple
    interval: Interval
    needed: int | None

    @property
    def verdict(self):
        """``"DAC better"``, ``"standard better"`` or ``"not shown"``."""
        if not self.interval.shown:
            return "not shown"
        return "DAC better" if (self.interval.mean > 0) == (self.measure == "accuracy") else "standard better"


def value(record):
    """The measure of a run: an accuracy in percent, an rmse as it is."""
    return record["value"] * (100 if record["measure"] == "accuracy" else 1)


def conditions(record):
    """What the two of a pair must have in common, beside the seed."""
    run = record["run"]
    backend = next(name for name in record["versions"] if name in ("tensorflow", "jax", "torch"))
    protocol = {k: run["protocol"][k] for k in ("name", "version", "epochs", "batch", "precision", "examples")}
    return {"backend": backend, "data": record["data"]["checksum"], "validation": run["validation"], **protocol}


def compare(records, confidence=0.95):
    """Compare DAC networks with the standard ones of the same data, network and seed.

    Args:
        records: Records of runs, as :func:`dendnet.experiments.read_records` gives them. A variant of the DAC network
            is compared with the standard network's same variant where there is one, and with the plain one otherwise.
        confidence: Of all the intervals together.

    Returns:
        A list of :class:`Comparison`, corrected for their number.

    Raises:
        ValueError: Two of a pair were not trained alike.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    sides: dict = defaultdict(dict)
    for record in records:
        run = Run.of(record["run"])
        key = (run.data, run.image_size, run.network, run.variant, run.unit)
        sides[key][run.seed] = record
    found = []
    for (data, size, network, variant, unit), dac in sides.items():
        for against in AGAINST if unit == "dac" else ():
            alike, plain = ((data, size, network, name, against) for name in (variant, ""))
            standard = sides.get(alike) or sides.get(plain, {})
            seeds = sorted(set(dac) & set(standard))
            for seed in seeds:
                _alike(dac[seed], standard[seed])
            if seeds:
                pairs = tuple((seed, value(dac[seed]), value(standard[seed])) for seed in seeds)
                found.append((data, network, variant, against, dac[seeds[0]]["measure"], pairs))
    return [_comparison(*one, len(found), confidence) for one in found]


def _alike(one, other):
    a, b = conditions(one), conditions(other)
    if a != b:
        differ = ", ".join(f"{name}: {a[name]} and {b[name]}" for name in a if a[name] != b[name])
        raise ValueError(f"The two of a pair must be trained alike. Received: {one['id']}, {other['id']} ({differ})")


def _comparison(data, network, variant, against, measure, pairs, count, confidence):
    interval = t_interval([dac - standard for _, dac, standard in pairs], count, confidence)
    needed = None
    if measure == "accuracy" and len(pairs) > 1:
        needed = pairs_needed(interval.deviation, PAPER, count, confidence)
    return Comparison(data, network, variant, against, measure, pairs, interval, needed)


WORDS = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenette": "Imagenette", "imagewoof": "Imagewoof",
    "sgemm": "SGEMM", "cifar_resnet": "ResNet", "resnet": "ResNet", "mlp": "MLP", "dac": "DAC",
    "standard-parameters": "standard, equal parameters", "standard-flops": "standard, equal FLOPs",
}  # fmt: skip


def in_words(network):
    """A network as a reader calls it: ``"cifar_resnet depth=8 width=8"`` is "ResNet-8, width 8"."""
    model, *options = network.split()
    said = dict(option.split("=") for option in options)
    name = "-".join(filter(None, (WORDS.get(model, model), said.pop("depth", ""))))
    return ", ".join([name, *(f"{option} {value}" for option, value in sorted(said.items(), reverse=True))])


def table(comparisons):
    """The comparisons as a :class:`~dendnet.tables.Table`: differences with their intervals, and verdicts, first.

    Args:
        comparisons: What :func:`compare` returns, one at least.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    level = f"{100 * (1 - (1 - comparisons[0].interval.level) * len(comparisons)):.0f} %"
    rows = []
    for one in comparisons:
        digits = 2 if one.measure == "accuracy" else 4
        dac, standard = (np.mean([pair[side] for pair in one.pairs]) for side in (1, 2))
        i = one.interval
        rows.append(
            {
                "network": in_words(one.network),
                "variant": one.variant or "—",
                "equal": AGAINST[one.against].removeprefix("standard, equal "),
                "difference": f"{i.mean:+.{digits}f} [{i.low:+.{digits}f}, {i.high:+.{digits}f}]",
                "verdict": one.verdict,
                "DAC": f"{dac:.{digits}f}",
                "standard": f"{standard:.{digits}f}",
                "pairs": i.pairs,
                f"pairs for {PAPER} points": "—" if one.needed is None else one.needed,
                "data": WORDS.get(one.data, one.data),
                "measure": {"accuracy": "accuracy in %", "rmse": "rmse"}[one.measure],
            }
        )
    empty = [name for name in rows[0] if all(row[name] == "—" for row in rows)]
    return Table(
        [{name: cell for name, cell in row.items() if name not in empty} for row in rows],
        f"DAC minus a standard network; the intervals together hold with {level}",
    )


def costs(records):
    """What each side is and took, as a :class:`~dendnet.tables.Table`: its measure, parameters, FLOPs and time.

    Args:
        records: Records of runs, one at least.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    sides: dict = defaultdict(list)
    for record in records:
        run = Run.of(record["run"])
        sides[run.data, run.network, run.variant, run.unit].append(record)
    rows = []
    for (data, network, variant, unit), group in sorted(sides.items()):
        values = [value(record) for record in group]
        measure = group[0]["measure"]
        digits = 2 if measure == "accuracy" else 4
        epochs = [record["times"]["seconds"] for record in group]
        seconds = np.median([second for of_run in epochs for second in of_run[1:] or of_run])  # the first one compiles
        rows.append(
            {
                "network": in_words(network) + (f", {variant}" if variant else ""),
                "unit": WORDS.get(unit, unit),
                "mean [least, most]": "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(
                    np.mean(values), min(values), max(values), d=digits
                ),
                "parameters": f"{group[0]['network']['parameters']:,}",
                "FLOPs": f"{group[0]['network']['flops']:,}",
                "s an epoch": f"{seconds:.1f}",
                "runs": len(group),
                "data": WORDS.get(data, data),
                "measure": {"accuracy": "accuracy in %", "rmse": "rmse"}[measure],
            }
        )
    return Table(rows, "The networks, what they reached and what they took")


def provenance(records):
    """What the runs have in common, in lines of text."""
    lines = []
    for name, of in [
        ("protocol", lambda r: "{name} {version}, {epochs} epochs, batch {batch}".format(**r["run"]["protocol"])),
        ("data", lambda r: r["data"]["name"] + (", RE-ENCODED images" if r["data"]["reencoded"] else "")),
        ("examples", lambda r: "{train} to train on, {test} to test on".format(**r["examples"])),
        ("device", lambda r: r["device"]),
        ("versions", lambda r: ", ".join(f"{k} {v}" for k, v in r["versions"].items())),
        ("commit", lambda r: r["commit"]),
    ]:
        lines += [f"{name}: {text}" for text in sorted({of(record) for record in records})]
    return lines


def draw(comparisons):
    """The intervals of comparisons as a figure of Matplotlib's, a row for each.

    Args:
        comparisons: What :func:`compare` returns, all of one measure.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        ValueError: There is no comparison, or there are two measures.
    """
    if len({one.measure for one in comparisons}) != 1:
        raise ValueError(f"comparisons must be of one measure, and one at least. Received: comparisons={comparisons!r}")
    from dendnet import plotting

    figure, axis = plotting.panels(height=0.9 + 0.42 * len(comparisons))
    axis.axvline(0, color=plotting.GREY, linewidth=1)
    looks = {"DAC better": "dac", "standard better": "standard"}
    for row, one in enumerate(comparisons):
        i = one.interval
        colour = plotting.COLOURS[looks[one.verdict]] if i.shown else plotting.GREY
        axis.plot([dac - standard for _, dac, standard in one.pairs], [row - 0.22] * i.pairs, "|", color=colour, ms=6)
        axis.errorbar(i.mean, row, xerr=[[i.mean - i.low], [i.high - i.mean]], fmt="o", color=colour, capsize=3)
    networks = {one.network for one in comparisons}
    names = [
        "\n".join(filter(None, (in_words(one.network) * (len(networks) > 1), one.variant, AGAINST[one.against])))
        for one in comparisons
    ]
    axis.set_yticks(range(len(comparisons)), names, size=9)
    axis.invert_yaxis()
    unit = "points of accuracy" if comparisons[0].measure == "accuracy" else "rmse"
    axis.set_xlabel(f"DAC minus standard, {unit}")
    return figure
