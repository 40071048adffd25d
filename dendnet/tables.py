"""A table of numbers: HTML with a caption where a page shows it, aligned columns where a terminal does."""

import html
import re

NUMBER = re.compile(r"([+\-−]?[\d.,]+\s?(%|times|[kMGT]?i?B|ms|s|µs|x)?)?( ?\[[^\]]*\])?|—|-|\?")


class Table:
    """Rows of numbers that a reader compares.

    Numbers stand to the right and words to the left. A column that says the same in every row says it in the caption
    instead, unless it is empty and so left for the reader to fill in. On a phone the first columns are seen first:
    begin with what the table is about.

    Args:
        rows: A dictionary for each row, its cells by the names of their columns. A cell is a text or a number, written
            as the reader shall see it: ``f"{error:.2f}"``.
        caption: What the table shows.

    Raises:
        ValueError: There is no row or no caption, or a row has other columns than the first.

    Example:
        >>> from dendnet.tables import Table
        >>> rows = [{"width": 16, "error": "0.12", "data": "test"}, {"width": 128, "error": "0.08", "data": "test"}]
        >>> Table(rows, "Errors")
        Errors (data: test)
        width  error
           16   0.12
          128   0.08

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """

    def __init__(self, rows, caption):
        rows = [{name: str(cell) for name, cell in row.items()} for row in rows]
        if not rows or not str(caption).strip():
            raise ValueError(f"a table has a row and a caption at least. Received: rows={rows!r}, caption={caption!r}")
        for row in rows:
            if list(row) != list(rows[0]):
                raise ValueError(f"rows must have the columns {list(rows[0])}. Received: {list(row)}")
        same = [name for name in rows[0] if len(rows) > 1 and len({row[name] for row in rows}) == 1]
        constant = [name for name in same if rows[0][name] != ""]
        constant = constant if len(constant) < len(rows[0]) else []
        said = "; ".join(f"{name}: {rows[0][name]}" for name in constant)
        self.caption = f"{caption} ({said})" if said else caption
        self.rows = [{name: cell for name, cell in row.items() if name not in constant} for row in rows]
        self.columns = list(self.rows[0])

    def is_number(self, name):
        """Whether a column holds numbers alone."""
        return all(NUMBER.fullmatch(row[name]) for row in self.rows)

    def to_markdown(self):
        """The table in Markdown, its caption above."""
        sides = ["--:" if self.is_number(name) else "---" for name in self.columns]
        lines = [self.columns, sides, *(row.values() for row in self.rows)]
        return "\n".join([self.caption, "", *(f"| {' | '.join(line)} |" for line in lines)])

    def __repr__(self):
        lines = [dict(zip(self.columns, self.columns, strict=True)), *self.rows]
        widths = {name: max(len(line[name]) for line in lines) for name in self.columns}
        aligned = (
            "  ".join(
                line[name].rjust(widths[name]) if self.is_number(name) else line[name].ljust(widths[name])
                for name in self.columns
            ).rstrip()
            for line in lines
        )
        return "\n".join([self.caption, *aligned])

    def _repr_html_(self):
        sides = {name: ' class="number"' if self.is_number(name) else "" for name in self.columns}
        head = "".join(f'<th scope="col"{sides[name]}>{html.escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td{sides[name]}>{_shown(row[name])}</td>" for name in self.columns) + "</tr>\n"
            for row in self.rows
        )
        label = html.escape(self.caption)
        return (
            f'<div class="table-of-numbers" tabindex="0" role="region" aria-label="{label}">\n<table>\n'
            f"<caption>{label}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n</div>"
        )


def _shown(cell):
    """A cell in HTML: a minus before a number is one, and an interval, or a number and its unit, is on one line."""
    cell = re.sub(r"(?<![\w\d])-(?=[\d.])", "−", html.escape(cell))
    return re.sub(r"\[[^\]]*\]|\d [^\W\d]+$", lambda found: found[0].replace(" ", "\u00a0"), cell)
