"""The arms of a comparison: untrained model, trained models, and prompted untrained model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import DATA_CARD, check_adapter, is_adapter
from kidney_evals.finetuning.data import TrainingData
from kidney_evals.finetuning.environment import check_extra, first_line, quiet
from kidney_evals.finetuning.texts import table_of
from kidney_evals.reporting.page.sections import UNTRAINED

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from kidney_evals.studies import Condition, Study

AFTER: Final = "after"

_LOCAL_PACKAGES = ("torch", "transformers", "accelerate")


@dataclass(frozen=True)
class Arm:
    """A compared model.

    Attributes:
        name: Name in tables.
        model: A folder, or a model name as for `inspect eval --model`.
        samples: Number of training samples, for a learning curve.
        few_shot: Number of answered samples in the system message.
        stated_values: Whether the system message states people's weights and flip rate.
    """

    name: str
    model: str
    samples: int | None = None
    few_shot: int = 0
    stated_values: bool = False

    @property
    def is_prompted(self) -> bool:
        """Whether this arm is the untrained model with a system message."""
        return self.few_shot > 0 or self.stated_values


def arms_of(
    before: str,
    after: Sequence[str],
    sizes: Sequence[int] = (),
    prompted: Sequence[str] = (),
    data: TrainingData | None = None,
) -> tuple[Arm, ...]:
    """Return the compared models, the untrained model first.

    Args:
        before: The untrained model.
        after: Trained models, each as MODEL or NAME=MODEL. With `sizes`, a single folder with an
            adapter for each size, in a subfolder named by its number of samples.
        sizes: Numbers of training samples; 0 is the untrained model.
        prompted: "few-shot:N" or "stated-values".
        data: The training samples, which few-shot prompting shows.

    Raises:
        UserError: A model does not exist, a name is used twice, or an argument is missing.
    """
    arms = [Arm(UNTRAINED, _checked(before), samples=0 if sizes else None)]
    if sizes:
        if len(after) != 1:
            raise UserError("--samples takes one --after, the folder with an adapter for each")
        for size in filter(None, sizes):
            place = Path(after[0]).expanduser() / str(size)
            if not place.is_dir():
                raise UserError(
                    f"there is no adapter of {size} samples at {place}: train it with "
                    f"`kidney-evals sft train --samples {size} --out {place} ...`"
                )
            arms.append(Arm(f"{size} samples", _checked(str(place)), samples=size))
    else:
        for index, one in enumerate(after):
            name, equals, model = one.partition("=")
            if not equals or "/" in name:
                name, model = AFTER if len(after) == 1 else f"{AFTER} {index + 1}", one
            arms.append(Arm(name, _checked(model)))
    for one in prompted:
        kind, _, number = one.partition(":")
        if kind == "stated-values" and not number:
            arms.append(Arm(one, _checked(before), stated_values=True))
        elif kind == "few-shot" and number.isdecimal() and int(number) > 0:
            if data is None:
                raise UserError("few-shot shows training samples: name their folder with --data")
            if int(number) > len(data.train):
                raise UserError(f"{data.folder} holds {len(data.train)} samples, not {number}")
            arms.append(Arm(one, _checked(before), few_shot=int(number)))
        else:
            raise UserError(f"--with takes few-shot:N or stated-values, not {one!r}")
    names = [arm.name for arm in arms]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the compared are called {name!r}: write --after NAME=MODEL")
    return tuple(arms)


def cards_of(arms: Sequence[Arm], data: TrainingData | None) -> Mapping[str, Mapping[str, Any]]:
    """Return the known cards of the training samples, by trained model.

    A trained model without a card gets the card of `data`.

    Raises:
        UserError: Two models were trained on different studies, conditions or wordings, so that
            no dilemma is held out from both models alike.
    """
    cards: dict[str, Mapping[str, Any]] = {}
    for arm in arms[1:]:
        path = Path(arm.model) / DATA_CARD
        if arm.is_prompted:
            continue
        if path.is_file():
            cards[arm.name] = json.loads(path.read_text(encoding="utf-8"))
        elif data is not None:
            cards[arm.name] = data.card
    if not cards and data is not None:
        cards["--data"] = data.card
    for what in ("study", "conditions", "wordings"):
        if len({json.dumps(card[what], sort_keys=True) for card in cards.values()}) > 1:
            raise UserError(
                f"{' and '.join(cards)} were trained on different {what}: compare them one by one"
            )
    return cards


def model_of(arm: Arm, device: str | None, arguments: Mapping[str, Any]) -> Model:
    """Return the Inspect model of an arm, without a call to the model.

    Args:
        arm: The arm.
        device: Device of a local model; None for the best available device.
        arguments: Further arguments of the provider.

    Raises:
        UserError: The model cannot be set up.
    """
    from inspect_ai.model import ModelInfo, get_model, set_model_info

    name, given = arm.model, dict(arguments)
    if Path(name).is_dir():
        check_extra([*_LOCAL_PACKAGES, *(["peft"] if is_adapter(Path(name)) else [])])
        quiet()
        given["model_path"] = name
        name = f"hf/{Path(name).name}"
        # For an unknown name, Inspect would search the hub or load the model a second time.
        set_model_info(name, ModelInfo())
        if device is not None:
            given["device"] = device
    try:
        return get_model(name, **given)  # inspect-evals-lint: ignore[get_model_location] -- ours
    except UserError:
        raise
    except Exception as error:
        # Every provider raises its own errors about packages, keys and files.
        raise UserError(f"{arm.model} cannot be set up ({first_line(error)})") from error


def system_prompt(
    arm: Arm, condition: Condition, study: Study, data: TrainingData | None
) -> str | None:
    """Return the system message of an arm; None if the arm has no system message.

    The message shows samples of `data`, or states the weights of the people of `study`. Its texts
    are in `prompting.yaml`.
    """
    texts = {name: text.strip() for name, text in table_of("prompting.yaml").items()}
    if arm.few_shot and data is not None:
        # Prefer samples of this condition: a coin is no valid answer to a forced choice.
        own = [one for one in data.train if one.facts["condition"] == condition]
        return "\n\n".join(
            [
                texts["few_shot"],
                *(
                    texts["example"].format(
                        question=one.messages[-2]["content"], answer=one.messages[-1]["content"]
                    )
                    for one in (own or data.train)[: arm.few_shot]
                ),
            ]
        )
    if arm.stated_values:
        return _stated(condition, study, texts)
    return None


def _stated(condition: Condition, study: Study, texts: Mapping[str, str]) -> str:
    from kidney_evals.human.reference import load_reference
    from kidney_evals.studies import dilemmas_of

    people = load_reference(study, condition)
    if not people.has_people:
        raise UserError(f"nobody was asked {condition} in {study.id}: there is nothing to state")
    ranked = sorted(
        zip(people.importance, study.attributes, strict=True), key=lambda pair: -abs(pair[0])
    )
    weights = "\n".join(
        texts["weight"].format(
            label=attribute.label, favoured=attribute.favoured_text, share=f"{abs(share):.0%}"
        )
        for share, attribute in ranked
    )
    parts = [texts["stated_values"].format(weights=weights)]
    if condition == "coin_flip":
        rate = people.flip_rate(dilemmas_of(study, None, None))
        parts.append(texts["flips"].format(rate=f"{rate:.0%}"))
    return "\n\n".join(parts)


def _checked(model: str) -> str:
    """Check that a model exists, without loading it; return its name or its absolute folder."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        if is_adapter(folder):
            check_adapter(folder)
        elif not (folder / "config.json").is_file():
            raise UserError(f"{model} holds neither a model nor an adapter")
        return str(folder.resolve())
    if "/" not in model or folder.is_absolute() or model.startswith("."):
        raise UserError(
            f"there is no model {model!r}: give a folder, or PROVIDER/NAME as for `inspect eval`"
        )
    return model
