"""The page on paper: light whatever the screen, nothing folded away, nothing cut off."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog

from kidney_evals.reporting.page import read_report, write_page
from reporting.conftest import Made
from reporting.making_logs import edited, of_another_run
from reporting.printing import assert_prints

LONG = "openrouter/some-vendor-with-a-long-name/a-model-whose-name-nobody-would-type-72b-instruct"


@pytest.fixture(scope="module")
def printed(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of three models in two conditions, one with a name that is wider than a column."""

    def renamed(log: EvalLog) -> None:
        of_another_run(log)
        log.eval.model = LONG

    folder = tmp_path_factory.mktemp("printed")
    logs = folder / "logs"
    logs.mkdir()
    for path in (made.coin, made.forced, made.other):
        shutil.copy(path, logs)
    edited(made.coin, logs / "long.eval", renamed)
    write_page(read_report([str(logs)]), folder / "report.html")
    return folder / "report.html"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_prints_whole_and_light(printed: Path, browser: Any, scheme: str) -> None:
    assert_prints(browser, printed, scheme)
