"""The report of a training run: curve, settings, versions, and the adapter's model card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from kidney_evals.charts import Line, line_chart
from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import DATA_CARD
from kidney_evals.finetuning.data import CARD, TrainingData, sha256_of
from kidney_evals.finetuning.settings import Settings, explained
from kidney_evals.finetuning.texts import filled
from kidney_evals.limits import limits_and_use
from kidney_evals.output_files import write_output
from kidney_evals.reporting.table_formats import csv_text

ADAPTER_FILE: Final = "adapter_model.safetensors"
REPORT: Final = "training.json"

_OPEN: Final = "<!-- side effects: written by kidney-evals sft evaluate -->\n"
_CLOSE: Final = "<!-- /side effects -->\n"

NOT_MEASURED: Final = "Not measured yet"
"""First words of the card's section on side effects until they are measured."""


@dataclass(frozen=True)
class Pass:
    """A pass over the samples; pass 0 is the state before training.

    Attributes:
        number: Number of the pass, from 0.
        step: Number of training steps up to the end of the pass.
        loss: Mean loss of the training samples, nats per token of the answers; NaN for pass 0.
        heldout_loss: Mean loss of the held-out samples at the end of the pass, in the same unit.
    """

    number: int
    step: int
    loss: float
    heldout_loss: float


@dataclass(frozen=True)
class Training:
    """A finished training run.

    Attributes:
        base: The base model, as the adapter names it.
        samples: Number of training samples.
        settings: The settings.
        data: The samples.
        device: The device.
        seconds: Duration; for a resumed run, since it was resumed.
        resumed: Whether the run was interrupted and resumed.
        tokens: Tokens of one pass, questions included.
        longest: Tokens of the longest sample.
        peak_memory: Peak of allocated bytes on a CUDA device; None on other devices.
        trained_parameters: Number of parameters of the adapter.
        passes: The passes, beginning with pass 0.
        versions: Versions of the packages.
        adapter_sha256: SHA-256 of the adapter's file; empty until the file is written.
    """

    base: str
    samples: int
    settings: Settings
    data: TrainingData
    device: str
    seconds: float
    resumed: bool
    tokens: int
    longest: int
    peak_memory: int | None
    trained_parameters: int
    passes: tuple[Pass, ...]
    versions: Mapping[str, str]
    adapter_sha256: str = ""

    @property
    def kept(self) -> Pass:
        """The pass of the final adapter: from pass 1 on, the pass with the lowest held-out loss."""
        return min(self.passes[1:], key=lambda one: one.heldout_loss)


def passes_of(history: Sequence[Mapping[str, Any]]) -> tuple[Pass, ...]:
    """Return the passes in a trainer's history of `epoch`, `step`, `loss` and `eval_loss`."""
    loss = {round(one["epoch"]): float(one["loss"]) for one in history if "loss" in one}
    return tuple(
        Pass(
            number=round(one["epoch"]),
            step=int(one["step"]),
            loss=loss.get(round(one["epoch"]), float("nan")),
            heldout_loss=float(one["eval_loss"]),
        )
        for one in history
        if "eval_loss" in one
    )


def is_trained(folder: Path, base: str, samples: int, settings: Settings, data: Path) -> bool:
    """Return whether a folder holds an adapter that was trained with the same arguments."""
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = {
        "base": base,
        "samples": samples,
        "settings": asdict(settings),
        "data_card_sha256": sha256_of(data / CARD),
    }
    return isinstance(report, dict) and wanted.items() <= report.items()


def write_report(training: Training, folder: Path) -> Training:
    """Write the report into the folder of a saved adapter; return `training` with the hash set."""
    training = replace(training, adapter_sha256=sha256_of(folder / ADAPTER_FILE))
    passes, kept = training.passes, training.kept
    lines: list[tuple[Any, ...]] = [("pass", "step", "loss", "heldout_loss")]
    for one in passes:
        loss = "" if one.number == 0 else round(one.loss, 6)
        lines.append((one.number, one.step, loss, round(one.heldout_loss, 6)))
    numbers = [one.number for one in passes]
    chart = line_chart(
        f"Loss of the answers, {training.samples} samples",
        "pass over the samples",
        "nats a token",
        [
            Line("held out", numbers, [one.heldout_loss for one in passes]),
            Line("training", numbers, [one.loss for one in passes]),
        ],
    )
    report = {
        "base": training.base,
        "samples": training.samples,
        "heldout": len(training.data.heldout),
        "settings": asdict(training.settings),
        "kept_pass": kept.number,
        "passes": len(passes) - 1,
        "device": training.device,
        "seconds": round(training.seconds, 1),
        "resumed": training.resumed,
        "tokens_of_a_pass": training.tokens,
        # The time includes held-out samples and checkpoints; after a resume, only the last part.
        "tokens_per_second": (
            None
            if training.resumed
            else round(training.tokens * (len(passes) - 1) / training.seconds)
        ),
        "peak_memory_bytes": training.peak_memory,
        "longest_sample": training.longest,
        "trained_parameters": training.trained_parameters,
        "adapter_sha256": training.adapter_sha256,
        "versions": dict(training.versions),
        "data_card_sha256": sha256_of(training.data.folder / CARD),
    }
    contents = {
        "training.csv": csv_text(lines),
        "training.svg": chart,
        REPORT: json.dumps(report, indent=2) + "\n",
        "README.md": model_card(training),
    }
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / DATA_CARD).write_bytes((training.data.folder / CARD).read_bytes())
    return training


def model_card(training: Training) -> str:
    """Return the model card of a new adapter as Markdown, from the template `model_card.md`."""
    answers = Counter(one.facts["answer"] for one in training.data.train[: training.samples])
    return filled(
        "model_card.md",
        training=training,
        card=training.data.card,
        kept=training.kept,
        most=training.settings.passes(training.samples),
        values=trained_values(training.data.card),
        answers=", ".join(f"{answer} {count}" for answer, count in sorted(answers.items())),
        explained=explained(),
        limits=limits_and_use(),
    )


def trained_values(card: Mapping[str, Any]) -> str:
    """Return a paragraph that names the people whose answers a folder of samples holds."""
    source: Mapping[str, Any] = card["source"]
    study = card["study"]["id"]
    if source["kind"] == "reference":
        whose = {
            "group": "each answer was drawn from the shares of the people asked, as fitted",
            "individual": "all answers are those of one simulated person of the fitted group",
            "majority": "each answer is the most frequent one of the people asked, as fitted",
        }[source["target"]]
        return f"People's answers to `{study}`: {whose}. {_people(card)}"
    return {
        "rows": f"The published answers of single people to `{study}`, row by row.",
        "answers": "Answers that a user supplied; whose they are is for that user to say.",
        "log": "Answers of another model, read from a log: not people's.",
    }[source["kind"]]


def _people(card: Mapping[str, Any]) -> str:
    """Return people's signed importance shares, with intervals."""
    import numpy as np

    from kidney_evals.human.reference import load_reference
    from kidney_evals.studies import load_study

    study = load_study(card["study"]["source"])
    parts = []
    for condition in card["conditions"]:
        people = load_reference(study, condition)
        if np.isnan(people.importance).any():
            continue
        ends = np.quantile(people.importance_draws, [0.025, 0.975], axis=0)
        values = zip(study.attribute_ids, people.importance, *ends, strict=True)
        shares = ", ".join(
            f"{name} {value:.2f} [{low:.2f}, {high:.2f}]" for name, value, low, high in values
        )
        parts.append(f"{condition}: {shares}")
    if not parts:
        return ""
    return f"Signed importance shares of these people [95 % interval]: {'; '.join(parts)}."


def write_side_effects(folder: Path, text: str) -> None:
    """Write the measured side effects, as Markdown, into the card in an adapter's folder.

    Raises:
        UserError: The card has no section for side effects, or cannot be written.
    """
    path = folder / "README.md"
    try:
        card = path.read_text(encoding="utf-8")
        before, rest = card.split(_OPEN)
        _, after = rest.split(_CLOSE)
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error})") from error
    except ValueError:
        raise UserError(
            f"{path} is no card of `sft train`: its side effects have no place"
        ) from None
    # The two marks identify a card that this package wrote.
    content = f"{before}{_OPEN}{text.strip()}\n{_CLOSE}{after}".encode()
    write_output(path, content, overwrite=True)
