"""pyproject.toml describes the package that is in the checkout."""

import subprocess
import sys
import tomllib
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


def test_every_package_is_listed_and_has_an_init(project: dict[str, Any]) -> None:
    folders = {path.parent for path in (ROOT / "kidney_evals").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts): folder for folder in folders}
    for name, top in DOORS.items():
        for folder in {path.parent for path in (ROOT / top).rglob("*.py")}:
            names[".".join([name, *folder.relative_to(ROOT / top).parts])] = folder
    listed = project["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted({*names, "kidney_evals.datasets"})
    assert [one for one in names.values() if not (one / "__init__.py").is_file()] == []


def test_datasets_holds_no_python() -> None:
    # With an __init__.py any program started from the repository's root would import this
    # folder in place of Hugging Face's `datasets`.
    assert list((ROOT / "datasets").rglob("*.py")) == []


def test_inspect_finds_the_package_by_its_import_name(project: dict[str, Any]) -> None:
    found = project["project"]["entry-points"]["inspect_ai"]
    assert found == {"kidney_evals": "kidney_evals._registry"}


def test_starting_imports_nothing_heavy_and_not_the_lab() -> None:
    # Whoever runs any evaluation with this package installed imports the registry.
    heavy = {"numpy", "scipy", "pandas", "matplotlib", "torch", "anthropic", "inspect_scout"}
    code = (
        # A survey starts without Inspect, which takes seconds.
        "import sys, kidney_evals.survey.web.server; assert 'inspect_ai' not in sys.modules\n"
        f"import kidney_evals._registry; assert not {heavy!r} & set(sys.modules)\n"
        "import kidney_evals.cli.lab\n"
        "assert not [one for one in sys.modules if one.startswith('kidney_evals.lab')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")


def test_the_dependency_on_inspect_is_bounded_on_both_sides(project: dict[str, Any]) -> None:
    requirements = project["project"]["dependencies"]
    (requirement,) = (one for one in requirements if one.startswith("inspect-ai"))
    assert ">=" in requirement and "<" in requirement
