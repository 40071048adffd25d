"""What recorded runs show: pairs by seed, intervals, tables."""

import math

import numpy as np

from dendnet.experiments.groups import groups, value
from dendnet.experiments.pairs import AGAINST, PAPER, compare
from dendnet.tables import Table

__all__ = ["AGAINST", "PAPER", "compare", "costs", "draw", "provenance", "table", "value"]


WORDS = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenette": "Imagenette", "imagewoof": "Imagewoof",
    "sgemm": "SGEMM", "cifar_resnet": "ResNet", "resnet": "ResNet", "mlp": "MLP", "dac": "DAC",
    **{unit: said for unit, said in AGAINST.items() if unit != "standard"},
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
        dac, standard = ([pair[side] for pair in one.pairs] for side in (1, 2))
        i = one.interval
        mixed = f" ({one.mixed} pairs of two versions)" if one.mixed else ""
        rows.append(
            {
                "network": in_words(one.network),
                "variant": _words(one.variant, one.settings[0]) or "—",
                "equal": _words(AGAINST[one.against].removeprefix("standard, equal "), one.settings[1]),
                "difference": f"{i.mean:+.{digits}f} [{i.low:+.{digits}f}, {i.high:+.{digits}f}]" if one.pairs else "—",
                "verdict": one.verdict + mixed,
                "DAC": _mean(dac, digits),
                "standard": _mean(standard, digits),
                "pairs": i.pairs,
                f"pairs for {PAPER} points": "—" if one.needed is None else one.needed,
                "data": WORDS.get(one.data, one.data),
                "measure": {"accuracy": "accuracy in %", "rmse": "rmse"}[one.measure],
            }
        )
    other = (
        "a standard network" if all(one.against.startswith("standard") for one in comparisons) else "another network"
    )
    empty = [name for name in rows[0] if all(row[name] == "—" for row in rows)]
    return Table(
        [{name: cell for name, cell in row.items() if name not in empty} for row in rows],
        f"DAC minus {other}; the intervals together hold with {level}",
    )


def costs(records):
    """What each side is and took, as a :class:`~dendnet.tables.Table`: its measure, parameters, FLOPs and time.

    Args:
        records: Records of runs, one at least.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    rows = []
    for group in sorted(groups(records), key=lambda one: (one.name, one.settings)):
        found = list(group.records.values())
        values = [value(record) for record in found if math.isfinite(value(record))]
        diverged = len(found) - len(values)
        measure = found[0]["measure"]
        digits = 2 if measure == "accuracy" else 4
        epochs = [record["times"]["seconds"] for record in found]
        seconds = [second for of_run in epochs for second in of_run[1:] or of_run]  # the first one compiles
        data, network, variant, unit = group.name
        reached = "{:.{d}f} [{:.{d}f}, {:.{d}f}]"
        rows.append(
            {
                "network": _words(in_words(network), variant, group.settings),
                "unit": WORDS.get(unit, unit),
                "mean [least, most]": reached.format(np.mean(values), min(values), max(values), d=digits)
                if values
                else "—",
                "parameters": f"{found[0]['network']['parameters']:,}",
                "FLOPs": f"{found[0]['network']['flops']:,}",
                "s an epoch": f"{np.median(seconds):.1f}" if seconds else "—",
                "runs": f"{len(found)}" + (f", {diverged} diverged" if diverged else ""),
                "data": WORDS.get(data, data),
                "measure": {"accuracy": "accuracy in %", "rmse": "rmse"}[measure],
            }
        )
    return Table(rows, "The networks, what they reached and what they took")


def _words(*parts):
    return ", ".join(filter(None, parts))


def _mean(values, digits):
    return f"{np.mean(values):.{digits}f}" if values else "—"


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
    looks = {"DAC better": "dac", "standard better": "standard", "rival better": "plum"}
    for row, one in enumerate(comparisons):
        i = one.interval
        if not one.pairs:
            continue
        colour = plotting.COLOURS[looks[one.verdict]] if one.verdict in looks else plotting.GREY
        axis.plot([dac - standard for _, dac, standard in one.pairs], [row - 0.22] * i.pairs, "|", color=colour, ms=6)
        axis.errorbar(i.mean, row, xerr=[[i.mean - i.low], [i.high - i.mean]], fmt="o", color=colour, capsize=3)
    networks = {one.network for one in comparisons}
    names = [
        "\n".join(
            filter(
                None,
                (
                    in_words(one.network) * (len(networks) > 1),
                    _words(one.variant, one.settings[0]),
                    _words(AGAINST[one.against], one.settings[1]),
                ),
            )
        )
        for one in comparisons
    ]
    axis.set_yticks(range(len(comparisons)), names, size=9)
    axis.invert_yaxis()
    unit = "points of accuracy" if comparisons[0].measure == "accuracy" else "rmse"
    axis.set_xlabel(f"DAC minus standard, {unit}")
    return figure
