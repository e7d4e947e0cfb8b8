"""The public query objects."""

from tracker_nb.api.public import Api, Runs
from tracker_nb.api.run import Run, Summary

__all__ = ["Api", "Run", "Runs", "Summary"]
