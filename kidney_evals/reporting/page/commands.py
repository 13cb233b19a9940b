"""Command lines that repeat the runs of a page on another machine.

The paths in a log are those of the machine that made it, and no command contains them. If a run
used the log of another run, that log is referred to by the folder into which the other run's
command writes; any other file is referred to by its name without folders.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final
from urllib.parse import unquote

from kidney_evals.reporting.key import SAMPLING
from kidney_evals.reporting.model_arguments import HIDDEN, shown_arguments
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.table_formats import visible

HANDED_ON: Final = ("limit", "epochs", "sample_id", "sample_shuffle")
"""Options of `inspect eval` that a log's configuration holds and that change the samples asked."""

SAMPLED: Final = (*SAMPLING, "seed")
"""Settings of the model that the commands repeat."""

PROSE: Final = ("system_prompt", "system_message")
"""Arguments that hold prose, even if it begins like a path."""

REFERS: Final = "revealed"
"""The task argument that names logs of other runs."""

_ABSOLUTE: Final = re.compile(r"(?:file:|~/|/+[^/\s]+/|[A-Za-z]:[\\/]|\\\\)")


def commands(runs: Sequence[ModelRun]) -> tuple[str, ...]:
    """Return the command line of each run, as far as its log records it, without duplicates.

    Lines that begin with `#` say which values a reader must fill in, and which lines belong
    together.
    """
    named = _named_logs(runs)
    files: dict[str, None] = {}
    arms = [run for run in runs if "sft_arm" in run.facts]
    others = sorted(
        (run for run in runs if "sft_arm" not in run.facts), key=lambda one: one.id not in named
    )
    lines = [_command(run, named, files) for run in others]
    asked = [line for run in arms if (line := _command(run, named, files)) not in lines]
    if asked:
        lines.append("# Runs of `kidney-evals sft evaluate`, which asks all of them in one go:")
        lines += asked
    # A name may hold line breaks, and the text after a line break would not be a comment.
    put_in = [
        f"# {visible(name)}: a file or folder of whoever ran this; name yours." for name in files
    ]
    specs = [run.header.eval for run in runs]
    if any(
        one.model_base_url or HIDDEN in shown_arguments(one.model_args).values() for one in specs
    ):
        put_in.append(f"# {HIDDEN} stands for a value that may be secret; fill in yours.")
    return tuple(dict.fromkeys([*put_in, *lines]))


def _command(run: ModelRun, named: Mapping[str, str], files: dict[str, None]) -> str:
    """Return the command line that repeats a run with the same model.

    Args:
        run: The run.
        named: Folders for the logs that other runs refer to, by run id and by log name.
        files: Collects the placeholders of files that a reader must supply; changed in place.
    """
    spec = run.header.eval
    provider, slash, rest = spec.model.partition("/")
    model = f"{provider}{slash}{_portable(rest, files)}"
    words = ["inspect", "eval", spec.task_registry_name or spec.task, "--model", model]
    if spec.model_base_url:
        words += ["--model-base-url", HIDDEN]
    arguments = {name: _portable(value, files) for name, value in spec.model_args.items()}
    for name, value in shown_arguments(arguments).items():
        words += ["-M", f"{name}={_plain(value)}"]
    made = ""
    for name, value in spec.task_args_passed.items():
        if name == REFERS and value is not None:
            made += f" -T {name}={','.join(_log(one, named, run, files) for one in _listed(value))}"
        else:
            said = value if name in PROSE else _portable(value, files)
            words += ["-T", f"{name}={_plain(said)}"]
    folder = f" --log-dir {named[run.id]}" if run.id in named else ""
    return f"{shlex.join(words)}{made}{_options(run)}{folder}"


def _options(run: ModelRun) -> str:
    spec, words = run.header.eval, []
    config = spec.config.model_dump(exclude_none=True)
    for name in HANDED_ON:
        if name in config and config[name] is not False and (name, config[name]) != ("epochs", 1):
            words.append(f"--{name.replace('_', '-')}")
            if config[name] is not True:
                value = config[name]
                if name == "limit" and isinstance(value, list | tuple):
                    # As the user types it: from 1, including the last.
                    value = f"{value[0] + 1}-{value[1]}"
                words.append(_plain(value))
    sampling: dict[str, Any] = {}
    for one in (run.header.eval.model_generate_config, run.header.plan.config):
        sampling |= one.model_dump(exclude_none=True)
    for name in SAMPLED:
        if name in sampling:
            value = sampling[name]
            if isinstance(value, Mapping):
                value = [f"{key}={one}" for key, one in value.items()]
            words += [f"--{name.replace('_', '-')}", _plain(value)]
    return f" {shlex.join(words)}" if words else ""


def _named_logs(runs: Sequence[ModelRun]) -> dict[str, str]:
    """Return a folder for each log that another run refers to, by run id and by log name."""
    wanted: dict[str, None] = {}
    for run in runs:
        for one in _listed(run.header.eval.task_args_passed.get(REFERS)):
            wanted[_last(one)] = None
        if "revealed_log" in run.facts:
            wanted[str(run.facts["revealed_log"])] = None
    folders: dict[str, str] = {}
    for run in runs:
        name = _last(run.file.location)
        if run.id in wanted or name in wanted:
            folders[run.id] = folders[name] = f"revealed/{len(set(folders.values())) + 1}"
    return folders


def _log(one: str, named: Mapping[str, str], run: ModelRun, files: dict[str, None]) -> str:
    """Return shell text for a log that a run referred to."""
    known = named.get(_last(one)) or named.get(str(run.facts.get("revealed_log")))
    return f"$(ls {known}/*.eval)" if known else shlex.quote(_portable(one, files))


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value).split(",")


def _last(path: str) -> str:
    """Return the last part of a path or address."""
    plain = unquote(path) if path.startswith("file:") else path
    kind = PureWindowsPath if "\\" in plain else PurePosixPath
    return kind(plain.rstrip("/\\")).name


def _portable(value: Any, files: dict[str, None]) -> Any:
    """Return an argument with every absolute path reduced to its last part."""
    if isinstance(value, str) and _ABSOLUTE.match(value):
        name = _last(value)
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
