"""What a training run says of itself: curve, settings, versions, and the adapter's card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from kidney_evals.charts import Line, line_chart
from kidney_evals.finetuning.data import CARD, TrainingData
from kidney_evals.finetuning.settings import Settings
from kidney_evals.reporting.table_formats import csv_text

ADAPTER_FILE: Final = "adapter_model.safetensors"
DATA_CARD: Final = "data_card.json"
REPORT: Final = "training.json"


@dataclass(frozen=True)
class Pass:
    """One pass over the samples; number 0 is before the first.

    Attributes:
        number: From 0.
        step: Steps made until its end.
        loss: Mean of the samples' loss in it, nats a token of the answers; NaN for number 0.
        heldout_loss: The same of the held-out samples at its end.
    """

    number: int
    step: int
    loss: float
    heldout_loss: float


@dataclass(frozen=True)
class Training:
    """A training run that is done.

    Attributes:
        base: The base model, as the adapter names it.
        samples: How many samples it was trained on.
        settings: How.
        data: The samples' folder.
        device: Where it ran.
        seconds: How long (of the last part, where it was resumed).
        resumed: Whether it was interrupted in between.
        tokens: Tokens of one pass, questions included.
        longest: Tokens of the longest sample.
        peak_memory: Most bytes that were taken on a CUDA device; None on others.
        trained_parameters: How many numbers the adapter has.
        passes: The passes, the state before the first included.
        versions: Of the packages.
        adapter_sha256: Of the adapter's file; empty until it is written.
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
        """The pass after which the adapter was kept: the lowest held-out loss after one pass."""
        return min(self.passes[1:], key=lambda one: one.heldout_loss)


def passes_of(history: Sequence[Mapping[str, Any]]) -> tuple[Pass, ...]:
    """Return the passes that a trainer's history tells of.

    Args:
        history: Entries with `epoch` and `step`, and `loss` or `eval_loss`.
    """
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
    """Return whether a folder holds the adapter that the same arguments would train.

    Args:
        folder: Where the adapter would be.
        base: The base model, as an adapter names it.
        samples: How many samples to train on.
        settings: How.
        data: The samples' folder.
    """
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = {
        "base": base,
        "samples": samples,
        "settings": settings.as_dict(),
        "data_card_sha256": sha256_of(data / CARD),
    }
    return isinstance(report, dict) and wanted.items() <= report.items()


def write_report(told: Training, folder: Path) -> Training:
    """Write the report beside an adapter that was just saved.

    Args:
        told: The run.
        folder: Where the adapter is.

    Returns:
        The run with its adapter's hash.
    """
    from kidney_evals.finetuning.model_card import model_card

    told = replace(told, adapter_sha256=sha256_of(folder / ADAPTER_FILE))
    lines: list[tuple[Any, ...]] = [("pass", "step", "loss", "heldout_loss")]
    for one in told.passes:
        loss = "" if one.number == 0 else round(one.loss, 6)
        lines.append((one.number, one.step, loss, round(one.heldout_loss, 6)))
    (folder / "training.csv").write_text(csv_text(lines), encoding="utf-8", newline="\n")
    numbers = [one.number for one in told.passes]
    chart = line_chart(
        f"Loss of the answers, {told.samples} samples",
        "pass over the samples",
        "nats a token",
        [
            Line("held out", numbers, [one.heldout_loss for one in told.passes]),
            Line("training", numbers, [one.loss for one in told.passes]),
        ],
    )
    (folder / "training.svg").write_text(chart, encoding="utf-8")
    report = {
        "base": told.base,
        "samples": told.samples,
        "heldout": len(told.data.heldout),
        "settings": told.settings.as_dict(),
        "kept_pass": told.kept.number,
        "passes": len(told.passes) - 1,
        "device": told.device,
        "seconds": round(told.seconds, 1),
        "resumed": told.resumed,
        "tokens_of_a_pass": told.tokens,
        # Held-out samples and checkpoints are in the time; of a resumed run only its last part is.
        "tokens_per_second": (
            None if told.resumed else round(told.tokens * (len(told.passes) - 1) / told.seconds)
        ),
        "peak_memory_bytes": told.peak_memory,
        "longest_sample": told.longest,
        "trained_parameters": told.trained_parameters,
        "adapter_sha256": told.adapter_sha256,
        "versions": dict(told.versions),
        "data_card_sha256": sha256_of(told.data.folder / CARD),
    }
    (folder / REPORT).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (folder / DATA_CARD).write_bytes((told.data.folder / CARD).read_bytes())
    (folder / "README.md").write_text(model_card(told), encoding="utf-8")
    return told


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
