"""The runs behind a report: the quantities, the answers, the key and the unique name of each run.

The key of a run holds the settings that affect results. Only runs with equal keys are comparable.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final, NamedTuple, cast

from inspect_ai.log import EvalLog, EvalSampleSummary

from kidney_evals.card import Card
from kidney_evals.errors import UserError, first_line
from kidney_evals.human import Reference, load_reference
from kidney_evals.measures import AnyRun
from kidney_evals.measures.run import Run
from kidney_evals.reporting.logs import READ, LogFile
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.rows import Rows, answers_of, stored_rows
from kidney_evals.studies import CONDITIONS, Study, load_study

UNTRAINED: Final = "before"
"""Name of the untrained model in `kidney-evals sft evaluate`; other models are compared with it."""

SAMPLING: Final = (
    *("temperature", "top_p", "top_k", "max_tokens", "stop_seqs", "frequency_penalty"),
    *("presence_penalty", "logit_bias", "reasoning_effort", "reasoning_tokens", "system_message"),
)
"""Generation settings that affect answers. Settings that only affect speed are not included."""

_FACTS: Final = {
    **{"explain": "none", "channel": "text", "readout": "sample", "examples": 0},
    **{"crossed": False, "probe": "none"},
}
_ARGUMENTS: Final = {"orders": "both", "system_prompt": None}
"""Parts of the key from the task's metadata and arguments, with their usual values."""

LABELS: Final[Mapping[str, str]] = {
    "task": "task",
    "study": "study",
    "study_hash": "content of the study",
    "condition": "condition",
    "wording": "wording",
    "reference": "human reference",
    "task_version": "task version",
    "sampling": "sampling settings",
    "explain": "whether reasons are asked for",
    "channel": "channel of the answer",
    "readout": "sampled or read out",
    "examples": "worked examples",
    "crossed": "crossed design",
    "probe": "probe",
    "orders": "orders",
    "system_prompt": "system prompt",
}


def key_of(header: EvalLog) -> dict[str, str]:
    """Return the key of a run of this package: the value of each part in `LABELS`, as text."""
    facts = header.eval.metadata or {}
    arguments = header.eval.task_args
    hashes = facts.get("wording_hashes", {})
    # Tasks without choices name no wordings.
    wordings = sorted(facts.get("wordings") or {"default": ""})
    return {
        "task": str(facts.get("asks") or facts["condition"]),
        "study": str(facts["study"]),
        "study_hash": str(facts.get("study_hash", "")),
        "condition": str(facts["condition"]),
        "wording": ", ".join(f"{one} {hashes.get(one, '')}".strip() for one in wordings),
        "reference": str(facts.get("reference_hash", "")),
        # N of the version N-X: a change of X keeps results comparable.
        "task_version": str(header.eval.task_version).split("-")[0],
        "sampling": sampling_of(header),
        **{name: str(facts.get(name, usual)) for name, usual in _FACTS.items()},
        **{name: str(arguments.get(name, usual)) for name, usual in _ARGUMENTS.items()},
    }


def simulated(model: str) -> bool:
    """Return whether a model is a simulated respondent of this package."""
    return model.startswith("kidney/")


def sampling_of(header: EvalLog) -> str:
    """Return the settings of `SAMPLING` that were set, as one line; "provider's own" for none."""
    own, plan = header.eval.model_generate_config, header.plan.config
    settings = {**own.model_dump(exclude_none=True), **plan.model_dump(exclude_none=True)}
    if (header.eval.metadata or {}).get("readout") == "prefill":
        # The readout's own limit, of one token.
        settings.pop("max_tokens", None)
    lines = [
        f"{name}={json.dumps(settings[name])}" for name in sorted(settings) if name in SAMPLING
    ]
    return ", ".join(lines) or "provider's own"


def differences(one: Mapping[str, str], two: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return both values of every part in which two keys differ, by the part's name."""
    return {name: (one[name], two[name]) for name in LABELS if one[name] != two[name]}


def unlike_parts(runs: Sequence[ModelRun]) -> list[str]:
    """Return the parts of the keys, as in `LABELS`, in which runs of a panel differ.

    Only runs of tasks without choices can differ in the condition. It is omitted if every model has
    runs in the same conditions: the names of the runs then tell the conditions apart.
    """
    parts = [name for name in LABELS if len({run.key[name] for run in runs}) > 1]
    conditions: dict[str, set[str]] = {}
    for run in runs:
        conditions.setdefault(run.called, set()).add(run.key["condition"])
    alike = all(one == conditions[runs[0].called] for one in conditions.values())
    return [name for name in parts if name != "condition" or not alike]


class Panel(NamedTuple):
    """The question that runs were asked: task, study and hash of the study's content.

    `task` is the condition, or the name of a task without choices between patients. Runs of a panel
    may differ in other parts of the key; see `unlike_parts`.
    """

    task: str
    study: str
    study_hash: str

    @property
    def words(self) -> str:
        """Task and study as text."""
        return f"{self.task}, {self.study}"


class ModelRun:
    """One run of one model.

    Attributes:
        name: The name in reports; `read_runs` makes it unique within a panel.
        id: Inspect's id of the run, by which frames can be joined.
        called: The model's name; in a comparison by `kidney-evals sft evaluate` followed by the
            name of the compared model ("before").
        facts: The metadata that the task wrote into the log.
        key: The value of each part in `LABELS`, as text.
    """

    def __init__(self, file: LogFile) -> None:
        assert file.header is not None
        self.file, self.header = file, file.header
        self.id, self.model = self.header.eval.eval_id, self.header.eval.model
        self.facts: Mapping[str, Any] = self.header.eval.metadata or {}
        arm = self.facts.get("sft_arm")
        self.name = self.called = f"{self.model}, {arm}" if arm else self.model
        self.key: Mapping[str, str] = key_of(self.header)
        self.panel = Panel(self.key["task"], self.key["study"], self.key["study_hash"])

    @cached_property
    def rows(self) -> Rows:
        """The quantities, computed from the answers if they can be read, else from the log."""
        return Rows(self.answers, stored_rows(self.header))

    @property
    def answers(self) -> AnyRun | None:
        """The answers as arrays; None if they cannot be used, for the reason in `trouble`."""
        return self._answers[0]

    @property
    def run(self) -> Run | None:
        """`answers` if the task asks for choices between patients; None for other tasks."""
        return cast(Run | None, self.answers) if self.panel.task in CONDITIONS else None

    @property
    def card(self) -> Card | None:
        """The card of a task of choices; None for other tasks, or if the answers are unknown."""
        return self.rows.card

    @property
    def trouble(self) -> str:
        """The reason why `answers` is None; empty if there are answers.

        For example: no sample was scored, or the installed study or human tables are not those of
        the run.
        """
        return self._answers[1]

    @cached_property
    def _answers(self) -> tuple[AnyRun | None, str]:
        by, samples, trouble = "", self.file.samples, self.file.unread
        scored = any(sample.scores for sample in samples)
        if self.panel.task in CONDITIONS:
            by = " by `human_alignment`"
            scored = any("human_alignment" in (sample.scores or {}) for sample in samples)
        if not trouble and not scored:
            trouble = f"no sample was scored{by}; `kidney-evals rescore` scores a log"
        try:
            trouble = trouble or _other_people(samples)
            return (None, trouble) if trouble else (answers_of(samples), "")
        except UserError as error:
            return None, str(error)
        except Exception as error:
            # A log from elsewhere may hold anything; its errors must not hide other logs.
            return None, unscorable_samples(error)


def unscorable_samples(error: Exception) -> str:
    """Return a message that a log's samples have another form, as `error` shows."""
    why = f"{type(error).__name__}: {first_line(error)}"
    return f"its samples are not as kidney_evals writes them ({why})"


@contextmanager
def as_written(name: str) -> Iterator[None]:
    """Convert errors in the block, which uses the samples of the log `name`, to `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # The samples of a log from elsewhere may hold anything.
        raise UserError(f"{name}: {unscorable_samples(error)}") from error


def read_runs(logs: Iterable[LogFile]) -> tuple[ModelRun, ...]:
    """Return a run for each log that holds numbers, in the order of the logs.

    A run is named after its model. If a panel has several runs of one model, the name also lists
    the settings in which they differ, or a number if they differ in none.
    """
    runs = tuple(ModelRun(log) for log in logs if log.state in READ)
    groups: dict[tuple[Panel, str], list[ModelRun]] = {}
    for run in runs:
        groups.setdefault((run.panel, run.called), []).append(run)
    for members in groups.values():
        for run, name in zip(members, _names(members), strict=True):
            run.name = name
    return runs


def by_panel(runs: Iterable[ModelRun]) -> dict[Panel, list[ModelRun]]:
    """Return the runs of each panel, sorted by task and study."""
    panels: dict[Panel, list[ModelRun]] = {}
    for run in runs:
        panels.setdefault(run.panel, []).append(run)
    return dict(sorted(panels.items()))


def _names(members: Sequence[ModelRun]) -> Iterator[str]:
    settings = [_settings(run) for run in members]
    differ = [name for name in settings[0] if len({one[name] for one in settings}) > 1]
    names = [
        ", ".join(filter(None, (run.called, *(_part(name, one[name]) for name in differ))))
        for run, one in zip(members, settings, strict=True)
    ]
    for index, name in enumerate(names, 1):
        yield f"{name} #{names[:index].count(name)}" if names.count(name) > 1 else name


def _settings(run: ModelRun) -> dict[str, str]:
    """Return the settings, as text, that can distinguish two runs of one model."""
    arguments = sorted(shown_arguments(run.header.eval.model_args).items())
    return {
        "part": str(run.facts.get("sft_part") or ""),
        "arguments": ", ".join(f"{name}={value}" for name, value in arguments),
        **run.key,
        # The full version: two versions may be comparable and still differ.
        "task_version": str(run.header.eval.task_version),
        "package": str(run.facts.get("kidney_evals_version", "")),
    }


def _part(name: str, value: str) -> str:
    """Return a setting as text for a run's name; empty for a default."""
    if not value or value == str({**_FACTS, **_ARGUMENTS}.get(name, "")):
        return ""
    if name in ("study_hash", "reference"):
        value = value[:12]
    if name == "system_prompt" and len(value) > 24:
        value = f"{value[:24]}…"
    label = "reasons" if name == "explain" else LABELS.get(name, name)
    return value if name in ("part", "arguments", "sampling") else f"{label} {value}"


def _other_people(samples: Iterable[EvalSampleSummary]) -> str:
    """Return how the study or human tables of samples differ from the installed ones, as text."""
    names = ("study_source", "condition", "study_hash", "reference")
    asked: set[Any] = {tuple(sample.metadata.get(name) for name in names) for sample in samples}
    differ = filter(None, (installed(*one)[2] for one in sorted(asked, key=repr)))
    return next((f"{one}: only the rows in the log itself are shown" for one in differ), "")


def installed(
    source: str, condition: Any, study_hash: str | None = None, reference: str | None = None
) -> tuple[Study, Reference, str]:
    """Return the installed study and human reference of a run, and how they changed since the run.

    The third result is a text on the first change, empty if there is none.

    Args:
        source: The study, as `load_study` takes it.
        condition: The condition of the run.
        study_hash: Hash of the study in the run; None or empty if unknown.
        reference: Hash of the human tables in the run; None or empty if unknown. Of several hashes
            joined by "+", the last counts.

    Raises:
        UserError: The study or its human tables cannot be loaded.
    """
    study = load_study(source)
    people = load_reference(study, condition)
    tables = (reference or "").split("+")[-1]
    parts = (("study", study_hash, study.hash), ("human reference", tables, people.sha256))
    changes = [
        f"run with another {what} ({then[:12]}, installed {now[:12]})"
        for what, then, now in parts
        if then and then != now
    ]
    return study, people, "".join(changes[:1])
