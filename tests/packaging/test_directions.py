"""Each room imports only from rooms before it, through their public modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ORDER = (
    # Modules that any room may use.
    *("errors", "limits", "output_files", "provider_errors", "guards", "input_files"),
    "studies",
    "estimation",
    "human",
    "elicitation",
    "respondents",
    "measures",
    "scorers",
    "tasks",
    "charts",
    "planning",
    "reasons",
    "reporting",
    "finetuning",
    "trying",
    "lab",
    "cli",
    "_registry",
)
"""The rooms and single modules of the package; a room imports only from what stands before it."""

TOP = ("tasks", "scorers")
"""Rooms that are folders of their own, installed as `kidney_evals.tasks` and so on."""


def sources() -> Iterator[tuple[str, Path]]:
    """Yield the room and the path of every module."""
    for path in (ROOT / "kidney_evals").rglob("*.py"):
        parts = path.relative_to(ROOT / "kidney_evals").parts
        yield parts[0].removesuffix(".py"), path
    for room in TOP:
        yield from ((room, path) for path in (ROOT / room).rglob("*.py"))


@lru_cache(maxsize=1)
def imports() -> tuple[tuple[str, str, str], ...]:
    """Return every import: the room, the module's path, and the full name that is imported."""
    found = []
    for room, path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                names = [f"{node.module}.{one.name}" for one in node.names]
            elif isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            found += [(room, str(path.relative_to(ROOT)), name) for name in names]
    return tuple(found)


def test_every_room_has_its_place() -> None:
    assert {room for room, _ in sources()} - {"__init__"} == set(ORDER)


def test_no_room_imports_from_a_later_one() -> None:
    wrong = []
    for room, path, name in imports():
        parts = name.split(".")
        if parts[0] != "kidney_evals" or len(parts) < 2 or parts[1] not in ORDER:
            continue
        if room in ORDER and ORDER.index(parts[1]) > ORDER.index(room):
            wrong.append(f"{path} imports {name}")
    assert not wrong, "\n".join(sorted(wrong))


def test_no_room_reaches_into_another() -> None:
    private = [
        f"{path} imports {name}"
        for room, path, name in imports()
        for parts in [name.split(".")]
        if parts[0] == "kidney_evals" and len(parts) > 1 and parts[1] != room
        if any(one.startswith("_") and not one.startswith("__") for one in parts[1:])
    ]
    assert not private, "\n".join(sorted(private))


def test_nothing_private_of_inspect_is_used() -> None:
    private = [
        f"{path} imports {name}"
        for _, path, name in imports()
        if name.startswith("inspect_ai.") and "._" in name
    ]
    assert not private, "\n".join(sorted(private))
