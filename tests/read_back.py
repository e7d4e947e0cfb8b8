"""Comparing what was read back with what was logged."""

import math

import numpy as np


def values(run):
    """The logged values of each row."""
    return [{k: v for k, v in row.items() if not k.startswith("_")} for row in run.scan_history()]


def same(found, wanted):
    """Equal in type and value; NaN is NaN, and arrays are arrays."""
    if isinstance(wanted, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
        return True
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict) and list(found) == list(wanted) and all(same(found[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is type(wanted) and found == wanted
