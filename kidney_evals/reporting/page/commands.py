"""Command lines that repeat the runs of a page on another machine.

The paths in a log are those of the machine that made it: a command names a file or folder, also the
log of another run, by the last part of its path.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import unquote

from kidney_evals.reporting.model_arguments import HIDDEN, shown_arguments
from kidney_evals.reporting.runs import SAMPLING, ModelRun, settings_of
from kidney_evals.reporting.table_formats import visible

_OPTIONS: Final = ("limit", "epochs", "sample_id", "sample_shuffle")
"""Options of `inspect eval` that a log's configuration holds and that change the samples asked."""

_PROSE: Final = ("system_prompt", "system_message")
"""Arguments that hold prose, even if it begins like a path."""

_ABSOLUTE: Final = re.compile(r"(?:file:|~/|/+[^/\s]+/|[A-Za-z]:[\\/]|\\\\)")


def commands(runs: Sequence[ModelRun]) -> tuple[str, ...]:
    """Return the command line of each run, as far as its log records it, without duplicates.

    Lines that begin with `#` say what to fill in, and which lines belong together.
    """
    files: dict[str, None] = {}
    arms = [run for run in runs if "sft_arm" in run.facts]
    lines = [_command(run, files) for run in runs if run not in arms]
    new = [line for run in arms if (line := _command(run, files)) not in lines]
    if new:
        head = "# Runs of `kidney-evals sft evaluate`, which asks all of them in one go:"
        lines += [head, *new]
    # A name may hold line breaks, and the text after a line break would not be a comment.
    notes = [
        f"# {visible(name)}: a file or folder of whoever ran this; name yours." for name in files
    ]
    if any(HIDDEN in line for line in lines):
        notes.append(f"# {HIDDEN} stands for a value that may be secret; fill in yours.")
    return tuple(dict.fromkeys([*notes, *lines]))


def _command(run: ModelRun, files: dict[str, None]) -> str:
    """Return the command line that repeats a run; add the files that it needs to `files`."""
    spec = run.header.eval
    provider, slash, rest = spec.model.partition("/")
    model = f"{provider}{slash}{_portable(rest, files)}"
    words = ["inspect", "eval", spec.task_registry_name or spec.task, "--model", model]
    if spec.model_base_url:
        words += ["--model-base-url", HIDDEN]
    arguments = {name: _portable(value, files) for name, value in spec.model_args.items()}
    for name, value in shown_arguments(arguments).items():
        words += ["-M", f"{name}={_plain(value)}"]
    for name, value in spec.task_args_passed.items():
        shown = value if name in _PROSE else _portable(value, files)
        words += ["-T", f"{name}={_plain(shown)}"]
    config, settings = spec.config.model_dump(exclude_none=True), settings_of(run.header)
    options = {name: config[name] for name in _OPTIONS if config.get(name, False) is not False}
    options |= {name: settings[name] for name in (*SAMPLING, "seed") if name in settings}
    for name, value in options.items():
        if (name, value) == ("epochs", 1):
            continue
        if name == "limit" and isinstance(value, list | tuple):
            # As the user types it: from 1, including the last.
            value = f"{value[0] + 1}-{value[1]}"
        if isinstance(value, Mapping):
            value = [f"{key}={one}" for key, one in value.items()]
        words += [f"--{name.replace('_', '-')}", *([] if value is True else [_plain(value)])]
    return shlex.join(words)


def _portable(value: Any, files: dict[str, None]) -> Any:
    """Return an argument with every absolute path reduced to its last part."""
    if isinstance(value, str) and _ABSOLUTE.match(value):
        path = unquote(value) if value.startswith("file:") else value
        kind = PureWindowsPath if "\\" in path else PurePosixPath
        name = kind(path.rstrip("/\\")).name
        files[name] = None
        return name
    if isinstance(value, Mapping):
        return {name: _portable(one, files) for name, one in value.items()}
    return [_portable(one, files) for one in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> str:
    """Return an argument in the form that Inspect parses back to the same value."""
    if isinstance(value, Mapping):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
