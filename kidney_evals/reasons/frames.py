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

SCANNERS = ("rationale", "rationale_llm")
"""The scanners whose results are read."""

FAILED = "failed"
"""Status of a transcript that could not be scanned."""

_LONG = 200


def has_extra() -> bool:
    """Return whether Inspect Scout is installed."""
    return find_spec("inspect_scout") is not None


def check_extra() -> None:
    """Raise an error if Inspect Scout is missing; the message names the package to install."""
    if not has_extra():
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

    Args:
        location: The folder of one scan, as `scout scan` prints it.
        scanner: `rationale` or `rationale_llm`; None if the scan holds only one of them.

    Raises:
        UserError: Inspect Scout is missing, the folder holds no scan of this package, or every
            transcript failed.
    """
    check_extra()
    import pandas as pd
    from inspect_scout import scan_results_df

    try:
        results = scan_results_df(str(location))
    except Exception as error:
        # For a folder without a scan, Scout's exception depends on the missing file.
        raise UserError(f"there is no finished scan at {str(location)!r} ({error})") from error
    there = [name for name in SCANNERS if name in results.scanners]
    wanted = there if scanner is None else [name for name in there if name == scanner]
    if len(wanted) != 1:
        raise UserError(
            f"the scan at {str(location)!r} has {', '.join(results.scanners) or 'no scanner'}; "
            f"name one of {', '.join(SCANNERS)}"
        )
    frame = results.scanners[wanted[0]]
    failed = frame[frame["scan_error"].notna()]
    if len(failed) and len(failed) == len(frame):
        raise UserError(
            f"none of {len(frame)} transcripts at {str(location)!r} could be scanned; the first: "
            f"{_line(failed['scan_error'].iloc[0])}"
        )
    rows = [_row(wanted[0], row) for row in frame.to_dict("records")]
    return pd.DataFrame([one for one in rows if one])


def _row(scanner: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the columns of a result; empty for a transcript of another task."""
    value, error = row["value"], row["scan_error"]
    if isinstance(error, str):
        codes, why = {"status": FAILED}, _line(error)
    elif isinstance(value, str):
        marks = row["metadata"]
        codes = (json.loads(marks) if isinstance(marks, str) else marks) | json.loads(value)
        why = ""
    else:
        return {}
    return {
        "log": row["transcript_source_uri"],
        "eval_id": row["transcript_source_id"],
        "sample_uuid": row["transcript_id"],
        "sample_id": row["transcript_task_id"],
        "epoch": row["transcript_task_repeat"],
        "model": row["transcript_model"],
        "scanner": scanner,
        **codes,
        "error": why,
    }


def _line(error: str) -> str:
    return shorten(error, _LONG, placeholder=" …")
