"""The runs behind a report: each log's rows, its answers, and a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from inspect_ai.log import EvalLog
from inspect_ai.scorer import SampleScore, Score

from kidney_evals.errors import UserError
from kidney_evals.measures import AnyRun
from kidney_evals.reporting.found import READ, Found, first_line
from kidney_evals.reporting.key import ARGUMENTS, DEFAULTS, LABELS, key_of
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.rows import SCORERS, Rows, odd_rows, stored_rows
from kidney_evals.reporting.summaries import SampleSummary, ScoreSummary
from kidney_evals.studies import load_study

if TYPE_CHECKING:
    from kidney_evals.measures.run import Run


CHOICE_TASKS = ("forced_choice", "coin_flip")
"""Tasks whose samples are choices between two patients."""


class Panel(NamedTuple):
    """What was asked: runs of one panel stand side by side.

    Attributes:
        task: The condition, or the name of a task without choices between patients.
        study: Id of the study.
        study_hash: Hash of its content.
    """

    task: str
    study: str
    study_hash: str


@dataclass(frozen=True, eq=False)
class ModelRun:
    """One run of one model.

    Attributes:
        found: Its log.
        name: What it is called here; no two runs of a panel share one.
    """

    found: Found
    name: str

    @property
    def header(self) -> EvalLog:
        """What the log says of itself."""
        assert self.found.header is not None
        return self.found.header

    @property
    def id(self) -> str:
        """Inspect's id of the run, by which frames can be joined."""
        return self.header.eval.eval_id

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the task wrote into the log."""
        return self.header.eval.metadata or {}

    @property
    def panel(self) -> Panel:
        """What was asked."""
        return panel_of(self.header)

    @cached_property
    def key(self) -> Mapping[str, str]:
        """What a run must have in common with another to be compared."""
        return key_of(self.header)

    @cached_property
    def rows(self) -> Rows:
        """The quantities: of the answers where these can be read here, else those of the log."""
        return Rows(self.answers, stored_rows(self.header))

    @cached_property
    def answers(self) -> AnyRun | None:
        """The answers as arrays; None where there are none, or they cannot be read here."""
        return self._answers[0]

    @property
    def run(self) -> Run | None:
        """The same where they are choices between patients."""
        return cast("Run | None", self.answers) if self.panel.task in CHOICE_TASKS else None

    @cached_property
    def trouble(self) -> str:
        """Why the answers cannot be set beside people's here, though the log may have rows."""
        return self._answers[1]

    @property
    def remark(self) -> str:
        """A sentence on numbers of the log that are left out; empty for none."""
        odd = odd_rows(self.header)
        return f"Infinite in the log, and left out: {', '.join(odd)}." if odd else ""

    @cached_property
    def _answers(self) -> tuple[AnyRun | None, str]:
        try:
            trouble = self._trouble()
            return (None, trouble) if trouble else (self._read(), "")
        except Exception as error:
            # A log from elsewhere may hold anything, and must not keep others from being shown.
            why = f"{type(error).__name__}: {first_line(error)}"
            return None, f"its samples are not as kidney_evals writes them ({why})"

    def _read(self) -> AnyRun | None:
        from kidney_evals.scorers.samples import run_of_scores

        return run_of_scores(
            [
                SampleScore(score=_score(score), sample_id=one.id, sample_metadata=one.metadata)
                for one in self.found.samples
                for name in SCORERS
                if (score := (one.scores or {}).get(name)) is not None
            ]
        )

    def _trouble(self) -> str:
        if self.found.unread:
            return self.found.unread
        samples = self.found.samples
        scored = "answers" if self.panel.task in CHOICE_TASKS else ""
        if not any(scored in (one.scores or {}) if scored else one.scores for one in samples):
            by = f" by `{scored}`" if scored else ""
            return f"no sample was scored{by}; `kidney-evals rescore` scores a log"
        try:
            return _other_people(samples)
        except UserError as error:
            return str(error)


def panel_of(header: EvalLog) -> Panel:
    """Return what a run asked."""
    key = key_of(header)
    return Panel(key["task"], key["study"], key["study_hash"])


def read_runs(found: Iterable[Found]) -> tuple[ModelRun, ...]:
    """Return a run for each log that holds numbers, in the order of the logs.

    A run is called by its model. Where a panel has several runs of one model, what tells them
    apart stands behind it; where nothing does, their number.
    """
    kept = [one for one in found if one.state in READ]
    groups: dict[tuple[Panel, str], list[Found]] = {}
    for one in kept:
        assert one.header is not None
        groups.setdefault((panel_of(one.header), _model(one.header)), []).append(one)
    names: dict[str, str] = {}
    for (_, model), members in groups.items():
        for one, name in zip(members, _names(model, members), strict=True):
            names[one.location] = name
    return tuple(ModelRun(one, names[one.location]) for one in kept)


def by_panel(runs: Iterable[ModelRun]) -> dict[Panel, list[ModelRun]]:
    """Return the runs of each panel, panels by task and study."""
    panels: dict[Panel, list[ModelRun]] = {}
    for run in runs:
        panels.setdefault(run.panel, []).append(run)
    return dict(sorted(panels.items(), key=lambda item: item[0]))


def _model(header: EvalLog) -> str:
    arm = (header.eval.metadata or {}).get("sft_arm")
    return f"{header.eval.model}, {arm}" if arm else header.eval.model


def _names(model: str, members: Sequence[Found]) -> list[str]:
    if len(members) == 1:
        return [model]
    told = [_apart(one.header) for one in members if one.header is not None]
    differs = [name for name in told[0] if len({facts[name] for facts in told}) > 1]
    names = [
        ", ".join([model, *(part for name in differs if (part := _part(name, facts[name])))])
        for facts in told
    ]
    if len(set(names)) == len(names):
        return names
    count: dict[str, int] = {}
    numbered = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        numbered.append(f"{name} #{count[name]}" if names.count(name) > 1 else name)
    return numbered


def _apart(header: EvalLog) -> dict[str, str]:
    """Return what may tell two runs of one model apart, a text each."""
    facts = header.eval.metadata or {}
    arguments = sorted(shown_arguments(header.eval.model_args).items())
    key = key_of(header)
    return {
        "part": str(facts.get("sft_part") or ""),
        "arguments": ", ".join(f"{name}={value}" for name, value in arguments),
        **{name: key[name] for name in LABELS},
        # In full: two versions may be comparable and still be two.
        "task_version": str(header.eval.task_version),
        "package": str(facts.get("kidney_evals_version", "")),
    }


_SPEAK_FOR_THEMSELVES = ("part", "arguments", "sampling")
_SHORT = {"explain": "reasons"}
_HASHES = ("study_hash", "reference")
_LONGEST = 24


def _part(name: str, fact: str) -> str:
    """Return one thing that tells a run apart, as it stands in its name; empty for none."""
    if name in _HASHES:
        fact = fact[:12]
    if name == "system_prompt" and len(fact) > _LONGEST:
        fact = f"{fact[:_LONGEST]}…"
    if fact == str({**DEFAULTS, **ARGUMENTS}.get(name, "")):
        # What is usual tells nothing; the run that is unusual says so.
        return ""
    if not fact or name in _SPEAK_FOR_THEMSELVES:
        return fact
    return f"{_SHORT.get(name, LABELS.get(name, name))} {fact}"


def _other_people(samples: Iterable[SampleSummary]) -> str:
    """Say which study or human tables of these samples are not the installed ones, if any.

    Raises:
        UserError: A study cannot be read any more.
    """
    from kidney_evals.human.reference import load_reference

    names = ("study_source", "study_hash", "condition", "reference")
    asked: set[tuple[Any, ...]] = {
        tuple(one.metadata.get(name) for name in names) for one in samples
    }
    for source, study_hash, condition, reference in sorted(asked, key=repr):
        study = load_study(source)
        then_and_now = {
            "study": (study_hash, study.hash),
            "human reference": (
                reference.split("+")[-1] if reference else None,
                load_reference(study, condition).sha256,
            ),
        }
        for what, (then, now) in then_and_now.items():
            if then and then != now:
                return (
                    f"run with another {what} ({then[:12]}, installed {now[:12]}): "
                    "only the rows in the log itself are shown"
                )
    return ""


def _score(kept: ScoreSummary) -> Score:
    return Score(value=kept.value, answer=kept.answer, metadata=kept.metadata)
