"""What changed between two versions, every figure of it, for programs."""

from __future__ import annotations

import json
import math
from typing import Any

from kidney_evals.reporting.comparing.changes import PanelChange, RowChange
from kidney_evals.reporting.comparing.text import Report, headline
from kidney_evals.reporting.runs import ModelRun


def as_json(report: Report) -> str:
    """Return a comparison with every figure for programs; what has no value is null."""
    from kidney_evals import __version__

    content = {
        "kidney_evals": __version__,
        "old": report.old,
        "new": report.new,
        "status": report.status,
        "panels": [_panel_record(panel) for panel in report.panels],
        "passed_over": list(report.lines),
        "rules": [
            {"rule": one.rule.text, "outcome": one.outcome, "why": list(one.lines)}
            for one in report.decided
        ],
    }
    return json.dumps(_nulls(content), indent=2)


def _panel_record(panel: PanelChange) -> dict[str, Any]:
    return {
        "task": panel.match.old.panel.task,
        "study": panel.match.old.panel.study,
        "old": _run_record(panel.match.old),
        "new": _run_record(panel.match.new),
        "despite": {part: list(values) for part, values in panel.match.despite.items()},
        "shared": list(panel.shared),
        "old_only": list(panel.old_only),
        "new_only": list(panel.new_only),
        "headline": headline(panel),
        "notes": list(panel.notes),
        "rows": [_row_record(one) for one in panel.rows],
    }


def _run_record(run: ModelRun) -> dict[str, Any]:
    return {
        "model": run.name,
        "log": run.found.location,
        "state": run.found.state,
        "eval_id": run.id,
        "key": dict(run.key),
    }


def _row_record(one: RowChange) -> dict[str, Any]:
    change = one.found.change
    return {
        "row": one.row,
        "label": one.label,
        "old": one.found.first,
        "new": one.found.second,
        "old_level": one.levels[0].value,
        "new_level": one.levels[1].value,
        "people": one.aim,
        "change": change.value,
        "low": change.low,
        "high": change.high,
        "n": change.n,
        "p": one.found.p_value,
        "p_adjusted": one.adjusted,
        "bounds": None if one.bounds is None else list(one.bounds),
        "detectable": None if one.detectable is None else list(one.detectable),
        "verdict": one.verdict,
        "clear": one.clear,
        "open": one.open,
        "why": one.why,
    }


def _nulls(value: Any) -> Any:
    """Return a record with None for what has no value, which JSON cannot say."""
    if isinstance(value, dict):
        return {name: _nulls(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_nulls(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
