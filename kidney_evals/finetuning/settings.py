"""Settings of a training run, with their defaults, ranges and reasons from `lora.yaml`."""

import math
from dataclasses import dataclass

from kidney_evals.errors import UserError, check_known
from kidney_evals.finetuning.texts import table_of


@dataclass(frozen=True)
class Settings:
    """Settings of a training run; `lora.yaml` explains each."""

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
        """Return the maximum number of passes over this number of samples, from 1 to 30."""
        steps_of_a_pass = math.ceil(samples / self.batch)
        # More than 30 passes do not improve the adapter.
        return min(30, max(1, self.steps // steps_of_a_pass))


def settings(**given: float | None) -> Settings:
    """Return the given settings, with the default of each setting that is missing or None.

    Raises:
        UserError: The setting does not exist, or its value is out of range or not whole.
    """
    table = table_of("lora")
    values = {name: entry["default"] for name, entry in table.items()}
    for name, value in given.items():
        check_known("setting", name, values)
        if value is None:
            continue
        low, high = table[name]["range"]
        if not low <= value <= high:
            raise UserError(f"{name} must be from {low:.10g} to {high:.10g}, not {value!r}")
        is_whole = isinstance(values[name], int)
        if is_whole and value != int(value):
            raise UserError(f"{name} must be a whole number, not {value!r}")
        values[name] = int(value) if is_whole else value
    return Settings(**values)


def read_sizes(text: str, option: str, *, least: int = 1) -> list[int]:
    """Parse numbers of samples such as "8,32,128"; return them ascending without duplicates.

    Raises `UserError`, with the name of the `option`, for another text or a number below `least`.
    """
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UserError(f"{option} takes whole numbers with commas between, not {text!r}") from None
    if sizes[0] < least:
        raise UserError(f"{option} must be at least {least}, not {sizes[0]}")
    return sizes
