"""Read logs: measures of runs, tables, data frames, sentences, comparisons and the report page.

    from kidney_evals.reporting import find_logs, load, read_runs, rows_of, sentence, table

    load("logs").quantities                          # a pandas frame of every measure
    run = read_runs(find_logs(["logs"]))[0]          # one run with its answers
    run.rows["agreement"]                            # Quantity(value, low, high, human, n)
    print(table(run.rows, run.panel.task), sentence(run.rows, run.panel.task))

`comparing` compares runs over the dilemmas they share; `page` writes the report.
"""

from kidney_evals.reporting.frames import Frames, load
from kidney_evals.reporting.logs import LogFile, find_logs, read_samples
from kidney_evals.reporting.rows import Rows, rows_of
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.reporting.text import sentence, table

__all__ = [
    "Frames",
    "LogFile",
    "ModelRun",
    "Rows",
    "find_logs",
    "load",
    "read_runs",
    "read_samples",
    "rows_of",
    "sentence",
    "table",
]
