"""The tasks of choices, and runs of any task."""

import re
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalLog

from kidney_evals.errors import UserError
from kidney_evals.tasks import coin_flip, forced_choice

TASKS = {"forced_choice": forced_choice, "coin_flip": coin_flip}


def run(task: Any, folder: Path | str, model: Any = "kidney/human", **options: Any) -> EvalLog:
    """Run a task and return its finished log.

    The run has no realtime database, which would take a third of the time of a small run.
    """
    options = {"log_realtime": False, "score_display": False, **options}
    log: EvalLog = eval(task, model=model, log_dir=str(folder), **options)[0]
    assert log.status == "success", log.error
    return log


def refused(task: Any, arguments: dict[str, Any], says: str) -> None:
    """Check that a task refuses arguments with a message of one line."""
    with pytest.raises(UserError, match=re.escape(says)) as caught:
        task(**arguments)
    assert "\n" not in str(caught.value)


def meta(sample: Any) -> dict[str, Any]:
    """Return the metadata of a sample."""
    assert sample.metadata is not None
    return dict(sample.metadata)
