"""The arms of a comparison: untrained model, trained models, and prompted untrained model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.errors import UserError, first_line
from kidney_evals.finetuning.base import DATA_CARD, check_adapter, is_adapter, load_tokenizer
from kidney_evals.finetuning.data import TrainingData, read_card
from kidney_evals.finetuning.environment import check_extra, quiet
from kidney_evals.finetuning.texts import table_of
from kidney_evals.reporting.runs import UNTRAINED

if TYPE_CHECKING:
    from inspect_ai.model import Model

    from kidney_evals.studies import Condition, Study

_NAMED: Final = re.compile(r"([^/=]*)=(.*)", re.DOTALL)
"""NAME=MODEL; an "=" behind a slash is part of a path."""


@dataclass(frozen=True)
class Arm:
    """A compared model, with or without a system message.

    Attributes:
        model: A folder, or a model name as for `inspect eval --model`.
        samples: Number of training samples in a learning curve; None outside of a curve.
        few_shot: Number of training samples that the system message shows with their answers.
        stated_values: Whether the system message states people's weights and, with a coin, their
            flip rate.
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

    @property
    def folder(self) -> Path | None:
        """The folder of a local model; None for other models."""
        return Path(self.model) if Path(self.model).is_dir() else None


def arms_of(
    before: str,
    after: Sequence[str],
    sizes: Sequence[int] = (),
    prompted: Sequence[str] = (),
    data: TrainingData | None = None,
) -> tuple[Arm, ...]:
    """Return the compared models, the untrained model `before` first.

    Args:
        before: A folder, or a model name as for `inspect eval --model`.
        after: Trained models, each as MODEL or NAME=MODEL.
        sizes: Numbers of training samples in a learning curve; 0 is the untrained model. Exactly
            one of `after` then has no name: a folder that holds the adapter of each size in a
            subfolder, whose name is the size.
        prompted: Texts "few-shot:N", for a system message with N samples of `data`, or
            "stated-values", for one with people's weights.
        data: Samples for "few-shot:N".

    Raises:
        UserError: A model or `data` is missing, `data` has fewer than N samples, two models have
            the same name, or an argument has another form.
    """
    arms = [Arm(UNTRAINED, _checked(before), samples=0 if sizes else None)]
    unnamed = [text for text in after if not _NAMED.fullmatch(text)]
    if sizes and len(unnamed) != 1:
        raise UserError(
            "--samples takes one --after without a name, the folder with an adapter for each"
        )
    for size in filter(None, sizes):
        place = Path(unnamed[0]).expanduser() / str(size)
        if not place.is_dir():
            raise UserError(f"there is no adapter of {size} samples at {place}: train it first")
        arms.append(Arm(f"{size} samples", _checked(str(place)), samples=size))
    for index, text in enumerate(after, start=1):
        if named := _NAMED.fullmatch(text):
            arms.append(Arm(named[1], _checked(named[2])))
        elif not sizes:
            name = "after" if len(after) == 1 else f"after {index}"
            arms.append(Arm(name, _checked(text)))
    for text in prompted:
        kind, _, number = text.partition(":")
        if kind == "stated-values" and not number:
            arms.append(Arm(text, arms[0].model, stated_values=True))
        elif kind == "few-shot" and number.isdecimal() and int(number) > 0:
            if data is None:
                raise UserError("few-shot shows training samples: name their folder with --data")
            if int(number) > len(data.train):
                raise UserError(f"{data.folder} holds {len(data.train)} samples, not {number}")
            arms.append(Arm(text, arms[0].model, few_shot=int(number)))
        else:
            raise UserError(f"--with takes few-shot:N or stated-values, not {text!r}")
    names = [arm.name for arm in arms]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the compared are called {name!r}: write --after NAME=MODEL")
    return tuple(arms)


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
        raise UserError(f"there is no model {model!r}: give a folder, or PROVIDER/NAME")
    return model


def cards_of(arms: Sequence[Arm], data: TrainingData | None) -> dict[str, Mapping[str, Any]]:
    """Return the cards of the training samples of the trained arms, by the arms' names.

    A card is the content of a `card.json`. A trained model without a card gets the card of `data`,
    or is left out if `data` is None. If no arm is trained, the result has only the card of `data`,
    under the name `--data`.

    Raises:
        UserError: A card cannot be read, or cards differ in study, conditions or wordings: models
            are compared only if the same dilemmas were held out.
    """
    cards: dict[str, Mapping[str, Any]] = {}
    for arm in arms[1:]:
        path = Path(arm.model) / DATA_CARD
        if not arm.is_prompted and path.is_file():
            cards[arm.name] = read_card(path)
        elif not arm.is_prompted and data is not None:
            cards[arm.name] = data.card
    if not cards and data is not None:
        cards["--data"] = data.card
    for part in ("study", "conditions", "wordings"):
        if len({json.dumps(card[part], sort_keys=True) for card in cards.values()}) > 1:
            raise UserError(
                f"{' and '.join(cards)} were trained on different {part}: compare them one by one"
            )
    return cards


def model_of(arm: Arm, device: str | None, arguments: Mapping[str, Any]) -> Model:
    """Return the Inspect model of an arm, without a call to the model.

    Args:
        arm: The compared model.
        device: Device of a model in a local folder; None for the provider's default.
        arguments: Arguments of the model's provider.

    Raises:
        UserError: The model cannot be set up, or a package that it needs is missing.
    """
    from inspect_ai.model import ModelInfo, get_model, set_model_info

    name, given = arm.model, dict(arguments)
    if arm.folder is not None:
        check_extra(["torch", "transformers", "accelerate", *["peft"] * is_adapter(arm.folder)])
        quiet()
        load_tokenizer(name)  # without a chat template, Inspect asks in plain text
        given["model_path"] = name
        name = f"hf/{arm.folder.name}"
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
    """Return the system message of an arm, from `prompting.yaml`; None if the arm has none.

    The message shows samples of `data`, or states the weights of the people of `study`.

    Raises:
        UserError: The message would state people's weights, and nobody was asked in `condition`.
    """
    texts = {name: text.strip() for name, text in table_of("prompting").items()}
    if arm.stated_values:
        return _stated_values(condition, study, texts)
    if not arm.few_shot or data is None:
        return None
    # Prefer samples of this condition: a coin is no valid answer to a forced choice.
    own = [one for one in data.train if one.facts["condition"] == condition] or data.train
    messages = [one.messages[-2:] for one in own[: arm.few_shot]]
    shown = [
        texts["example"].format(question=question["content"], answer=answer["content"])
        for question, answer in messages
    ]
    return "\n\n".join([texts["few_shot"], *shown])


def _stated_values(condition: Condition, study: Study, texts: Mapping[str, str]) -> str:
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
    message = texts["stated_values"].format(weights=weights)
    if condition == "coin_flip":
        rate = people.flip_rate(dilemmas_of(study, None, None))
        if bins := people.calibration("flip"):
            # The rate of people's own answers, whatever dilemmas a run draws.
            answers = sum(row.answers for row in bins)
            rate = sum(row.rate * row.answers for row in bins) / answers
        message += "\n\n" + study.words.fill(texts["flips"]).format(rate=f"{rate:.0%}")
    return message
