"""Nothing at run time imports `kidney_evals.lab`: only commands do, when they are called."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_only_commands_import_the_lab_and_only_when_called() -> None:
    importing = set()
    for folder in ("kidney_evals", "tasks", "scorers"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.parent == ROOT / "kidney_evals" / "lab":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            importing |= {
                (path.name, node in tree.body)
                for node in ast.walk(tree)
                if isinstance(node, ast.Import | ast.ImportFrom)
                and "kidney_evals.lab" in ast.unparse(node)
            }
    assert importing == {("lab.py", False)}
