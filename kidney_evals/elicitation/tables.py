"""The YAML files of this package, which hold its texts and tables."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def table(name: str) -> Any:
    """Return the content of a YAML file, by its path from this folder without the ending."""
    place = files("kidney_evals.elicitation").joinpath(f"{name}.yaml")
    return yaml.safe_load(place.read_text(encoding="utf-8"))
