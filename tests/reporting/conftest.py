"""A folder of logs in several states, and a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from reporting.making_logs import Made, another, edited, killed, spec
from viewer.required import require_browser


@pytest.fixture
def header(made: Made) -> EvalLog:
    return read_eval_log(str(made.forced), header_only=True)


@pytest.fixture(scope="session")
def mixed(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of both conditions, of a killed run of another model, and of another evaluation."""
    place = tmp_path_factory.mktemp("mixed")
    shutil.copy(made.coin, place / "1-coin.eval")
    shutil.copy(made.forced, place / "2-forced.eval")
    whole = edited(made.coin, place / "whole.eval", another(spec("model", "kidney/another")))
    killed(whole, place / "3-killed.eval")
    whole.unlink()
    shutil.copy(made.other, place / "4-other.eval")
    return place


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    require_browser()
    from viewer.browsing import chromium

    with chromium(tmp_path_factory.mktemp("home")) as browser:
        yield browser
