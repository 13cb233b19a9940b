"""How an adapter is trained: settings with their defaults and reasons, from `lora.yaml`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from kidney_evals.errors import UserError, unknown

MOST_PASSES: Final = 30
"""Passes over the samples beyond which nothing new is in them."""

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "rank": (1, 1024),
    "alpha": (1, 4096),
    "dropout": (0, 0.9),
    "learning_rate": (1e-7, 1),
    "batch": (1, 1024),
    "steps": (1, 1_000_000),
    "patience": (1, 1000),
    "warmup": (0, 0.5),
    "weight_decay": (0, 1),
    "seed": (0, 2**31 - 1),
}


@dataclass(frozen=True)
class Settings:
    """Settings of a training run; `lora.yaml` says what each does and why it is what it is."""

    rank: int
    alpha: int
    dropout: float
    learning_rate: float
    batch: int
    steps: int
    patience: int
    warmup: float
    weight_decay: float
    seed: int

    def passes(self, samples: int) -> int:
        """Return how often `samples` are passed over at most."""
        steps_of_a_pass = math.ceil(samples / self.batch)
        return min(MOST_PASSES, max(1, self.steps // steps_of_a_pass))

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return asdict(self)


def settings(**given: float | None) -> Settings:
    """Return the defaults, changed where a value is given.

    Args:
        **given: Values by name; None leaves the default.

    Raises:
        UserError: There is no such setting, or a value lies outside of its range or is broken
            where only whole ones are allowed.
    """
    values = {name: entry["default"] for name, entry in explained().items()}
    for name, value in given.items():
        if name not in values:
            raise unknown("setting", name, values)
        if value is None:
            continue
        low, high = _RANGES[name]
        if not low <= value <= high:
            raise UserError(f"{name} must be from {low:.10g} to {high:.10g}, not {value!r}")
        if isinstance(values[name], int):
            if value != int(value):
                raise UserError(f"{name} must be a whole number, not {value!r}")
            value = int(value)
        values[name] = value
    return Settings(**values)


@lru_cache(maxsize=1)
def explained() -> Mapping[str, Mapping[str, Any]]:
    """Return each setting's `default` and `why`, by name."""
    text = files("kidney_evals.finetuning").joinpath("lora.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return table
