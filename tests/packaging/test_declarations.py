"""What pyproject.toml says of the package holds in the checkout."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOORS = {"kidney_evals.tasks": "tasks", "kidney_evals.scorers": "scorers"}
"""Sub-packages that stand at the top of the checkout."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def test_every_package_folder_is_listed_and_every_listed_package_is_there(
    project: dict[str, Any],
) -> None:
    inside = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "kidney_evals").rglob("*.py")
    }
    beside = {
        ".".join([name, *path.parent.relative_to(ROOT / folder).parts])
        for name, folder in DOORS.items()
        for path in (ROOT / folder).rglob("*.py")
    }
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted({*inside, *beside, "kidney_evals.datasets"})


def test_every_package_has_an_init(project: dict[str, Any]) -> None:
    listed = set(project["tool"]["setuptools"]["packages"]) - {"kidney_evals.datasets"}
    folders = [ROOT / DOORS.get(name, name.replace(".", "/")) for name in sorted(listed)]
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_datasets_holds_no_python() -> None:
    # With an __init__.py any program started from the repository's root would import this
    # folder in place of Hugging Face's `datasets`.
    assert list((ROOT / "datasets").rglob("*.py")) == []


def test_inspect_finds_the_package_by_its_import_name(project: dict[str, Any]) -> None:
    assert project["project"]["entry-points"]["inspect_ai"] == {
        "kidney_evals": "kidney_evals._registry"
    }


def test_the_registry_imports_nothing_heavy() -> None:
    # Whoever runs any evaluation with this package installed imports the registry.
    heavy = ("numpy", "scipy", "pandas", "matplotlib", "torch", "openai", "anthropic")
    code = (
        "import sys, kidney_evals._registry; "
        f"print(*[name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert done.stdout.split() == []


EXTRAS = {
    "inspect_scout": "scout",
    "pyarrow": "analysis",
    "resvg_py": "png",
    **dict.fromkeys(
        ("datasets", "peft", "safetensors", "torch", "transformers", "trl"), "finetune"
    ),
}
"""What the package imports only where an extra is installed, and which."""

DISTRIBUTIONS = {"dotenv": "python_dotenv", "yaml": "pyyaml"}
"""Distributions whose name is not that of what they install."""


def imported(folder: Path) -> dict[str, set[str]]:
    """Every package of others that a folder's modules import at any place, with the modules."""
    found: dict[str, set[str]] = {}
    for path in folder.rglob("*.py"):
        for name in _named(ast.parse(path.read_text(encoding="utf-8"))):
            top = name.split(".")[0]
            if top not in sys.stdlib_module_names:
                found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


def _named(tree: ast.AST) -> Iterator[str]:
    """Yield what is imported: by a statement, import_module("…") or map(import_module, (…))."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        elif isinstance(node, ast.Call):
            called = [one for one in (node.func, *node.args) if isinstance(one, ast.Name)]
            if any(one.id == "import_module" for one in called):
                yield from (
                    one.value
                    for argument in node.args
                    for one in ast.walk(argument)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )


def declared(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[^\w.-]", one)[0].lower().replace("-", "_") for one in requirements}


@pytest.mark.parametrize("folder", ["kidney_evals", "tasks", "scorers"])
def test_every_imported_package_is_declared(folder: str, project: dict[str, Any]) -> None:
    always = declared(project["project"]["dependencies"])
    extras = project["project"]["optional-dependencies"]
    for name, where in imported(ROOT / folder).items():
        allowed = declared(extras[EXTRAS[name]]) if name in EXTRAS else always
        if name != "kidney_evals":
            assert DISTRIBUTIONS.get(name, name) in allowed, (name, sorted(where))


def test_every_package_that_tests_import_is_declared(project: dict[str, Any]) -> None:
    named = project["project"]["dependencies"] + [
        one for extra in project["project"]["optional-dependencies"].values() for one in extra
    ]
    own = {path.stem for path in (ROOT / "tests").iterdir()} | {"kidney_evals", "tests"}
    # Comes with moto, without which its test is skipped; with transformers.
    own |= {"boto3", "tokenizers"}
    missing = {
        name: sorted(where)
        for name, where in imported(ROOT / "tests").items()
        if name not in own and DISTRIBUTIONS.get(name, name) not in declared(named)
    }
    assert missing == {}


def test_every_dependency_on_inspect_is_bounded_on_both_sides(project: dict[str, Any]) -> None:
    (requirement,) = (
        entry for entry in project["project"]["dependencies"] if entry.startswith("inspect-ai")
    )
    assert ">=" in requirement and "<" in requirement
