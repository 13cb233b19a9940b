"""The command line `kidney-evals`."""

from kidney_evals.cli.main import main

__all__ = ["main"]
