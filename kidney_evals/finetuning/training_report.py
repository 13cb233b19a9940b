"""The report of a training run: curve, settings, versions, and the adapter's model card."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from kidney_evals.charts import Line, line_chart
from kidney_evals.errors import UserError
from kidney_evals.finetuning.base import DATA_CARD
from kidney_evals.finetuning.data import CARD, TrainingData, sha256_of
from kidney_evals.finetuning.settings import Settings
from kidney_evals.finetuning.texts import filled, table_of
from kidney_evals.limits import limits_and_use
from kidney_evals.output_files import write_output
from kidney_evals.studies import load_study

ADAPTER_FILE: Final = "adapter_model.safetensors"
REPORT: Final = "training.json"

_OPEN: Final = "<!-- side effects: written by kidney-evals sft evaluate -->\n"
_CLOSE: Final = "<!-- /side effects -->\n"

NOT_MEASURED: Final = "Not measured yet"
"""First words of the card's section on side effects until they are measured."""


def passes_of(history: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the columns `step`, `loss` and `heldout_loss`, with a row for each pass.

    The index is the number of the pass. Pass 0 is the untrained model; its training loss is NaN.
    Losses are means over the tokens of the answers, in nats.

    Args:
        history: The `log_history` of a trainer of transformers.
    """
    rows = pd.DataFrame(history, columns=["epoch", "step", "loss", "eval_loss"])
    passes = rows.groupby(rows["epoch"].round().astype(int).rename("pass")).first()
    return passes.drop(columns="epoch").rename(columns={"eval_loss": "heldout_loss"})


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty if the file is missing or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_report(
    report: Mapping[str, Any],
    passes: pd.DataFrame,
    data: TrainingData,
    settings: Settings,
    folder: Path,
) -> dict[str, Any]:
    """Write the report into the folder of a saved adapter; return the content of `training.json`.

    The adapter must be that of the pass with the lowest held-out loss, from pass 1 on.

    Args:
        report: Entries of `training.json` that are known before.
        passes: The losses, from `passes_of`.
        data: The folder of samples.
        settings: Settings of the training.
        folder: The folder of the adapter.
    """
    losses = passes["heldout_loss"]
    report = {
        **report,
        "passes": len(passes) - 1,
        # After a divergence every loss may be NaN; then the adapter is that of pass 1.
        "kept_pass": 1 + int(losses[1:].fillna(math.inf).argmin()),
        "adapter_sha256": sha256_of(folder / ADAPTER_FILE),
    }
    curves = {"held out": losses, "training": passes["loss"]}
    lines = [Line(name, passes.index.tolist(), one.tolist()) for name, one in curves.items()]
    title = f"Loss of the answers, {report['samples']} samples"
    chart = line_chart(title, "pass over the samples", "nats a token", lines)
    study = load_study(data.card["study"]["source"])
    answers = Counter(one.facts["answer"] for one in data.train[: report["samples"]])
    model_card = filled(
        "model_card.md",
        report=report,
        card=data.card,
        losses=losses,
        most=settings.passes(report["samples"]),
        values=trained_values(data.card),
        answers=", ".join(f"{answer} {count}" for answer, count in sorted(answers.items())),
        explained=table_of("lora"),
        words=study.words,
        limits=limits_and_use(study.words.good),
    )
    contents = {
        "training.csv": passes.round(6).to_csv(lineterminator="\n"),
        "training.svg": chart,
        REPORT: json.dumps(report, indent=2) + "\n",
        "README.md": model_card,
    }
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / DATA_CARD).write_bytes((data.folder / CARD).read_bytes())
    return report


def trained_values(card: Mapping[str, Any]) -> str:
    """Return a paragraph on whose answers a folder of samples holds.

    For answers from the human reference, it states the importance shares of these people.

    Args:
        card: The card of the folder.

    Raises:
        UserError: The study of the samples cannot be loaded.
    """
    from kidney_evals.human.reference import load_reference

    shares = {}
    if card["source"]["kind"] == "reference":
        study = load_study(card["study"]["source"])
        for condition in card["conditions"]:
            importance = load_reference(study, condition).importance
            if not any(map(math.isnan, importance)):
                shares[condition] = dict(zip(study.attribute_ids, importance, strict=True))
    return filled("trained_values.md", card=card, shares=shares).strip()


def write_side_effects(folder: Path, text: str) -> None:
    """Write the measured side effects, as Markdown, into the card in an adapter's folder.

    Raises:
        UserError: The card cannot be read or written, or was not written by `sft train`.
    """
    path = folder / "README.md"
    try:
        # A user may have edited the card in another encoding.
        card = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error})") from error
    if card.count(_OPEN) != 1 or card.count(_CLOSE) != 1:
        raise UserError(f"{path} is no card of `sft train`: its side effects have no place")
    before, _, rest = card.partition(_OPEN)
    content = f"{before}{_OPEN}{text.strip()}\n{_CLOSE}{rest.partition(_CLOSE)[2]}"
    # The two marks identify a card that this package wrote.
    write_output(path, content.encode(errors="surrogateescape"), overwrite=True)
