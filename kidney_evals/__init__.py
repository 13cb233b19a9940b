"""Kidney-allocation dilemmas for Inspect AI, with people's answers as reference.

Inspect loads the package through its entry point (`kidney_evals._registry`). In Python, start at
`kidney_evals.tasks` (the evaluations), `kidney_evals.studies` (the dilemmas) and
`kidney_evals.human` (people's answers). Importing this module loads none of numpy, scipy and
pandas.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kidney-evals")
except PackageNotFoundError:  # a checkout on PYTHONPATH, never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
