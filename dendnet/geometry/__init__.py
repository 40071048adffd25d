"""Where units and networks bend, exactly: knots, cells, linear regions, and break points on a segment."""

from dendnet.geometry.grid import cells, count_cells, knots
from dendnet.geometry.regions import Regions, linear_regions
from dendnet.geometry.segment import Pieces, regions_along

__all__ = ["Pieces", "Regions", "cells", "count_cells", "knots", "linear_regions", "regions_along"]
