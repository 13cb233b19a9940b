"""A log that a user names as a task's argument."""

from __future__ import annotations

import os
from pathlib import Path

from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.errors import UserError


def read_given_log(name: object) -> EvalLog:
    """Read the log that `revealed` names, with its samples.

    Args:
        name: A path, or the address of a log elsewhere. A relative path is also looked for where
            the command was typed: Inspect loads a task file from within the file's folder.

    Raises:
        UserError: There is no such log.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"revealed must be the path of a log, not {name!r}")
    place = name
    if "://" not in name:
        here = Path(name).expanduser()
        found = here if here.exists() else Path(os.environ.get("PWD", ".")) / here
        if found.is_dir():
            raise UserError(f"revealed: {name} is a folder; give one log")
        if not found.is_file():
            raise UserError(f"revealed: there is no log at {name!r}")
        place = str(found.resolve())
    try:
        return read_eval_log(place)
    except Exception as error:
        # Inspect has no error of its own for a file that is no log.
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"revealed: {name} cannot be read as a log ({why})") from error
