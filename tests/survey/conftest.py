"""Databases, a server of the survey in a module's `SETTINGS`, its store, and a browser."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kidney_evals.studies import Study
from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Store
from survey.databases import Postgres, postgres_programs
from survey.folders import DRAWN, study_with
from survey.serving import Server, serving
from viewer.required import require_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A new PostgreSQL server, which is stopped and deleted after the session."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
    # Not pytest's folder, which another account cannot enter; the socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        server = Postgres(programs, Path(name))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: a SQLite file, or one of a PostgreSQL server."""
    if request.param == "sqlite":
        return str(tmp_path / "survey.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.empty_database()


@pytest.fixture(scope="module")
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A study with the module's `SETTINGS` as its `survey.yaml`."""
    return study_with(tmp_path_factory.mktemp("study"), request.module.SETTINGS, DRAWN)


@pytest.fixture(scope="module")
def server(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(study.path, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def store(server: Server, study: Study) -> Store:
    """The store of the server."""
    return Store(server.store, study, load_survey(study), create=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require_browser()
    from playwright.sync_api import sync_playwright

    from viewer.browsing import CHROMIUM, SWITCHES

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield opened
        opened.close()
