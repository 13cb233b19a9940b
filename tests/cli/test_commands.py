"""The smaller commands."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import kidney_evals._registry as registry
from cli.calling import refused
from kidney_evals.respondents.definitions import respondents

Call = Callable[..., Result]


@pytest.mark.parametrize("suite", ["smoke", "full"])
def test_a_suite_is_the_arguments_of_eval_set(suite: str, kidney_evals: Call) -> None:
    result = kidney_evals("suite", suite)
    assert result.exit_code == 0 and result.stdout.count("\n") == 1
    names = result.stdout.split()
    assert names
    for name in names:
        package, task = name.split("/")
        assert package == "kidney_evals" and task.startswith(f"{suite}_")
        assert task in registry.__all__ and callable(getattr(registry, task))


def test_an_unknown_suite(kidney_evals: Call) -> None:
    line = refused(kidney_evals("suite", "smok"))
    assert line == "Error: unknown suite 'smok'; allowed: smoke, full"


def test_respondents_are_listed_with_their_arguments(kidney_evals: Call) -> None:
    result = kidney_evals("respondents")
    assert result.exit_code == 0
    for one in respondents():
        assert f"kidney/{one.name}" in result.stdout or one.name in result.stdout.split()
        assert all(argument in result.stdout for argument in one.takes)


def test_a_plan_is_printed(kidney_evals: Call) -> None:
    result = kidney_evals("plan", "smoke", "--model", "kidney/human")
    assert result.exit_code == 0, result.output
    assert "256–512" in result.stdout


def test_no_network_is_said_with_what_to_do(
    kidney_evals: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # A proxy that nobody runs: the request ends on this machine.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    line = refused(kidney_evals("reference", "fetch", "--cache", tmp_path))
    for part in ("cannot download https://", "offline, copy study_1.csv", "KIDNEY_EVALS_DATA_DIR"):
        assert part in line
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_tables_are_not_made_from_nothing(kidney_evals: Call, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = refused(kidney_evals("reference", "build", "--data", tmp_path, "--out", out))
    assert "study_1.csv is missing" in line and "reference fetch" in line
    assert not out.exists()
