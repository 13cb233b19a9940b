"""Read token prices from the user's file; the package ships none because prices change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import Field, RootModel

from kidney_evals.input_files import (
    FileModel,
    JsonFile,
    Line,
    Number,
    YamlFile,
    read_bytes,
)

Dollars = Annotated[Number, Field(ge=0, le=1e6)]


class Price(NamedTuple):
    """Price of one model in USD per million tokens."""

    input: float
    output: float

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Return the cost in USD of `input_tokens` and `output_tokens`."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


class _PriceEntry(FileModel):
    """USD per million tokens of one model."""

    input: Dollars
    output: Dollars


class _PriceFile(RootModel[Annotated[dict[Line, _PriceEntry], Field(min_length=1)]]):
    """A price file: entries by model name."""


def read_prices(path: Path | None) -> dict[str, Price]:
    """Read a price file.

    Args:
        path: A YAML or JSON file that maps model names, as in `--model`, to `input` and `output`
            prices in USD per million tokens. None for no prices.

    Raises:
        UserError: The file cannot be read, or an entry has another form.
    """
    if path is None:
        return {}
    file = JsonFile if path.suffix.lower() == ".json" else YamlFile
    found = file(f"price file {path}", read_bytes(path)).result(_PriceFile)
    return {model: Price(one.input, one.output) for model, one in found.root.items()}
