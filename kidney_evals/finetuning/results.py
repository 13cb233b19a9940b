"""Writing a comparison down: report, tables and pictures, and the adapters' own cards."""

from __future__ import annotations

from pathlib import Path

from kidney_evals.errors import UserError
from kidney_evals.finetuning import comparison_text as text
from kidney_evals.finetuning.base import is_adapter
from kidney_evals.finetuning.evaluate import Comparison
from kidney_evals.finetuning.model_card import write_side_effects

REPORT = "README.md"


def write_results(comparison: Comparison, out: Path) -> list[str]:
    """Write a comparison into a folder, and its side effects into the cards of local adapters.

    Args:
        comparison: The comparison.
        out: The folder; what an earlier call wrote is replaced.

    Returns:
        Lines for a terminal: the table, and where everything is.

    Raises:
        UserError: A file cannot be written.
    """
    contents = {
        REPORT: text.as_markdown(comparison),
        "comparison.csv": text.as_csv(comparison),
        "comparison.json": text.as_json(comparison),
        **text.curves(comparison),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            whole = out / f".{name}.new"
            whole.write_text(content, encoding="utf-8", newline="\n")
            whole.replace(out / name)
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror or error})") from error
    lines = text.as_lines(comparison)
    lines += ["", f"Report: {out / REPORT}", "Beside it: comparison.csv, comparison.json, logs/"]
    if comparison.battery.side_effects:
        for arm in comparison.arms[1:]:
            folder = Path(arm.model)
            if not arm.is_prompted and folder.is_dir() and is_adapter(folder):
                write_side_effects(folder, text.side_effects(comparison, arm.name))
                lines.append(f"Side effects written into the card of {arm.name}")
    return lines
