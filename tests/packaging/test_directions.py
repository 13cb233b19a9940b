"""Rooms import only from rooms before them, and other packages only if they are declared."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

ORDER = (
    # Modules that any room may use.
    *("errors", "limits", "output_files", "provider_errors", "guards", "input_files", "templates"),
    "studies",
    "estimation",
    "human",
    "elicitation",
    "respondents",
    "measures",
    "card",
    "scorers",
    "tasks",
    "charts",
    "planning",
    "reasons",
    "reporting",
    "survey",
    "finetuning",
    "lab",
    "cli",
    "_registry",
)
"""The rooms and single modules of the package; a room imports only from those before it."""

TOP = ("tasks", "scorers")
"""Rooms that are folders of their own, installed as `kidney_evals.tasks` and so on."""


@lru_cache(maxsize=8)
def imports(folder: str) -> tuple[tuple[Path, str], ...]:
    """Return every import in a folder's modules: the module's path, and the full imported name.

    Names come from statements, `import_module("…")` and `map(import_module, (…))`.
    """
    return tuple(
        (path.relative_to(ROOT), name)
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _names(node)
    )


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import"
        yield from (f"{node.module}.{one.name}" for one in node.names)
    elif isinstance(node, ast.Call):
        called = [one for one in (node.func, *node.args) if isinstance(one, ast.Name)]
        if any(one.id == "import_module" for one in called):
            for one in (part for argument in node.args for part in ast.walk(argument)):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value


# --- rooms -----------------------------------------------------------------------------------


def from_rooms() -> Iterator[tuple[str, str, str]]:
    """Yield every import of the package: the room, the module's path, and the imported name."""
    for folder in ("kidney_evals", *TOP):
        for path, name in imports(folder):
            room = path.parts[0 if folder in TOP else 1].removesuffix(".py")
            yield room, path.as_posix(), name


def test_every_room_has_its_place() -> None:
    assert {room for room, _, _ in from_rooms()} - {"__init__"} == set(ORDER)


def test_no_room_imports_from_a_later_one_or_reaches_into_another() -> None:
    wrong = []
    for room, path, name in from_rooms():
        package, *parts = name.split(".")
        if package != "kidney_evals" or not parts or parts[0] == room:
            continue
        later = parts[0] in ORDER and room in ORDER and ORDER.index(parts[0]) > ORDER.index(room)
        private = any(one.startswith("_") and not one.startswith("__") for one in parts)
        if later or private:
            wrong.append(f"{path} imports {name}")
    assert not wrong, "\n".join(sorted(wrong))


def test_nothing_private_of_inspect_is_used() -> None:
    private = [
        f"{path} imports {name}"
        for _, path, name in from_rooms()
        if name.startswith("inspect_ai.") and "._" in name
    ]
    assert not private, "\n".join(sorted(private))


# --- other packages --------------------------------------------------------------------------

EXTRAS = {
    "inspect_scout": "scout",
    "pyarrow": "analysis",
    "resvg_py": "png",
    **dict.fromkeys(("sqlalchemy", "starlette", "uvicorn"), "survey"),
    **dict.fromkeys(
        ("datasets", "peft", "safetensors", "torch", "transformers", "trl"), "finetune"
    ),
}
"""Packages that are imported only where an extra is installed, and the extra."""

DISTRIBUTIONS = {"dotenv": "python_dotenv", "yaml": "pyyaml"}
"""Distributions whose name differs from the name of their package."""


def packages(*folders: str) -> set[str]:
    """Return the packages of others that the modules in some folders import."""
    names = {name.split(".")[0] for folder in folders for _, name in imports(folder)}
    return names - sys.stdlib_module_names


def declared(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[^\w.-]", one)[0].lower().replace("-", "_") for one in requirements}


def test_every_imported_package_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    always, extras = declared(project["dependencies"]), project["optional-dependencies"]
    for name in packages("kidney_evals", *TOP) - {"kidney_evals"}:
        allowed = declared(extras[EXTRAS[name]]) if name in EXTRAS else always
        assert DISTRIBUTIONS.get(name, name) in allowed, name
    everything = always.union(*map(declared, extras.values()))
    own = {path.stem for path in (ROOT / "tests").iterdir()} | {"kidney_evals", "tests"}
    # Comes with moto, without which its test is skipped; with transformers.
    own |= {"boto3", "tokenizers"}
    for name in packages("tests") - own:
        assert DISTRIBUTIONS.get(name, name) in everything, name
