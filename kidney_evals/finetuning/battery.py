"""The evaluation runs of a comparison: the same tasks and dilemmas for every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from kidney_evals.elicitation.wording import ALL, DEFAULT, wordings, wordings_asked
from kidney_evals.errors import UserError
from kidney_evals.finetuning.arms import Arm, system_prompt
from kidney_evals.finetuning.data import TrainingData
from kidney_evals.studies import CONDITIONS, Condition, Study, load_study

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.model import Model

Part = Literal["coin_flip", "forced_choice", "repeated", "other_study", "wordings", "readout"]
"""A run of an arm: a condition, or a measurement of side effects or probabilities."""

DEFAULT_STUDY: Final = "mcelfresh_2021"
REPEATED_STUDY: Final = "boerstler_2024"
OTHER_STUDY: Final = "freedman_2020"

EPOCHS: Final = 2
"""Epochs in the two conditions: a single answer cannot separate chance from an order effect."""

LISTED_EPOCHS: Final = {"repeated": 10, "other_study": 5}
"""Epochs on short fixed lists, as in their studies' own runs: only more answers add information."""

READOUT_DILEMMAS: Final = 50

_READ_OUT: Final = ("hf/", "vllm/", "kidney/")
"""Providers that are known to return log-probabilities."""


@dataclass(frozen=True)
class Battery:
    """The runs of every arm.

    Attributes:
        study: Source of the study whose answers were used in training.
        dilemmas: Number of dilemmas; None for the study's default.
        epochs: Epochs in the two conditions.
        trained_conditions: Conditions of the training samples; empty where unknown.
        wording: Wordings of the training samples, as a task's `wording`.
        unseen_wordings: Ids of wordings outside of the training samples, for a run of their own.
        side_effects: Whether to run tasks that were not part of the training.
        readout: Whether to read out the probability of the answers.
    """

    study: str
    dilemmas: int | None
    epochs: int
    trained_conditions: tuple[Condition, ...]
    wording: tuple[str, ...]
    unseen_wordings: tuple[str, ...]
    side_effects: bool = True
    readout: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """The runs of each arm."""
        parts: list[Part] = ["coin_flip", "forced_choice"]
        if self.side_effects:
            parts += ["repeated", "other_study"]
            if self.unseen_wordings:
                parts.append("wordings")
        if self.readout:
            parts.append("readout")
        return tuple(parts)


def battery_of(
    cards: Sequence[Mapping[str, Any]],
    arms: Sequence[Arm],
    *,
    dilemmas: int | None,
    epochs: int,
    side_effects: bool,
    readout: bool | None,
) -> Battery:
    """Choose the runs from the training samples of the models.

    Args:
        cards: Known cards of the training samples; all have the same study, conditions and
            wordings.
        arms: The compared models.
        dilemmas: Number of dilemmas; None for the study's default.
        epochs: Epochs in the two conditions, at least 2.
        side_effects: Whether to run tasks that were not part of the training.
        readout: Whether to read out the probability of the answers; None reads it out if every
            provider is known to return log-probabilities.

    Raises:
        UserError: A number is out of range, or the models were trained on these dilemmas.
    """
    if epochs < 2:
        raise UserError(f"epochs must be at least 2, not {epochs}: one answer tells no repetition")
    card = cards[0] if cards else None
    study = load_study(card["study"]["source"] if card else DEFAULT_STUDY)
    if card and card["study"]["hash"] != study.hash:
        raise UserError(
            f"the samples are of another version of {study.id} ({card['study']['hash'][:12]}, "
            f"installed {study.hash[:12]}): export and train again"
        )
    overlap = max((one["excluded"]["overlap"] for one in cards), default=0)
    if overlap:
        raise UserError(
            f"{overlap} samples were about dilemmas that the evaluation asks: "
            "what the model has seen cannot show what it learnt; export without --allow-overlap"
        )
    if dilemmas is not None:
        largest = max((*study.draw.sets, study.draw.count)) if study.draw else len(study.listed)
        if not 2 <= dilemmas <= largest:
            raise UserError(
                f"dilemmas must be from 2 to {largest}, not {dilemmas}: more were not kept out of "
                "the training samples"
            )
    trained = tuple(card["wordings"]) if card else (DEFAULT,)
    local = all(Path(arm.model).is_dir() or arm.model.startswith(_READ_OUT) for arm in arms)
    # English wordings with a coin and the default labels.
    usual = wordings()[DEFAULT].form
    unseen = [one.id for one in wordings_asked(ALL) if one.id not in trained and one.form == usual]
    return Battery(
        study=study.source,
        dilemmas=dilemmas,
        epochs=epochs,
        trained_conditions=tuple(card["conditions"]) if card else (),
        wording=tuple(str(card["wording"]).split(",")) if card else (DEFAULT,),
        unseen_wordings=tuple(unseen),
        side_effects=side_effects,
        readout=local if readout is None else readout,
    )


def tasks_of(arm: Arm, model: Model, battery: Battery, data: TrainingData | None) -> list[Task]:
    """Build the tasks of an arm; the metadata of each task holds arm and part.

    `data` holds the training samples, for few-shot prompting.
    """
    tasks = []
    for part in battery.parts:
        task = _task(part, arm, battery, data)
        task.model = model
        task.metadata = (task.metadata or {}) | {"sft_arm": arm.name, "sft_part": part}
        tasks.append(task)
    return tasks


def study_of(part: Part, battery: Battery) -> Study:
    """Return the study of a part; for `other_study`, a study without training samples."""
    wanted = {"repeated": REPEATED_STUDY, "other_study": OTHER_STUDY}.get(part, battery.study)
    if part == "other_study" and wanted == battery.study:
        wanted = DEFAULT_STUDY
    return load_study(wanted)


def condition_of(part: Part) -> Condition:
    """Return the condition of a part."""
    return "forced_choice" if part in ("forced_choice", "repeated", "other_study") else "coin_flip"


def _task(part: Part, arm: Arm, battery: Battery, data: TrainingData | None) -> Task:
    from kidney_evals.tasks import coin_flip, forced_choice

    condition = condition_of(part)
    study = study_of(part, battery)
    arguments: dict[str, Any] = {"study": study.source}
    if part not in LISTED_EPOCHS:
        asked = battery.unseen_wordings if part == "wordings" else battery.wording
        # A single wording is passed as text: Inspect treats a list as a different task argument.
        arguments["wording"] = asked[0] if len(asked) == 1 else list(asked)
        arguments["dilemmas"] = battery.dilemmas
    if part == "readout":
        fewest = READOUT_DILEMMAS if battery.dilemmas is None else battery.dilemmas
        most = len(study.listed) or READOUT_DILEMMAS
        arguments |= {"readout": "logprobs", "dilemmas": min(fewest, most)}
    if part not in CONDITIONS:
        arguments["controls"] = False
    prompt = system_prompt(arm, condition, load_study(battery.study), data)
    if prompt is not None:
        arguments["system_prompt"] = prompt
    task: Task = (coin_flip if condition == "coin_flip" else forced_choice)(**arguments)
    if part != "readout":
        task.epochs = LISTED_EPOCHS.get(part, battery.epochs)
    return task
