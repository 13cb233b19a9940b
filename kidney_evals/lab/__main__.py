"""Make a shipped table anew: `python -m kidney_evals.lab precision --out FILE`."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from kidney_evals import planning, reasons
from kidney_evals.lab.table_text import table_text


def main() -> None:
    """Write the table to its place in the package, or to `--out`."""
    parser = argparse.ArgumentParser(prog="python -m kidney_evals.lab", description=__doc__)
    tables = ("precision", "sensitivity", "stopping", "readout", "reasons")
    parser.add_argument("table", choices=tables)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.table == "reasons":
        text = import_module("kidney_evals.lab.reason_coding").measured()
        place = Path(reasons.__path__[0], "measured.md")
    else:
        module = import_module(f"kidney_evals.lab.{options.table}_table")
        text = table_text(module.records())
        place = Path(planning.__path__[0], f"{options.table}.csv")
    (options.out or place).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
