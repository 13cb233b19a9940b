"""Make the golden files again, or print how the present results differ from them.

    python tests/goldens/make.py --check                         # what differs, in some minutes
    python tests/goldens/make.py --check --part runs
    python tests/goldens/make.py --check --study freedman_2020 --respondent human
    python tests/goldens/make.py --part rows --study freedman_2020    # write these rows anew

Run it in a checkout, with the package installed. `--check` exits with 1 if something differs.
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("INSPECT_DISPLAY", "none")
# Two processes of one thread each: the numbers do not depend on how many cores there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from goldens import parts
from goldens.runs import CONDITIONS, RESPONDENTS, STUDIES
from goldens.tables import Table, differences, read_table, write_table
from kidney_evals.studies import Condition

Job = tuple[str, Condition, str] | str
"""Study, condition and respondent of some rows, `runs`, or the name of a table of `parts.QUICK`."""


def main() -> int:
    """Do what the command line asks and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=["rows", "runs", *parts.QUICK], help="Only this part.")
    parser.add_argument("--study", choices=STUDIES, help="Only the rows of this study.")
    parser.add_argument("--condition", choices=list(CONDITIONS), help="Only rows of it.")
    parser.add_argument("--respondent", choices=RESPONDENTS, help="Only rows of it.")
    parser.add_argument("--check", action="store_true", help="Print differences, write nothing.")
    asked = parser.parse_args()
    wanted = (asked.study, asked.condition, asked.respondent)
    jobs: list[Job] = [
        run
        for run in product(STUDIES, CONDITIONS, RESPONDENTS)
        if all(name in (None, part) for name, part in zip(wanted, run, strict=True))
    ]
    if asked.part != "rows" and not any(wanted):
        jobs = [asked.part] if asked.part else ["runs", *jobs, *parts.QUICK]
    made: dict[str, Table] = {}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for job, tables in zip(jobs, pool.map(do, jobs), strict=True):
            print("done:", job, file=sys.stderr)
            for name, table in tables.items():
                made.setdefault(name, {}).update(table)
    status = 0
    for name, table in made.items():
        path, keys = parts.DATA / f"{name}.csv", parts.KEYS[name]
        golden = read_table(path, keys) if path.exists() else {}
        # Other runs in a file of rows are left as they are.
        runs = {key[:2] for key in table} if name.startswith("rows_") else None
        replaced = {key: golden[key] for key in golden if runs is None or key[:2] in runs}
        if asked.check:
            status |= _print(name, differences(replaced, table))
        else:
            others = {key: cells for key, cells in golden.items() if key not in replaced}
            write_table(path, keys, table | others)
    return status


def do(job: Job) -> dict[str, Table]:
    """Return the tables of one job by file name, without ending."""
    if job == "runs":
        return parts.special_runs()
    if isinstance(job, str):
        return {job: parts.QUICK[job]()}
    return {f"rows_{job[0]}": parts.rows(*job)}


def _print(name: str, lines: list[str]) -> int:
    """Print the first differences of a table and how many there are; return the exit status."""
    counts = Counter(line.partition(":")[0] for line in lines)
    counted = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"{name}: {counted or 'no difference'}", *lines[:20], sep="\n")
    if len(lines) > 20:
        print(f"and {len(lines) - 20} more")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
