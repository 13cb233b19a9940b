"""Building and installing the package away from this checkout, without a network."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("kidney_evals", "tasks", "scorers", "datasets", "tests", "docs", ".ci")
FILES = (
    *("pyproject.toml", "MANIFEST.in", "Makefile", "mkdocs.yml"),
    *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
)


def pip(*arguments: str | Path) -> None:
    """Run the environment's own pip; a failure shows what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from: building leaves traces where it is done."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in (*FILES, *FOLDERS):
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                copy / name,
                ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis"),
            )
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the setuptools that the dev extra brings."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, checkout)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def bare_environment(tmp_path: Path) -> Path:
    """A new environment with everything this one has except our own package; its python.

    A folder named in a .pth file is searched, but the .pth files in it are not read: the
    editable install of the environment that runs the tests does not leak in.
    """
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "parent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin" / "python"


@pytest.fixture
def install(bare_environment: Path) -> Callable[..., Path]:
    """Install into the bare environment; returns its python."""

    def run(*what: str | Path) -> Path:
        pip(
            *("--python", str(bare_environment), "install", "-q", "--no-deps"),
            *("--no-build-isolation", "--ignore-installed", *what),
        )
        return bare_environment

    return run
