"""Read token prices from the user's file; the package ships none because prices change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel

from kidney_evals.input_files import FileModel, JsonFile, Line, Number, YamlFile, read_bytes

_Dollars = Annotated[Number, Field(ge=0, le=1e6)]


class Price(FileModel):
    """Price of one model in USD per million tokens."""

    input: _Dollars
    output: _Dollars

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Return the cost in USD of `input_tokens` and `output_tokens`."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


class _PriceFile(RootModel[Annotated[dict[Line, Price], Field(min_length=1)]]):
    """A price file: entries by model name."""


def read_prices(path: Path | None) -> dict[str, Price]:
    """Read a price file; {} for None.

    The YAML or JSON file maps model names, as in `--model`, to `input` and `output` prices in USD
    per million tokens. `UserError` if it cannot be read, or an entry has another form.
    """
    if path is None:
        return {}
    file = JsonFile if path.suffix.lower() == ".json" else YamlFile
    return dict(file(f"price file {path}", read_bytes(path)).result(_PriceFile).root)
