"""The source distribution is whole: the checkout's files, and the same wheel again."""

import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(checkout: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built where the wheel was built, and unpacked elsewhere."""
    folder = tmp_path_factory.mktemp("sdist")
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=checkout, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (content,) = (path for path in folder.iterdir() if path.is_dir())
    return content


def test_every_file_of_the_checkout_is_in_it(checkout: Path, unpacked: Path) -> None:
    files = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()}
    # Without the traces of building it.
    wanted = {path for path in files if not path.parts[0].endswith((".egg-info", "build"))}
    assert {"tests", "docs", "kidney_evals", "Makefile"} <= {path.parts[0] for path in wanted}
    assert {path for path in wanted if not (unpacked / path).is_file()} == set()


def test_its_wheel_is_the_checkouts_own(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    options = ("-q", "--no-deps", "--no-build-isolation", "-w", tmp_path)
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, unpacked], check=True)
    (again,) = tmp_path.glob("*.whl")
    assert again.name == wheel.name
    with ZipFile(again) as built, ZipFile(wheel) as first:
        assert sorted(built.namelist()) == sorted(first.namelist())
        assert [name for name in first.namelist() if built.read(name) != first.read(name)] == []
