"""Writing a comparison down: report, tables and pictures, and the adapters' own cards."""

from __future__ import annotations

from pathlib import Path

from kidney_evals.finetuning import comparison_text as text
from kidney_evals.finetuning.base import is_adapter
from kidney_evals.finetuning.evaluate import Comparison
from kidney_evals.finetuning.model_card import write_side_effects
from kidney_evals.whole import MARKDOWN_MARK, write_outputs

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
        REPORT: f"{MARKDOWN_MARK}{text.as_markdown(comparison)}",
        "comparison.csv": text.as_csv(comparison),
        "comparison.json": text.as_json(comparison),
        **text.curves(comparison),
    }
    write_outputs(
        {str(out / name): content.encode() for name, content in contents.items()}, overwrite=None
    )
    lines = text.as_lines(comparison)
    lines += ["", f"Report: {out / REPORT}", "Beside it: comparison.csv, comparison.json, logs/"]
    if comparison.battery.side_effects:
        for arm in comparison.arms[1:]:
            folder = Path(arm.model)
            if not arm.is_prompted and folder.is_dir() and is_adapter(folder):
                write_side_effects(folder, text.side_effects(comparison, arm.name))
                lines.append(f"Side effects written into the card of {arm.name}")
    return lines
