"""The YAML files of this package, in which its texts and tables are kept."""

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def table(name: str) -> Any:
    """Return the content of a file by its path from this folder, without the ending."""
    place = files("kidney_evals.elicitation").joinpath(f"{name}.yaml")
    return yaml.safe_load(place.read_text(encoding="utf-8"))
