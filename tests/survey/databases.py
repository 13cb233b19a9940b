"""A temporary PostgreSQL server, if its programs are installed."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import create_engine, text


def postgres_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`; None if there is none."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


class Postgres:
    """A server that listens on a socket in its own folder, with no network."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        options = ("-A", "trust", "-U", "owner", "-N", "-E", "UTF8", "--locale=C")
        self._run("initdb", *options)
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, "-D", self.folder / "data", *arguments],
            user=self._user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        settings = f"-k {self.folder} -c listen_addresses="
        self._run("pg_ctl", "-w", "-t", "100", "-l", f"{self.folder}/log", "-o", settings, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop the server; `immediate` ends it as a crash would."""
        self._run("pg_ctl", "-m", how, "-w", "stop")

    def empty_database(self) -> str:
        """Empty the server's database and return its address for SQLAlchemy."""
        address = f"postgresql+psycopg://owner@/postgres?host={self.folder}"
        engine = create_engine(address)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        engine.dispose()
        return address
