"""Committed records of models' runs: the answers, the printed numbers, and where they come from.

A record holds a `Run` for each log, so that every measure and verdict can be computed again.
"""

import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from inspect_ai.log import EvalLog, read_eval_log_sample
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kidney_evals.errors import UserError, first_line
from kidney_evals.finetuning.packaged_models import ORIGIN, Origin, packaged_models
from kidney_evals.input_files import read_bytes
from kidney_evals.measures.run import Run
from kidney_evals.measures.run_record import run_from_dict, run_to_dict
from kidney_evals.reporting.logs import LogFile
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.runs import SAMPLING, ModelRun, installed, read_runs
from kidney_evals.studies import CONDITIONS, study_names

DIGITS: Final = 4  # decimals of the printed numbers

TOLERANCE: Final = 0.0005
"""A printed number may differ from the computed number x by `TOLERANCE` · (1 + |x|).

Rounding takes a tenth of `TOLERANCE`; the rest allows for other versions of numpy and scipy.
"""

_RESPONSES: Final = 3
_LONGEST_RESPONSE: Final = 300  # characters
_DEEPEST: Final = 4  # levels of objects that are written over several lines
_LIBRARIES: Final = {"hf": ("transformers", "torch"), "vllm": ("vllm", "torch")}
"""By provider, the packages that run a model on the user's machine."""

_SIMULATED: Final = ("kidney/", "mockllm/", "none/")
_PATH: Final = re.compile(
    r"(?<![\w:/.~])(~|/\w[\w.-]*)/\w|(?<!:)//\w|\.\./\w|\b[A-Z]:[\\/]+\w|file://"
)
"""A path of somebody's machine."""

_LARGEST: Final = 50_000_000  # bytes of a record, far above any real one
_SHORTEST_ORIGIN: Final = 10  # characters

_Text = Annotated[str, Field(min_length=1)]
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


class Response(_Part):
    """The response to one question, shortened, and the answer that was read from it."""

    sample: str
    response: str
    read_as: str


class RunRecord(_Part):
    """One run of a model."""

    task: _Text
    task_version: _Text
    condition: Literal[CONDITIONS]  # type: ignore[valid-type]
    study: _Text
    study_hash: _Hash
    reference: _Hash  # of the human tables
    readout: _Text  # "sample", or how probabilities were read
    wording: _Text  # wordings that were asked, with commas
    examples: Annotated[int, Field(ge=0)]  # number of worked examples before each question
    command: _Text  # a command that makes such a run; a path on a machine is PATH
    date: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
    minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    # Of kidney_evals and Inspect in the run; of the packages that ran a local model, when the
    # record was written.
    versions: dict[str, str]
    answers: dict[str, Any]  # see `run_to_dict`
    # Value and 95 % interval of every measure that has a value, rounded to `DIGITS`.
    measures: dict[str, tuple[float, float, float]]
    verdicts: dict[str, str]  # by question of the card
    responses: Annotated[list[Response], Field(max_length=_RESPONSES)]  # to the first questions

    @property
    def run(self) -> Run:
        """The run, read from its answers with `run_from_dict`, which may raise an error."""
        return run_from_dict(self.answers)


class Record(_Part):
    """Runs of one model."""

    format: Literal[1] = 1
    model: _Text  # as Inspect was told
    # Where the weights come from: an `Origin` for a fetched model, else a sentence.
    origin: Origin | Annotated[str, Field(min_length=_SHORTEST_ORIGIN)]
    machine: _Text  # in generic words
    runs: Annotated[list[RunRecord], Field(min_length=1)]

    @property
    def title(self) -> str:
        """The model's name in tables."""
        return self.origin.title if isinstance(self.origin, Origin) else self.model


def record_of(files: Sequence[LogFile], *, machine: str, origin: str = "") -> Record:
    """Return the record of finished logs of choices of one model, about the shipped studies.

    Args:
        files: The logs.
        machine: The machine in generic words.
        origin: What the weights are and where they come from. It is needed for a model in a folder
            that `kidney-evals models fetch` did not write.

    Raises:
        UserError: A log cannot be recorded, the logs are of several models, or the origin is not
            known.
    """
    if not machine.strip():
        raise UserError("--machine is empty: say in generic words what the model ran on")
    if 0 < len(origin) < _SHORTEST_ORIGIN:
        raise UserError(
            f"--origin must have at least {_SHORTEST_ORIGIN} characters, not {origin!r}: say what "
            "the weights are and where they come from"
        )
    for file in files:
        if file.state != "finished":
            raise UserError(f"{file.line}; only finished runs are recorded")
    runs = read_runs(files)
    models = sorted({run.model for run in runs})
    if len(models) != 1:
        raise UserError(f"a record is of one model, and these logs are of {', '.join(models)}")
    try:
        record = Record(
            model=models[0],
            origin=_origin(runs, origin),
            machine=machine,
            runs=[_record(run) for run in runs],
        )
    except ValidationError as error:
        raise UserError(f"this would be no valid record ({_first(error)})") from error
    # A record that its own check would refuse is of no use to anyone.
    for problem in _wrong(record):
        raise UserError(f"this would be no valid record: {problem}")
    return record


def _record(run: ModelRun) -> RunRecord:
    header, place = run.header, run.file.location
    if run.run is None:
        raise UserError(f"{place}: {run.trouble or 'only runs of choices are recorded'}")
    if run.run.study.source not in study_names():
        raise UserError(f"{place} asks about {run.panel.study}, which is no shipped study")
    stats = header.stats
    begun, ended = (datetime.fromisoformat(one) for one in (stats.started_at, stats.completed_at))
    provider = run.model.split("/")[0]
    answers = json.loads(json.dumps(run_to_dict(run.run)))
    return RunRecord(
        task=header.eval.task,
        task_version=str(header.eval.task_version),
        condition=run.run.reference.condition,
        study=run.panel.study,
        study_hash=run.run.study.hash,
        reference=run.run.reference.sha256,
        readout=run.key["readout"],
        wording=run.key["wording"],
        examples=int(run.key.get("examples", 0)),
        command=_command(header),
        date=header.eval.created[:10],
        minutes=round((ended - begun).total_seconds() / 60, 1),
        versions={
            "kidney_evals": str(run.facts["kidney_evals_version"]),
            "inspect_ai": header.eval.packages["inspect_ai"],
            **{name: found for name in _LIBRARIES.get(provider, ()) if (found := _version(name))},
        },
        answers=answers,
        **_numbers(run_from_dict(answers)),
        responses=list(_responses(run)),
    )


def _numbers(run: Run) -> dict[str, Any]:
    """Return the printed numbers and the verdicts of a run."""
    rows = Rows(run)
    measures = {id: tuple(round(one, DIGITS) for one in row[:3]) for id, row in rows.items()}
    assert rows.card is not None
    return {
        "measures": {id: row for id, row in measures.items() if not math.isnan(row[0])},
        "verdicts": {one.id: str(one.verdict) for one in rows.card.findings},
    }


def _responses(run: ModelRun) -> Iterator[Response]:
    asked = [one for one in run.file.samples if one.metadata.get("kind") == "drawn"]
    for summary in (asked or run.file.samples)[:_RESPONSES]:
        sample = read_eval_log_sample(run.file.location, id=summary.id, epoch=summary.epoch)
        score = (sample.scores or {}).get("human_alignment")
        yield Response(
            sample=str(summary.id),
            response=sample.output.completion[:_LONGEST_RESPONSE],
            read_as=str((score.answer if score else None) or "none"),
        )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _origin(runs: Sequence[ModelRun], given: str) -> Origin | str:
    """Return where the weights come from; check the weights of a fetched model."""
    folders = sorted({str(run.header.eval.model_args.get("model_path", "")) for run in runs})
    if len(folders) > 1:
        raise UserError(f"these runs are of several folders: {', '.join(folders)}")
    if given:
        return given
    model, folder = runs[0].model, folders[0]
    if not folder:
        return f"the model {model} of Inspect's provider {model.split('/')[0]}"
    try:
        origin = Origin.model_validate_json(Path(folder, ORIGIN).read_bytes())
        changed = [one for one in origin.weights if origin.weights[one] != _sha256(folder, one)]
    except (OSError, ValidationError):
        raise UserError(
            f"{folder} holds no {ORIGIN} of `kidney-evals models fetch`: say with --origin TEXT "
            "what the weights are and where they come from, with their SHA-256"
        ) from None
    if changed:
        raise UserError(f"{', '.join(changed)} in {folder} is not what {ORIGIN} there says")
    return origin


def _sha256(folder: str, name: str) -> str:
    with Path(folder, name).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _command(header: EvalLog) -> str:
    """Return a command that makes such a run, without paths of this machine."""
    spec = header.eval
    words = ["inspect", "eval", spec.task]
    for name, value in spec.task_args_passed.items():
        words += ["-T", f"{name}={_public(value)}"]
    words += ["--model", spec.model]
    for name, value in shown_arguments(spec.model_args).items():
        words += ["-M", f"{name}={_public(value)}"]
    config = {
        **spec.model_generate_config.model_dump(exclude_none=True),
        **header.plan.config.model_dump(exclude_none=True),
    }
    if (spec.metadata or {}).get("readout") == "prefill":
        # The readout's own limit, of one token.
        config.pop("max_tokens", None)
    words += [
        f"--{name.replace('_', '-')}={value}"
        for name, value in config.items()
        if name in (*SAMPLING, "seed") and isinstance(value, int | float | str)
    ]
    if (epochs := spec.config.epochs) is not None and epochs > 1:
        words.append(f"--epochs={epochs}")
    if spec.config.limit is not None:
        words.append(f"--limit={spec.config.limit}")
    return shlex.join(words)


def _public(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return "PATH" if _PATH.search(text) or Path(text).is_absolute() else text


def read_record(path: Path) -> Record:
    """Read a record from a file.

    Raises:
        UserError: The file cannot be read, or is no record; the message has the first error.
    """
    try:
        return Record.model_validate_json(read_bytes(path, _LARGEST))
    except ValidationError as error:
        raise UserError(f"{path} is no record of results ({_first(error)})") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def record_text(record: Record) -> str:
    """Return a record as JSON, in which each dilemma and each array has a line."""
    return f"{_json(json.loads(record.model_dump_json()))}\n"


def _json(value: Any, indent: int = 0) -> str:
    """Format plain data: objects and lists of them over several lines, all else on one."""
    pad = "\n" + " " * (indent + 1)
    if isinstance(value, dict) and indent < _DEEPEST:
        inner = (f"{json.dumps(name)}: {_json(one, indent + 1)}" for name, one in value.items())
        left, right = "{}"
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        inner = (_json(one, indent + 1) for one in value)
        left, right = "[]"
    else:
        return json.dumps(value, ensure_ascii=False)
    return f"{left}{pad}{f',{pad}'.join(inner)}\n{' ' * indent}{right}"


def renewed(record: Record, path: Path) -> Record:
    """Return a record with the numbers that the installed measures compute from its answers.

    Args:
        record: The record.
        path: Its file, which an error names.

    Raises:
        UserError: The answers of a run cannot be read.
    """
    try:
        runs = [run.model_copy(update=_numbers(run.run)) for run in record.runs]
    except Exception as error:
        # The answers may be anything; `run_from_dict` and the measures have errors of all kinds.
        raise UserError(f"{path}: its answers cannot be read ({type(error).__name__})") from error
    return record.model_copy(update={"runs": runs})


def problems(record: Record) -> list[str]:
    """Return the problems of a committed record, in words; empty if it has none.

    It is a problem if the model is a simulated respondent.
    """
    found = list(_wrong(record))
    if record.model.startswith(_SIMULATED):
        found.append(f"{record.model} is a simulated respondent, no model")
    return found


def _wrong(record: Record) -> Iterator[str]:
    """Yield faults: origin, paths of a machine, equal runs, figures that answers do not give."""
    origin = record.origin
    if isinstance(origin, Origin):
        known = packaged_models().get(origin.name)
        if known is None or dict(known) != {name: getattr(origin, name) for name in dict(known)}:
            yield f"its origin is not that of the fetched model {origin.name}"
        hashes = [re.fullmatch("[0-9a-f]{64}", one) for one in origin.weights.values()]
        if not hashes or not all(hashes):
            yield "its origin has no SHA-256 of the weights"
    for text in _texts(record.model_dump(exclude={"runs": {"__all__": {"answers", "measures"}}})):
        if _PATH.search(text):
            yield f"it holds a path of a machine: {text}"
    if len({json.dumps(run.answers) for run in record.runs}) < len(record.runs):
        yield "two of its runs have the same answers"
    for run in record.runs:
        where = f"{run.task}, {run.study}, {run.readout}"
        yield from (f"{where}: {one}" for one in _differences(run))


def _texts(data: Any) -> Iterator[str]:
    """Yield every text in plain data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list | tuple):
        for one in data.values() if isinstance(data, dict) else data:
            yield from _texts(one)


def _differences(record: RunRecord) -> Iterator[str]:
    """Yield how the printed numbers of a run differ from those that its answers give."""
    try:
        *_, changed = installed(record.study, record.condition, record.study_hash, record.reference)
        if changed:
            yield f"recorded with other tables ({changed.split(':')[0]})"
            return
        run = record.run
        now = _numbers(run)
    except Exception as error:
        # The answers may be anything; `run_from_dict` and the measures have errors of all kinds.
        yield f"its answers cannot be read ({type(error).__name__}: {first_line(error)})"
        return
    if (run.study.id, run.reference.condition) != (record.study, record.condition):
        yield "its answers are of another study or condition"
    readout = "sample" if run.chances is None else "prefill" if run.begun else "logprobs"
    if readout != record.readout:
        yield f"its answers are those of readout={readout}"
    if run.outside is not None and ((run.outside < 0) | (run.outside > 1)).any():
        yield "a probability outside the answers is not between 0 and 1"
    missing = (math.nan,) * 3
    for id in sorted({*now["measures"], *record.measures}):
        printed, computed = record.measures.get(id, missing), now["measures"].get(id, missing)
        if not all(map(_same, printed, computed)):
            yield f"{id} is printed as {printed} and computed as {computed}"
    if record.verdicts != now["verdicts"]:
        yield f"the verdicts are printed as {record.verdicts} and computed as {now['verdicts']}"


def _same(printed: float, computed: float) -> bool:
    if not (math.isfinite(printed) and math.isfinite(computed)):
        return repr(printed) == repr(computed)
    return abs(printed - computed) <= TOLERANCE * (1 + abs(computed))
