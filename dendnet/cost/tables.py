"""Costs as tables and dictionaries."""

from typing import Any

from dendnet.cost.implementations import NAMES
from dendnet.tables import Table

HEADINGS = (
    "layer", "output", "weights", "biases", "multiplications", "additions", "comparisons", "FLOPs", "FLOPs of a step",
    *(f"memory, {name}" for name in NAMES),
)  # fmt: skip


class Rendered:
    """What notebooks show as its own table."""

    def _repr_html_(self: Any):
        return html(self.to_markdown(), f"What {self.name} costs")

    def __repr__(self: Any):
        return f"<{type(self).__name__} of {self.name}: {self.parameters:,} parameters, {self.flops:,} FLOPs>"


def costs(rows):
    """A table with a row for each cost."""
    return markdown(HEADINGS, [_row(cost) for cost in rows])


def _row(cost):
    done = cost.forward
    numbers = [done.multiplications, done.additions, done.comparisons, done.flops, cost.step.flops]
    shown = [f"{n:,}" if cost.known else "?" for n in numbers]
    shape = " x ".join(map(str, cost.output_shape[1:]))
    held = [f"{bytes_of(cost, name):,}" if name in cost.kept else "-" for name in NAMES]
    return [cost.name, shape, f"{cost.weights:,}", f"{cost.biases:,}", *shown, *held]


def bytes_of(cost, name):
    """Bytes of activations that a training step holds under an implementation."""
    return cost.kept[name] + cost.temporary[name]


def counts(cost):
    """The counts of a cost by name."""
    return {
        "weights": cost.weights,
        "biases": cost.biases,
        "state": cost.state,
        "forward": cost.forward.to_dict(),
        "step": cost.step.to_dict(),
        "executed": {
            name: {"forward": done.forward.to_dict(), "step": done.step.to_dict()}
            for name, done in cost.executed.items()
        },
        "kept": dict(cost.kept),
        "temporary": dict(cost.temporary),
    }


def html(table, caption):
    """A table of this module's in HTML: Jupyter Book renders no table from the Markdown of an output."""
    first, _, *rest = (line.strip("| ").split(" | ") for line in table.splitlines())
    return Table([dict(zip(first, row, strict=True)) for row in rest], caption)._repr_html_()


def markdown(headings, rows):
    """A table; its first column is left-aligned and the others are right-aligned."""
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
