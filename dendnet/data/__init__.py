"""Data sets as NumPy arrays, from their official archives or from a local folder."""

from dendnet.data.dataset import Dataset, Split
from dendnet.data.errors import DataError
from dendnet.data.load import load

__all__ = ["DataError", "Dataset", "Split", "load"]
