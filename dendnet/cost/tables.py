"""Costs as tables and dictionaries."""

from typing import Any

from dendnet.cost.implementations import NAMES
from dendnet.tables import Table

HEADINGS = (
    "layer", "output", "weights", "biases", "multiplications", "additions", "comparisons", "FLOPs", "FLOPs of a step",
    *(f"memory, {name}" for name in NAMES),
)  # fmt: skip


class Rendered:
    """What a notebook shows as a table: it has a caption and gives its rows, a dictionary of texts for each."""

    def to_markdown(self: Any):
        """The table in Markdown."""
        rows = self._rows()
        lines = [rows[0], ["---", *["--:"] * (len(rows[0]) - 1)], *(row.values() for row in rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _repr_html_(self: Any):
        return Table(self._rows(), self._caption)._repr_html_()


class Counted(Rendered):
    """The cost of a layer or of a model."""

    @property
    def _caption(self: Any):
        return f"What {self.name} costs"

    def __repr__(self: Any):
        return f"<{type(self).__name__} of {self.name}: {self.parameters:,} parameters, {self.flops:,} FLOPs>"


def row(cost):
    """What the table says of one cost."""
    done = cost.forward
    numbers = [done.multiplications, done.additions, done.comparisons, done.flops, cost.step.flops]
    shown = [f"{n:,}" if cost.known else "?" for n in numbers]
    shape = " x ".join(map(str, cost.output_shape[1:]))
    held = [f"{bytes_of(cost, name):,}" if name in cost.kept else "-" for name in NAMES]
    cells = [cost.name, shape, f"{cost.weights:,}", f"{cost.biases:,}", *shown, *held]
    return dict(zip(HEADINGS, cells, strict=True))


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
