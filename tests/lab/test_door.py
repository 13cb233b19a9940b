"""Nothing at run time imports `kidney_evals.lab`: only commands do, when they are called."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOORS = {"lab.py"}


def imports(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{one.name}" for one in node.names}
    return names


def test_only_commands_import_the_lab_and_only_when_called() -> None:
    found = {}
    for folder in ("kidney_evals", "tasks", "scorers"):
        for path in (ROOT / folder).rglob("*.py"):
            if "lab" in path.relative_to(ROOT).parts[:-1]:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if any(name.startswith("kidney_evals.lab") for name in imports(tree)):
                found[path.relative_to(ROOT)] = tree
    assert {path.name for path in found} == DOORS
    for path, tree in found.items():
        assert path.parent == Path("kidney_evals/cli")
        top = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
        assert not any(name.startswith("kidney_evals.lab") for name in imports(top)), path
