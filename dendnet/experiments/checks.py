"""What a run and a plan accept, and the sentence that refuses the rest."""

import difflib
import math
from numbers import Integral, Real

import numpy as np


def plain(value):
    """The value with Python's own numbers and truth values in place of NumPy's, at any depth."""
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def one_of(name, value, allowed):
    """The value where it is among those allowed; ValueError with the nearest of them otherwise."""
    if isinstance(value, str) and value in allowed:
        return value
    near = difflib.get_close_matches(value, allowed, 1) if isinstance(value, str) else []
    hint = f", perhaps {near[0]!r}" if near else ""
    raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}{hint}. Received: {name}={value!r}")


def table(name, value):
    """The value where it is a table."""
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be a table of settings. Received: {name}={value!r}")
    return value


def known(name, value, allowed):
    """The table where it is one and all of its keys are allowed."""
    for key in table(name, value):
        one_of(f"a setting of {name}", key, allowed)
    return value


def integer(name, value, least, most=2**31 - 1):
    """The value where it is an integer in its range."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value <= most:
        end = f" and at most {most}" if most < 2**31 - 1 else ""
        raise ValueError(f"{name} must be an integer of at least {least}{end}. Received: {name}={value!r}")
    return int(value)


def number(name, value, least, below=math.inf):
    """The value where it is a finite number in its range."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value < below:
        end = f" and below {below}" if below < math.inf else ""
        raise ValueError(f"{name} must be a finite number of at least {least}{end}. Received: {name}={value!r}")
    return float(value)


def truth(name, value):
    """The value where it is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false. Received: {name}={value!r}")
    return value


def texts(name, value):
    """A list of one text at least, from one text or a list of them."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(item, str) for item in found):
        raise ValueError(f"{name} must be a text or a list of texts. Received: {name}={value!r}")
    return found


def each_of(name, value, allowed):
    """The same where each is among those allowed."""
    return [one_of(f"each of {name}", item, allowed) for item in texts(name, value)]


def tables(name, value):
    """A list of one table at least."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} must be a list of tables. Received: {name}={value!r}")
    return value
