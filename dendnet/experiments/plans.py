"""Plans: a TOML file that says many runs, every data set x network x unit x seed."""

import itertools
import tomllib
from pathlib import Path

from dendnet.experiments import checks
from dendnet.experiments.runs import EQUAL_WIDTH, UNITS, Run

NEEDED = ("data", "networks", "units", "seeds", "protocol")
KEYS = (*NEEDED, "by_unit", "variants", "dac_options", "image_size", "validation")
MOST_RUNS = 10_000


def read(path):
    """The runs of a plan, seed by seed: where a sweep is cut short, what is done is balanced.

    A plan has ``data`` (a name or several), ``networks`` (tables with a ``model`` and its options), ``units``,
    ``seeds`` (how many, or a list) and ``protocol`` (a name, or a table with a name and changes). It may have
    ``dac_options``, ``image_size``, ``validation``, ``by_unit`` (changes of the protocol for one unit, as
    ``by_unit.dac.learning_rate``; a network may have its own) and ``variants`` (tables with a ``name``, changes of the
    ``protocol``, ``dac_options`` and ``units``, where not all of the plan's have the variant).

    Args:
        path: Path of the TOML file.

    Returns:
        A list of :class:`Run`.

    Raises:
        ValueError: The file is no TOML, or what it says is unknown or impossible.

    Reference:
        The chapter "Full experiments" of the book, section "To run all of it".
    """
    try:
        return runs(tomllib.loads(Path(path).read_text()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"A plan must be a TOML file ({said}). Received: path={str(path)!r}") from error


def runs(table):
    """The runs of a plan's table."""
    checks.known("plan", table, KEYS)
    missing = set(NEEDED) - set(table)
    if missing:
        raise ValueError(f"A plan needs {', '.join(sorted(missing))}. Received: {', '.join(table) or 'nothing'}")
    seeds = table["seeds"]
    if not isinstance(seeds, list):
        seeds = range(checks.integer("seeds", seeds, least=1, most=MOST_RUNS))
    axes = (
        seeds,
        checks.texts("data", table["data"]),
        checks.tables("networks", table["networks"]),
        checks.tables("variants", table.get("variants", [{}])),
        checks.each_of("units", table["units"], UNITS),
    )
    count = 1
    for axis in axes:
        count *= len(axis)
    if count > MOST_RUNS:
        raise ValueError(f"A plan must have at most {MOST_RUNS} runs. Received: {count} runs")
    found = [one(table, *each) for each in itertools.product(*axes) if suits(each[-2], each[-1])]
    if len({run.id for run in found}) < len(found):
        raise ValueError("A plan must name each of its runs once. Received: a plan that repeats a run")
    return found


def suits(variant, unit):
    """Whether a unit has this variant."""
    checks.known("variant", variant, ("name", "protocol", "dac_options", "units"))
    units = checks.each_of("units", variant.get("units", list(UNITS)), UNITS)
    if "dac_options" in variant and set(EQUAL_WIDTH) & set(units):
        raise ValueError(
            f"A variant with dac_options must name its units, {', '.join(map(repr, EQUAL_WIDTH))} not among them. "
            f"Received: variant={variant!r}"
        )
    return unit in units


def one(table, seed, data, network, variant, unit):
    """One run of a plan."""
    protocol = table["protocol"]
    protocol = dict(protocol if isinstance(protocol, dict) else {"name": protocol})
    for place in (table, network):
        by_unit = checks.known("by_unit", place.get("by_unit", {}), UNITS)
        protocol |= checks.table(f"by_unit.{unit}", by_unit.get(unit, {}))
    protocol |= checks.table("protocol", variant.get("protocol", {}))
    dac_options = checks.table("dac_options", table.get("dac_options", {}))
    dac_options = dac_options | checks.table("dac_options", variant.get("dac_options", {}))
    return Run.of(
        {
            "data": data,
            "model": network.get("model"),
            "unit": unit,
            "seed": seed,
            "protocol": protocol,
            "options": {name: value for name, value in network.items() if name not in ("model", "by_unit")},
            "dac_options": {} if unit in EQUAL_WIDTH else dac_options,
            "image_size": table.get("image_size"),
            "validation": table.get("validation", 0),
            "variant": variant.get("name", ""),
        }
    )
