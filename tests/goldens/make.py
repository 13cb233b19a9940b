"""Make the golden files again, or print how the present results differ from them.

    python tests/goldens/make.py --check                         # what differs, in some minutes
    python tests/goldens/make.py --check --part runs
    python tests/goldens/make.py --check --study freedman_2020 --respondent human
    python tests/goldens/make.py --part rows --study freedman_2020    # write these rows anew

Run it in a checkout, with the package installed. `--check` ends with 1 where something differs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("INSPECT_DISPLAY", "none")
# Two processes of one thread each: the numbers do not depend on how many cores there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from goldens import parts
from goldens.runs import CONDITIONS, RESPONDENTS, STUDIES
from goldens.tables import (
    TOLERANCE,
    Difference,
    Table,
    differences,
    read_table,
    report,
)


class Job(NamedTuple):
    """A piece of work for one process.

    Attributes:
        part: `rows`, `runs`, or the name of a table of `parts.QUICK`.
        study: Of `rows`.
        condition: Of `rows`.
        respondent: Of `rows`.
    """

    part: str
    study: str = ""
    condition: str = ""
    respondent: str = ""


def main() -> int:
    """Do what the command line asks and return the exit status."""
    asked = _arguments()
    jobs = _jobs(asked)
    made: dict[str, Table] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.jobs, mp_context=context) as pool:
        for job, tables in zip(jobs, pool.map(do, jobs), strict=True):
            print("done:", *filter(None, job), file=sys.stderr)
            for name, table in tables.items():
                made.setdefault(name, Table(table.keys)).rows.update(table.rows)
    wanted = {name: getattr(asked, name) for name in ("study", "condition", "respondent")}
    chosen = {name: value for name, value in wanted.items() if value}
    found = 0
    for name, table in made.items():
        if asked.check:
            found += _print_differences(name, table, chosen, asked.tolerance)
        else:
            _write(name, table, chosen)
    return int(bool(found))


def do(job: Job) -> dict[str, Table]:
    """Make the tables of one job, by the names of their files."""
    if job.part == "rows":
        condition = next(one for one in CONDITIONS if one == job.condition)
        return {f"rows_{job.study}": parts.rows(job.study, condition, job.respondent)}
    if job.part == "runs":
        return parts.special_runs()
    return {job.part: parts.QUICK[job.part]()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=["rows", "runs", *parts.QUICK], help="Only this part.")
    parser.add_argument("--study", choices=STUDIES, help="Only the rows of this study.")
    parser.add_argument("--condition", choices=list(CONDITIONS), help="Only rows of it.")
    parser.add_argument("--respondent", choices=RESPONDENTS, help="Only rows of it.")
    parser.add_argument("--check", action="store_true", help="Print differences, write nothing.")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="Of --check.")
    parser.add_argument("--jobs", type=int, default=2, help="Processes.")
    return parser.parse_args()


def _jobs(asked: argparse.Namespace) -> list[Job]:
    rows = [
        Job("rows", study, condition, respondent)
        for study in STUDIES
        for condition in CONDITIONS
        for respondent in RESPONDENTS
        if asked.study in (None, study)
        and asked.condition in (None, condition)
        and asked.respondent in (None, respondent)
    ]
    if asked.part == "rows" or asked.study or asked.condition or asked.respondent:
        return rows
    if asked.part:
        return [Job(asked.part)]
    return [Job("runs"), *rows, *map(Job, parts.QUICK)]


def _golden(name: str) -> Table:
    path = parts.DATA / f"{name}.csv"
    keys = parts.KEYS[name]
    return read_table(path, keys) if path.exists() else Table(keys)


def _print_differences(name: str, table: Table, chosen: Mapping[str, str], tolerance: float) -> int:
    golden = _golden(name)
    golden = golden.only(chosen) if name.startswith("rows_") else golden
    found: list[Difference] = differences(golden, table, tolerance)
    print(f"{name}: {report(found)}")
    return len(found)


def _write(name: str, table: Table, chosen: Mapping[str, str]) -> None:
    if chosen:
        golden = _golden(name)
        kept = golden.rows.keys() - golden.only(chosen).rows.keys()
        table.rows.update({key: golden.rows[key] for key in kept})
    table.write(parts.DATA / f"{name}.csv")


if __name__ == "__main__":
    sys.exit(main())
