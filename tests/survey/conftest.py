"""Stores of a survey in each kind of database that is tried."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from survey.databases import Postgres, postgres_programs, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt install postgresql)")
    with running_postgres(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: a SQLite file, or one of a PostgreSQL server."""
    if request.param == "sqlite":
        return str(tmp_path / "survey.db")
    server: Postgres = request.getfixturevalue("postgres")
    return server.empty_database()
