"""Evaluate every arm of a comparison on the same tasks, in one eval set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.elicitation.prompt import render_system
from kidney_evals.elicitation.wording import wording_named
from kidney_evals.errors import UserError
from kidney_evals.finetuning.arms import Arm, cards_of, model_of
from kidney_evals.finetuning.base import check_adapter, is_adapter, load_part
from kidney_evals.finetuning.battery import EPOCHS, Battery, Part, battery_of, tasks_of
from kidney_evals.finetuning.comparison import Compared, compare
from kidney_evals.finetuning.data import TrainingData
from kidney_evals.finetuning.environment import load_env
from kidney_evals.finetuning.template import overrun, takes_system
from kidney_evals.output_files import check_new_folder, write_output

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog


CLAIM: Final = "asked.json"
"""File in a results folder that records the arguments of the comparison."""


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        arms: The compared models, the untrained model first.
        battery: The runs of each arm.
        cards: Known cards of the training samples, by arm.
        compared: The compared measures, arm by arm.
        logs: Successful logs with their samples, by arm and part.
        missing: Arm, part and reason of every run that failed.
    """

    arms: tuple[Arm, ...]
    battery: Battery
    cards: Mapping[str, Mapping[str, Any]]
    compared: tuple[Compared, ...]
    logs: Mapping[tuple[str, Part], EvalLog]
    missing: tuple[tuple[str, Part, str], ...]


def evaluate(
    arms: Sequence[Arm],
    out: Path,
    *,
    data: TrainingData | None = None,
    dilemmas: int | None = None,
    epochs: int = EPOCHS,
    side_effects: bool = True,
    readout: bool | None = None,
    device: str | None = None,
    model_args: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = print,
) -> Comparison:
    """Run the same tasks with every arm in one eval set, and compare each arm with the first.

    A second call with the same arguments repeats no answered model call.

    Args:
        arms: The compared models, the untrained model first; see `arms_of`.
        out: Folder of the results; its logs are in `logs`.
        data: The training samples.
        dilemmas: Number of dilemmas; None for the study's default.
        epochs: Epochs in the two conditions.
        side_effects: Whether to run tasks that were not part of the training.
        readout: Whether to read out the probability of the answers; None reads it out where the
            readout is known to work.
        device: Device of local models.
        model_args: Further arguments of the providers.
        options: Options of `inspect_ai.eval_set`.
        say: Called with each line that a user may want to read before the first model call.

    Raises:
        UserError: An input is missing, the runs are not comparable, or the untrained model failed.
    """
    from inspect_ai import eval_set
    from inspect_ai.log import read_eval_log

    if len(arms) < 2:
        raise UserError("there is nothing to compare with: name --after, --samples or --with")
    if not (out / CLAIM).is_file():
        # Check before the runs that no file of another program is in the way.
        check_new_folder(out)
    cards = cards_of(arms, data)
    battery = battery_of(
        tuple(cards.values()),
        arms,
        dilemmas=dilemmas,
        epochs=epochs,
        side_effects=side_effects,
        readout=readout,
    )
    # `eval_set` reads the same file, but only after the models were set up.
    load_env()
    models: dict[str, Any] = {}
    for arm in arms:
        if arm.model not in models:
            models[arm.model] = model_of(arm, device, model_args or {})
    battery = _without_unsuitable(arms, battery, say)
    tasks = [task for arm in arms for task in tasks_of(arm, models[arm.model], battery, data)]
    calls = sum(len(task.dataset) * (task.epochs or 1) for task in tasks)
    if (out / CLAIM).is_file() and not _has_answers(out / "logs"):
        # An attempt in which every run failed is replaced by an attempt with other models.
        with suppress(OSError):
            (out / CLAIM).unlink()
    _claim(out, arms, battery, data)
    say(f"{len(arms)} models, {len(tasks)} runs, {calls:,} calls (a question may be put twice)")
    given: dict[str, Any] = {"score_display": False, "retry_attempts": 3, "retry_wait": 5}
    # Logs of a failed attempt with other options stay in the folder, and are not used.
    given["log_dir_allow_dirty"] = True
    _, found = eval_set(tasks, log_dir=str(out / "logs"), **given | dict(options or {}))
    logs: dict[tuple[str, Part], EvalLog] = {}
    missing = []
    for log in found:
        facts = log.eval.metadata or {}
        key = (facts["sft_arm"], facts["sft_part"])
        if log.status == "success":
            logs[key] = read_eval_log(log.location)
        else:
            missing.append((*key, log.error.message.splitlines()[0] if log.error else log.status))
    names = [arm.name for arm in arms]
    if not any(name == names[0] for name, _ in logs):
        why = next((reason for name, _, reason in missing if name == names[0]), "no log")
        raise UserError(f"{arms[0].model} answered nothing ({why}); the logs are in {out / 'logs'}")
    return Comparison(
        tuple(arms), battery, cards, compare(logs, names, battery), logs, tuple(missing)
    )


def _claim(out: Path, arms: Sequence[Arm], battery: Battery, data: TrainingData | None) -> None:
    """Reserve a results folder for one comparison, so that it holds no logs of another comparison.

    Raises:
        UserError: The folder belongs to another comparison, or cannot be written.
    """
    content = {
        "arms": [vars(arm) for arm in arms],
        "battery": vars(battery),
        "shown": data.card["files"] if data and any(arm.few_shot for arm in arms) else None,
    }
    text = json.dumps(content, indent=2) + "\n"
    path = out / CLAIM
    try:
        if path.is_file():
            if path.read_text(encoding="utf-8") != text:
                raise UserError(
                    f"{out} holds another comparison, described in {CLAIM}: name another --out, or "
                    "give what it was started with"
                )
            return
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error})") from error
    write_output(path, text.encode(), overwrite=None)


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


def _without_unsuitable(
    arms: Sequence[Arm], battery: Battery, say: Callable[[str], None]
) -> Battery:
    """Remove wordings that the chat template of a local model cannot render.

    Raises:
        UserError: An arm consists of a system message, and its local model accepts none.
    """
    for model in dict.fromkeys(arm.model for arm in arms if Path(arm.model).is_dir()):
        tokenizer = load_part("AutoTokenizer", model, "tokenizer")
        if not tokenizer.chat_template:
            say(f"{model} has no chat template: Inspect puts its questions as plain text.")
            continue
        base = check_adapter(Path(model)) if is_adapter(Path(model)) else model
        if found := overrun(tokenizer, base):
            say(f"{model}: {found}, so that it may write on after its answer.")
        if takes_system(tokenizer):
            continue
        prompted = [arm.name for arm in arms if arm.model == model and arm.is_prompted]
        if prompted:
            raise UserError(
                f"the chat template of {model} takes no system message, in which {prompted[0]} "
                "stands: leave --with out"
            )
        kept = tuple(
            one for one in battery.unseen_wordings if not render_system(wording_named(one))
        )
        if kept != battery.unseen_wordings:
            say(f"{model} takes no system message: wordings with one are not asked.")
            battery = replace(battery, unseen_wordings=kept)
    return battery
