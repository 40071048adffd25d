"""What recorded runs show: pairs by seed, intervals, tables."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from dendnet.experiments.runs import Run
from dendnet.experiments.statistics import Interval, pairs_needed, t_interval

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


def table(comparisons):
    """The comparisons as a table in Markdown."""
    level = f"{100 * (1 - (1 - comparisons[0].interval.level) * len(comparisons)):.0f} %" if comparisons else ""
    rows = [
        ["data", "network", "against", "pairs", "DAC", "standard", "DAC - standard", f"{level} interval", "verdict",
         f"pairs for {PAPER} points"]
    ]  # fmt: skip
    for one in comparisons:
        digits = 2 if one.measure == "accuracy" else 4
        dac, standard = (np.mean([pair[side] for pair in one.pairs]) for side in (1, 2))
        i = one.interval
        rows.append(
            [
                one.data,
                one.network + (f", {one.variant}" if one.variant else ""),
                AGAINST[one.against],
                str(i.pairs),
                f"{dac:.{digits}f}",
                f"{standard:.{digits}f}",
                f"{i.mean:+.{digits}f}",
                f"[{i.low:+.{digits}f}, {i.high:+.{digits}f}]",
                one.verdict,
                "-" if one.needed is None else str(one.needed),
            ]
        )
    if all(one.needed is None for one in comparisons):
        rows = [row[:-1] for row in rows]
    return _markdown(rows)


def costs(records):
    """What each side is and took, as a table in Markdown: value, parameters, FLOPs and time."""
    sides: dict = defaultdict(list)
    for record in records:
        run = Run.of(record["run"])
        sides[run.data, run.network, run.variant, run.unit].append(record)
    rows = [["data", "network", "unit", "runs", "mean", "least", "most", "parameters", "FLOPs", "s an epoch"]]
    for (data, network, variant, unit), group in sorted(sides.items()):
        values = [value(record) for record in group]
        digits = 2 if group[0]["measure"] == "accuracy" else 4
        epochs = [record["times"]["seconds"] for record in group]
        seconds = np.median([second for of_run in epochs for second in of_run[1:] or of_run])  # the first one compiles
        rows.append(
            [
                data,
                network + (f", {variant}" if variant else ""),
                unit,
                str(len(group)),
                *(f"{f(values):.{digits}f}" for f in (np.mean, min, max)),
                f"{group[0]['network']['parameters']:,}",
                f"{group[0]['network']['flops']:,}",
                f"{seconds:.1f}",
            ]
        )
    return _markdown(rows)


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


def _markdown(rows):
    head, *rest = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *rest])


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
    names = [" ".join(filter(None, (one.network, one.variant))) + f"\n{AGAINST[one.against]}" for one in comparisons]
    axis.set_yticks(range(len(comparisons)), names, size=8)
    axis.invert_yaxis()
    unit = "points of accuracy" if comparisons[0].measure == "accuracy" else "rmse"
    axis.set_xlabel(f"DAC minus standard, {unit}")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
