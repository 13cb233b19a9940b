"""The results of a scan as a data frame that joins the data frames of the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from os import PathLike
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from kidney_evals.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_SCANNERS = ("rationale", "rationale_llm")

FAILED = "failed"
"""Status of a transcript that could not be scanned."""

_COLUMNS = {
    "log": "source_uri",
    "eval_id": "source_id",
    "sample_uuid": "id",
    "sample_id": "task_id",
    "epoch": "task_repeat",
    "model": "model",
}
"""Columns of a frame, and Inspect Scout's names of the same columns, behind `transcript_`."""


def check_extra() -> None:
    """Raise `UserError`, which names the package to install, if Inspect Scout is missing."""
    if find_spec("inspect_scout") is None:
        raise UserError(
            "scanning transcripts needs inspect_scout, not installed here: "
            "pip install 'kidney-evals[scout]' (in a checkout: pip install '.[scout]')"
        )


def scanned(location: str | PathLike[str], scanner: str | None = None) -> pd.DataFrame:
    """Return the codes of a scan, with a row for each transcript of this package's tasks.

    Columns: `log` (as the scan names it), `eval_id`, `sample_uuid`, `sample_id`, `epoch`, `model`,
    `scanner`; `study`, `condition`, `dilemma`, `order`, `kind`, `wording`; then the codes of
    `Codes.values`; then `error`. `log`, `sample_id` and `epoch`, or `sample_uuid` alone, join the
    frames of `inspect_ai.analysis`. Over logs of several studies, a row has values only for the
    attributes of its own study. A transcript that could not be scanned, for example because the
    coding model refused, has the status `failed`, the reason in `error`, and no codes.

    `location` is the folder of one scan, as `scout scan` prints it. `scanner` is `rationale` or
    `rationale_llm`, by default the one that the scan holds.

    Raises:
        UserError: Inspect Scout is missing; the folder holds no scan of this package, or one by
            both scanners and `scanner` is None; or every transcript failed.
    """
    check_extra()
    import pandas as pd
    from inspect_scout import scan_results_df

    place = repr(str(location))
    try:
        results = scan_results_df(str(location))
    except Exception as error:
        # For a folder without a scan, Scout's exception depends on the missing file.
        raise UserError(f"there is no finished scan at {place} ({error})") from error
    names = [name for name in _SCANNERS if name in results.scanners and scanner in (None, name)]
    if len(names) != 1:
        raise UserError(
            f"the scan at {place} has {', '.join(results.scanners) or 'no scanner'}; "
            f"name one of {', '.join(_SCANNERS)}"
        )
    frame = results.scanners[names[0]]
    errors = frame["scan_error"].dropna()
    if len(errors) and len(errors) == len(frame):
        raise UserError(
            f"none of {len(frame)} transcripts at {place} could be scanned; the first: "
            f"{_line(errors.iloc[0])}"
        )
    rows = [_row(names[0], row) for row in frame.to_dict("records")]
    return pd.DataFrame([row for row in rows if row])


def _row(scanner: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the columns of a result; empty for a transcript of another task."""
    value, error = row["value"], row["scan_error"]
    if isinstance(error, str):
        codes, reason = {"status": FAILED}, _line(error)
    elif isinstance(value, str):
        marks = row["metadata"]
        codes = (json.loads(marks) if isinstance(marks, str) else marks) | json.loads(value)
        reason = ""
    else:
        return {}
    sample = {name: row[f"transcript_{theirs}"] for name, theirs in _COLUMNS.items()}
    return {**sample, "scanner": scanner, **codes, "error": reason}


def _line(error: str) -> str:
    return shorten(error, 200, placeholder=" …")
