"""Settings that every test shares: how Inspect displays runs, and the order of the test files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from reporting.making_logs import Made

# Every display but this one lays out a table of all rows when a run ends, which costs more than
# a small run itself. The first run in a process decides for all later ones: no call names another.
os.environ.setdefault("INSPECT_DISPLAY", "log")

# pytest-xdist sets a terminal's width for its workers, in which commands would break long paths.
os.environ.pop("COLUMNS", None)

LONGEST_FIRST = (
    "finetuning/test_tiny_model.py",
    "finetuning/test_comparison.py",
    "acceptance/test_known_respondents.py",
    "cli/test_compare.py",
    "packaging/test_built.py",
    "estimation/test_centrality.py",
    "lab/test_simulated_tables.py",
    "tasks/test_readout.py",
    "survey/test_web_attacks.py",
    "survey/test_web_flow.py",
    "viewer/test_viewer.py",
    "tasks/test_probe.py",
    "lab/test_results.py",
    "protocol/test_ended_runs.py",
    "protocol/test_providers.py",
    "reporting/test_nobody.py",
    "reporting/test_page.py",
)
"""The longest files of the slow and of the default suite: a worker that begins one last would keep
the others waiting."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Move the longest files to the front; the order is otherwise that of collection."""

    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        found = (i for i, name in enumerate(LONGEST_FIRST) if path.endswith(f"tests/{name}"))
        return next(found, len(LONGEST_FIRST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A few small logs, made once for each worker."""
    # Imported here, because files of tests that need no log start faster without Inspect.
    from reporting.making_logs import make_logs

    return make_logs(tmp_path_factory.mktemp)
