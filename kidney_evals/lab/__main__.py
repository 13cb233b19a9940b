"""Make a shipped table anew: `python -m kidney_evals.lab precision --out FILE`.

`persons` makes `persons.csv` of every shipped study with people; `--out` is then a folder.
"""

import argparse
from pathlib import Path

from kidney_evals import planning, reasons
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.human.tables import PersonRow
from kidney_evals.lab import (
    persons,
    precision_table,
    probe_table,
    readout_table,
    reason_coding,
    sensitivity_table,
    stopping_table,
)
from kidney_evals.lab.table_text import table_text
from kidney_evals.studies import datasets_dir, load_study, study_names

TABLES = {
    "precision": precision_table.records,
    "sensitivity": sensitivity_table.records,
    "stopping": stopping_table.records,
    "readout": readout_table.records,
    "probe": probe_table.records,
}
"""By name of a table in the folder of `planning`, the function that returns its rows."""


def main() -> None:
    """Write the table that the command line names to its place in the package, or to `--out`."""
    parser = argparse.ArgumentParser(prog="python -m kidney_evals.lab", description=__doc__)
    parser.add_argument("table", choices=(*TABLES, "persons", "reasons"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.table == "persons":
        for name in study_names():
            if not any(load_study(name).people.values()):
                continue
            folder = (options.out or datasets_dir()) / name / REFERENCE_FOLDER
            folder.mkdir(parents=True, exist_ok=True)
            (folder / PersonRow.file).write_text(
                persons.person_tables(name), encoding="utf-8", newline="\n"
            )
        return
    if options.table == "reasons":
        text, place = reason_coding.measured(), Path(reasons.__path__[0], "measured.md")
    else:
        text = table_text(TABLES[options.table]())
        place = Path(planning.__path__[0], f"{options.table}.csv")
    (options.out or place).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
