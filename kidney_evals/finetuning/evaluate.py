"""Evaluate every arm of a comparison on the same tasks, in one eval set, and compare the runs.

An arm is a compared model: untrained, trained, or untrained with a system message.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from kidney_evals.elicitation.readout import ReadoutMode, check_provider
from kidney_evals.elicitation.wording import ALL, DEFAULT, wordings, wordings_asked
from kidney_evals.errors import UserError, check_known
from kidney_evals.finetuning.arms import Arm, cards_of, model_of, system_prompt
from kidney_evals.finetuning.data import TrainingData
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.texts import table_of
from kidney_evals.output_files import check_new_folder, write_output
from kidney_evals.reporting.comparing.changes import Pairing, RowChange
from kidney_evals.scorers.samples import run_of_log
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, Condition, Study, load_study

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog
    from inspect_ai.model import Model

PartName = Literal["coin_flip", "forced_choice", "repeated", "other_study", "wordings", "readout"]

ReadoutPlan = Literal["sample", "both", "prefill"]
"""How the answers of an arm's runs are read.

- `sample`: Every run reads sampled answers.
- `both`: As `sample`, and one further run reads the probabilities of the answers.
- `prefill`: Every run begins the answer line for the model and reads the probabilities after it.
"""


class Part(NamedTuple):
    """A run that is made for each arm.

    Attributes:
        heading: Title of the run in the report.
        study: The run's study; empty for the study of the training samples.
        epochs: Number of epochs, for a study with a short list of dilemmas; None for the number in
            `Plan`.
    """

    heading: str
    condition: Condition
    study: str = ""
    epochs: int | None = None


PARTS: Final[Mapping[PartName, Part]] = {
    "coin_flip": Part("Coin offered", "coin_flip"),
    "forced_choice": Part("Forced choice", "forced_choice"),
    "repeated": Part(
        "Repeated pairs of another study, forced choice", "forced_choice", "boerstler_2024", 10
    ),
    "other_study": Part("Another study, forced choice", "forced_choice", "freedman_2020", 5),
    "wordings": Part("Wordings that were not trained on, coin offered", "coin_flip"),
    "readout": Part("Probabilities read out, coin offered", "coin_flip"),
}

READOUT_DILEMMAS: Final = 50

_LOCAL: Final = ("hf/", "vllm/", "kidney/")
"""Providers that return log-probabilities and continue a begun answer."""

_CLAIM: Final = "asked.json"
"""File in a results folder that records the arguments of the comparison."""


@dataclass(frozen=True)
class Plan:
    """The user's choice of runs.

    Attributes:
        dilemmas: Number of dilemmas from the study of the training samples; None for its default.
        epochs: None for 1 with the readout `prefill`, else for 2, since a single sampled answer
            cannot separate chance from an order effect.
        side_effects: Whether side effects are measured.
        readout: None for `both` if all models are local, else for `sample`.
    """

    dilemmas: int | None = None
    epochs: int | None = None
    side_effects: bool = True
    readout: ReadoutPlan | None = None


@dataclass(frozen=True)
class Battery:
    """The runs of every arm.

    Attributes:
        plan: The user's choice; only `dilemmas` can be None.
        readout: Way in which probabilities are read, in the runs that read them.
        study: The study of the training samples, as `load_study` takes it.
        trained_conditions: Conditions of the training samples; empty if unknown.
        wording: Wordings of the training samples, as `sft export` was given them.
        unseen_wordings: Ids of wordings of the default form that are in no training sample.
    """

    plan: Plan
    readout: ReadoutMode
    study: str
    trained_conditions: tuple[Condition, ...]
    wording: tuple[str, ...]
    unseen_wordings: tuple[str, ...]

    @property
    def parts(self) -> tuple[PartName, ...]:
        """The names in `PARTS` of the runs of each arm."""
        left_out: set[PartName] = set()
        if not self.plan.side_effects:
            left_out |= {"repeated", "other_study", "wordings"}
        if not self.unseen_wordings:
            left_out.add("wordings")
        if self.plan.readout != "both":
            left_out.add("readout")
        return tuple(part for part in PARTS if part not in left_out)

    def reads_probabilities(self, part: PartName) -> bool:
        """Return whether a part reads probabilities instead of sampled answers."""
        return part == "readout" or self.plan.readout == "prefill"

    def study_of(self, part: PartName) -> Study:
        """Return the study of a part; `other_study` never has the study of the training samples."""
        source = PARTS[part].study or self.study
        if part == "other_study" and source == self.study:
            source = DEFAULT_STUDY
        return load_study(source)


class Effect(NamedTuple):
    """A line of the comparison, from `effects.yaml`: a measure of a run.

    Attributes:
        part: Name of the run in `PARTS`.
        row: Id of the measure.
        margin: Largest change that counts as no change; NaN if the line is no side effect.
        untrained: A condition, or empty. The line applies only if the trained conditions are known
            and this condition is not among them.
        says: Remark below the table; may be empty.
    """

    part: PartName
    row: str
    margin: float = math.nan
    untrained: str = ""
    says: str = ""

    @property
    def is_side_effect(self) -> bool:
        """Whether the line measures behaviour outside of the training."""
        return not math.isnan(self.margin)


class Compared(NamedTuple):
    """The change of a measure from the untrained model to the arm with the name `arm`."""

    effect: Effect
    arm: str
    row: RowChange


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        arms: The compared models, the untrained model first.
        cards: Cards of the training samples by name of the arm, as `cards_of` returns them.
        compared: The changes of every arm but the first.
        logs: Logs of the successful runs, with samples, by name of the arm and part.
        missing: Name of the arm, part and reason of every failed run.
    """

    arms: tuple[Arm, ...]
    battery: Battery
    cards: Mapping[str, Mapping[str, Any]]
    compared: tuple[Compared, ...]
    logs: Mapping[tuple[str, PartName], EvalLog]
    missing: tuple[tuple[str, PartName, str], ...]


def evaluate(
    arms: Sequence[Arm],
    out: Path,
    plan: Plan | None = None,
    *,
    data: TrainingData | None = None,
    device: str | None = None,
    model_args: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = print,
) -> Comparison:
    """Run the same tasks with every arm in one eval set, and compare each arm with the first.

    A second call with the same arguments repeats no answered model call.

    Args:
        arms: The compared models, from `arms_of`.
        out: Folder of the results; the logs are in `out/logs`.
        plan: The choice of runs; None for the default.
        data: Training samples to show in a system message; also the samples of trained models that
            have no card of their own.
        device: Device of models in local folders; None for the default.
        model_args: Arguments of the models' providers.
        options: Arguments of `inspect_ai.eval_set`.
        say: Called with a line on the number of runs and calls.

    Raises:
        UserError: An argument is not suitable, a model cannot be set up, the models were trained
            on different studies, conditions or wordings, `out` holds another comparison, or the
            untrained model failed.
    """
    from inspect_ai import eval_set
    from inspect_ai.log import read_eval_log

    if len(arms) < 2:
        raise UserError("there is nothing to compare with: name --after, --samples or --with")
    if not (out / _CLAIM).is_file():
        # Check before the runs that no file of another program is in the way.
        check_new_folder(out)
    cards = cards_of(arms, data)
    battery = battery_of(tuple(cards.values()), arms, plan or Plan())
    # `eval_set` reads the same file, but only after the models were set up.
    load_env()
    models = {
        name: model_of(arm, device, model_args or {})
        for name, arm in {arm.model: arm for arm in arms}.items()
    }
    tasks = [
        _task(part, arm, models[arm.model], battery, data) for arm in arms for part in battery.parts
    ]
    if any(map(battery.reads_probabilities, battery.parts)):
        for model in models.values():
            check_provider(str(model), battery.readout)
    calls = sum(len(task.dataset) * (task.epochs or 1) for task in tasks)
    _claim(out, arms, battery, data)
    say(f"{len(arms)} models, {len(tasks)} runs, {calls:,} calls (a question may be put twice)")
    given: dict[str, Any] = {"score_display": False, "retry_attempts": 3, "retry_wait": 5}
    given |= options or {}
    # Logs of a failed attempt with other options stay in the folder, and are not used.
    _, headers = eval_set(tasks, log_dir=str(out / "logs"), log_dir_allow_dirty=True, **given)
    logs: dict[tuple[str, PartName], EvalLog] = {}
    missing = []
    for log in headers:
        facts = log.eval.metadata or {}
        key = facts["sft_arm"], facts["sft_part"]
        if log.status == "success":
            logs[key] = read_eval_log(log.location)
        else:
            # The message of an error may be empty.
            why = (log.error.message.strip() if log.error else "") or log.status
            missing.append((*key, why.splitlines()[0]))
    first = arms[0]
    if not any(name == first.name for name, _ in logs):
        why = next((reason for name, _, reason in missing if name == first.name), "no log")
        raise UserError(f"{first.model} answered nothing ({why}); the logs are in {out / 'logs'}")
    compared = _compare(logs, [arm.name for arm in arms], battery)
    return Comparison(tuple(arms), battery, cards, compared, logs, tuple(missing))


def battery_of(cards: Sequence[Mapping[str, Any]], arms: Sequence[Arm], plan: Plan) -> Battery:
    """Return the runs of every arm.

    Args:
        cards: Cards of the training samples, from `cards_of`; may be empty.
        arms: The compared models.
        plan: The user's choice of runs.

    Raises:
        UserError: The plan is not possible, or the training samples are about another version of
            the study or about dilemmas of the evaluation.
    """
    plan, readout = _completed(plan, arms)
    card = cards[0] if cards else None
    study = load_study(card["study"]["source"] if card else DEFAULT_STUDY)
    if card and card["study"]["hash"] != study.hash:
        raise UserError(
            f"the samples are of another version of {study.id} ({card['study']['hash'][:12]}, "
            f"installed {study.hash[:12]}): export and train again"
        )
    if overlap := max((one["excluded"]["overlap"] for one in cards), default=0):
        raise UserError(
            f"{overlap} samples were about dilemmas that the evaluation asks: export without "
            "--allow-overlap and train again"
        )
    largest = max((*study.draw.sets, study.draw.count)) if study.draw else len(study.listed)
    if plan.dilemmas is not None and not 2 <= plan.dilemmas <= largest:
        raise UserError(f"dilemmas must be from 2 to {largest}, not {plan.dilemmas}")
    trained = tuple(card["wordings"]) if card else (DEFAULT,)
    # English wordings with a coin and the default labels.
    usual = wordings()[DEFAULT].form
    asked = wordings_asked(ALL, study)
    unseen = [one.id for one in asked if one.id not in trained and one.form == usual]
    return Battery(
        plan=plan,
        readout=readout,
        study=study.source,
        trained_conditions=tuple(card["conditions"]) if card else (),
        wording=tuple(str(card["wording"]).split(",")) if card else (DEFAULT,),
        unseen_wordings=tuple(unseen),
    )


def _completed(plan: Plan, arms: Sequence[Arm]) -> tuple[Plan, ReadoutMode]:
    """Return the plan without None, except for dilemmas, and the readout of probabilities."""
    is_local = all(arm.folder or arm.model.startswith(_LOCAL) for arm in arms)
    how = plan.readout or ("both" if is_local else "sample")
    check_known("readout", how, get_args(ReadoutPlan))
    epochs = plan.epochs if plan.epochs is not None else 1 if how == "prefill" else 2
    if how == "prefill" and epochs != 1:
        raise UserError(
            f"epochs must be 1 with readout=prefill, not {epochs}: a question has one distribution"
        )
    if how != "prefill" and epochs < 2:
        raise UserError(f"epochs must be at least 2, not {epochs}: one answer is no repetition")
    mode: ReadoutMode = "prefill" if is_local or how == "prefill" else "logprobs"
    return replace(plan, epochs=epochs, readout=how), mode


def _task(
    part: PartName, arm: Arm, model: Model, battery: Battery, data: TrainingData | None
) -> Task:
    """Build the task of an arm and a part; `data` holds the samples of few-shot prompting."""
    from kidney_evals.tasks import coin_flip, forced_choice

    of = PARTS[part]
    study = battery.study_of(part)
    arguments: dict[str, Any] = {"study": study.source}
    if of.epochs is None:
        asked = battery.unseen_wordings if part == "wordings" else battery.wording
        # A single wording is passed as text: Inspect treats a list as a different task argument.
        arguments["wording"] = asked[0] if len(asked) == 1 else list(asked)
        arguments["dilemmas"] = battery.plan.dilemmas
    if part == "readout":
        most = len(study.listed) or READOUT_DILEMMAS
        arguments["dilemmas"] = min(battery.plan.dilemmas or READOUT_DILEMMAS, most)
    if battery.reads_probabilities(part):
        arguments["readout"] = battery.readout
    if part not in CONDITIONS:
        arguments["controls"] = False
    prompt = system_prompt(arm, of.condition, load_study(battery.study), data)
    if prompt is not None:
        arguments["system_prompt"] = prompt
    task: Task = (coin_flip if of.condition == "coin_flip" else forced_choice)(**arguments)
    if not battery.reads_probabilities(part):
        task.epochs = of.epochs or battery.plan.epochs
    task.model = model
    task.metadata = (task.metadata or {}) | {"sft_arm": arm.name, "sft_part": part}
    return task


def _compare(
    logs: Mapping[tuple[str, PartName], EvalLog], arms: Sequence[str], battery: Battery
) -> tuple[Compared, ...]:
    """Compare every arm with the first arm, in the parts that both have answered."""
    runs = {key: run for key, log in logs.items() if (run := run_of_log(log)) is not None}
    trained = battery.trained_conditions
    # If every run reads probabilities, no run is made for them alone.
    readout: PartName = "coin_flip" if battery.plan.readout == "prefill" else "readout"
    listed = [
        effect._replace(part=readout) if effect.part == "readout" else effect
        for effect in effects()
        if not effect.untrained or (trained and effect.untrained not in trained)
    ]
    first, *others = arms
    compared = []
    for arm in others:
        pairings = {
            part: Pairing(runs[first, part], runs[arm, part])
            for part in battery.parts
            if (first, part) in runs and (arm, part) in runs
        }
        compared += [
            Compared(effect, arm, pairings[effect.part].row(effect.row, effect.margin))
            for effect in listed
            if effect.part in pairings
        ]
    return tuple(compared)


def effects() -> tuple[Effect, ...]:
    """Return the measures of a comparison in the order of `effects.yaml`."""
    return tuple(Effect(**entry) for entry in table_of("effects"))


def _claim(out: Path, arms: Sequence[Arm], battery: Battery, data: TrainingData | None) -> None:
    """Reserve a results folder for one comparison; raise an error if it holds another one."""
    content = {
        "arms": [vars(arm) for arm in arms],
        "battery": asdict(battery),
        "shown": data.card["files"] if data and any(arm.few_shot for arm in arms) else None,
    }
    text = json.dumps(content, indent=2) + "\n"
    path = out / _CLAIM
    # An attempt in which every run failed is replaced by an attempt with other models.
    is_other = path.is_file() and path.read_text(encoding="utf-8") != text
    if is_other and _has_answers(out / "logs"):
        raise UserError(
            f"{out} holds another comparison, described in {_CLAIM}: name another --out, or give "
            "what it was started with"
        )
    write_output(path, text.encode(), overwrite=True)


def _has_answers(folder: Path) -> bool:
    """Return whether a folder of logs holds a model's answer or an unreadable log."""
    from inspect_ai.log import list_eval_logs, read_eval_log_sample_summaries

    try:
        return any(
            sample.completed and not sample.error
            for log in list_eval_logs(str(folder))
            for sample in read_eval_log_sample_summaries(log)
        )
    except Exception:
        # Reading a truncated log may raise any exception.
        return True
