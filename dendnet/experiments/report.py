"""What recorded runs show: pairs by seed, intervals, tables."""

import math

import numpy as np

from dendnet.experiments.groups import groups, value
from dendnet.experiments.pairs import AGAINST, PAPER, compare

__all__ = ["AGAINST", "PAPER", "compare", "costs", "draw", "provenance", "table", "value"]


def table(comparisons):
    """The comparisons as a table in Markdown."""
    level = f"{100 * (1 - (1 - comparisons[0].interval.level) * len(comparisons)):.0f} %" if comparisons else ""
    rows = [
        ["data", "network", "against", "pairs", "DAC", "standard", "DAC - standard", f"{level} interval", "verdict",
         f"pairs for {PAPER} points"]
    ]  # fmt: skip
    for one in comparisons:
        digits = 2 if one.measure == "accuracy" else 4
        dac, standard = ([pair[side] for pair in one.pairs] for side in (1, 2))
        i = one.interval
        mixed = f" ({one.mixed} pairs of two versions)" if one.mixed else ""
        rows.append(
            [
                one.data,
                _words(one.network, one.variant, one.settings[0]),
                _words(AGAINST[one.against], one.settings[1]),
                str(i.pairs),
                _mean(dac, digits),
                _mean(standard, digits),
                f"{i.mean:+.{digits}f}" if one.pairs else "-",
                f"[{i.low:+.{digits}f}, {i.high:+.{digits}f}]" if one.pairs else "-",
                one.verdict + mixed,
                "-" if one.needed is None else str(one.needed),
            ]
        )
    if all(one.needed is None for one in comparisons):
        rows = [row[:-1] for row in rows]
    return _markdown(rows)


def costs(records):
    """What each side is and took, as a table in Markdown: value, parameters, FLOPs and time."""
    rows = [["data", "network", "unit", "runs", "mean", "least", "most", "parameters", "FLOPs", "s an epoch"]]
    for group in sorted(groups(records), key=lambda one: (one.name, one.settings)):
        found = list(group.records.values())
        values = [value(record) for record in found if math.isfinite(value(record))]
        diverged = len(found) - len(values)
        digits = 2 if found[0]["measure"] == "accuracy" else 4
        epochs = [record["times"]["seconds"] for record in found]
        seconds = [second for of_run in epochs for second in of_run[1:] or of_run]  # the first one compiles
        data, network, variant, unit = group.name
        rows.append(
            [
                data,
                _words(network, variant, group.settings),
                unit,
                f"{len(found)}" + (f", {diverged} diverged" if diverged else ""),
                *(f"{f(values):.{digits}f}" if values else "-" for f in (np.mean, min, max)),
                f"{found[0]['network']['parameters']:,}",
                f"{found[0]['network']['flops']:,}",
                f"{np.median(seconds):.1f}" if seconds else "-",
            ]
        )
    return _markdown(rows)


def _words(*parts):
    return ", ".join(filter(None, parts))


def _mean(values, digits):
    return f"{np.mean(values):.{digits}f}" if values else "-"


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
        if not one.pairs:
            continue
        colour = plotting.COLOURS[looks[one.verdict]] if one.verdict in looks else plotting.GREY
        axis.plot([dac - standard for _, dac, standard in one.pairs], [row - 0.22] * i.pairs, "|", color=colour, ms=6)
        axis.errorbar(i.mean, row, xerr=[[i.mean - i.low], [i.high - i.mean]], fmt="o", color=colour, capsize=3)
    names = [
        " ".join(filter(None, (one.network, one.variant, one.settings[0])))
        + f"\n{_words(AGAINST[one.against], one.settings[1])}"
        for one in comparisons
    ]
    axis.set_yticks(range(len(comparisons)), names, size=8)
    axis.invert_yaxis()
    unit = "points of accuracy" if comparisons[0].measure == "accuracy" else "rmse"
    axis.set_xlabel(f"DAC minus standard, {unit}")
    axis.spines[["top", "right"]].set_visible(False)
    return figure
