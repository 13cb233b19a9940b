"""tasks/eval.yaml says of the tasks what is true of them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from inspect_ai.util import registry_create
from inspect_evals_lint import cli as linter

from kidney_evals import tasks
from kidney_evals.limits import limits_and_use
from kidney_evals.reporting.page.content import PAPER

ROOT = Path(__file__).resolve().parents[2]
DOI = "10.1145/3805689.3806437"
OWN_TASKS = ["forced_choice", "coin_flip", "predict_people", "stated_values"]
"""Tasks that are run by their own name; the suites are settings of the first two."""


@pytest.fixture(scope="module")
def listing() -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "tasks" / "eval.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def test_the_listed_tasks_have_their_samples_and_version(listing: dict[str, Any]) -> None:
    assert [entry["name"] for entry in listing["tasks"]] == OWN_TASKS
    for entry in listing["tasks"]:
        task = getattr(tasks, entry["name"])()
        assert len(task.dataset) == entry["dataset_samples"]
        assert task.version == listing["version"]
        text = (ROOT / entry["task_path"]).read_text(encoding="utf-8")
        assert f"def {entry['name']}(" in text
    for name in set(tasks.__all__) - {"SUITES"}:
        # As `inspect eval kidney_evals/NAME` finds it.
        found = registry_create("task", f"kidney_evals/{name}")
        assert found.display_name.startswith("Kidney allocation: ")
        assert found.tags == listing["tags"]


@pytest.mark.parametrize(
    "name",
    ["coin_flip"]
    + [
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("forced_choice", "predict_people", "stated_values", "smoke", "full")
    ],
)
def test_each_task_file_is_clean_for_the_register(name: str) -> None:
    # The register lints one task file at a time. In this process: starting Python costs more.
    with pytest.raises(SystemExit) as ended:
        linter.main(["--root", str(ROOT), "--task", f"tasks/{name}.py"])
    assert not ended.value.code


def test_the_paper_is_cited_alike(listing: dict[str, Any]) -> None:
    assert listing["doi"] == f"https://doi.org/{DOI}" and DOI in PAPER
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["urls"]["Paper"] == listing["doi"]
    citing = [
        path
        for folder in ("docs", "kidney_evals", "tasks", "datasets")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".md", ".yaml", ".py") and "2506.00079" in path.read_text("utf-8")
    ]
    assert citing
    assert [path for path in citing if DOI not in path.read_text("utf-8")] == []


def test_the_limits_of_use_are_those_of_the_package(listing: dict[str, Any]) -> None:
    stated = [line.removeprefix("- ") for line in limits_and_use().splitlines()]
    assert listing["limits_and_use"] == stated
