"""Measures and flags, and their values for a run; independent of Inspect.

Importing this package does not load numpy. In the example `run` is a `Run` of
`kidney_evals.measures.run`, which holds the answers of one run as arrays:

    from kidney_evals.measures import compute, find, measures_of
    find("swap_diff").label                      # 'swap disagreement'
    compute(run, "swap_diff")                    # Quantity(value, low, high, human, n)
    {one.id: compute(run, one.id) for one in measures_of(run)}

To add a measure, write one function with `@measure` in the file of its group (`alignment.py`,
`consistency.py`, `indecision.py`, `predictions.py`, `probe.py`, `readability.py`, `stated.py`).
"""

from kidney_evals.measures import (
    alignment,
    consistency,
    indecision,
    predictions,
    probe,
    readability,
    stated,
)
from kidney_evals.measures.flags import FEW, FLAGS, Flag, flags_of, raised
from kidney_evals.measures.registry import (
    GROUPS,
    MEASURES,
    TRAITS,
    AnyRun,
    Measure,
    Task,
    baselines_of,
    bounds_of,
    change,
    compute,
    find,
    headlines,
    interval_at,
    measure,
    measures_of,
    person_of,
    probe_rows,
    stored,
)

__all__ = [
    "FEW",
    "FLAGS",
    "GROUPS",
    "MEASURES",
    "TRAITS",
    "AnyRun",
    "Flag",
    "Measure",
    "Task",
    "alignment",
    "baselines_of",
    "bounds_of",
    "change",
    "compute",
    "consistency",
    "find",
    "flags_of",
    "headlines",
    "indecision",
    "interval_at",
    "measure",
    "measures_of",
    "person_of",
    "predictions",
    "probe",
    "probe_rows",
    "raised",
    "readability",
    "stated",
    "stored",
]
