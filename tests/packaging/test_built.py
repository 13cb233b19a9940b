"""The package as built and installed away from this checkout, without a network."""

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest
from inspect_ai.log import read_eval_log

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = {
    "kidney_evals": "kidney_evals",
    "tasks": "kidney_evals/tasks",
    "scorers": "kidney_evals/scorers",
    "datasets": "kidney_evals/datasets",
}
"""Where each folder of the checkout is installed."""

BUILT_FROM = (
    *(*INSTALLED, "tests", "docs", ".ci", "pyproject.toml", "MANIFEST.in", "Makefile"),
    *("mkdocs.yml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"),
)
NO_INDEX = ("-q", "--no-deps", "--no-build-isolation")


def run(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copied(source: Path, target: Path) -> Path:
    skipped = ("__pycache__", "*.egg-info", ".hypothesis", "build")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*skipped))
    return target


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from: building leaves traces where it is done."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            copied(ROOT / name, copy / name)
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the setuptools that the dev extra brings."""
    folder = tmp_path_factory.mktemp("wheel")
    run(folder, sys.executable, "-m", "pip", "wheel", *NO_INDEX, "-w", folder, checkout)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The python of a new environment that has everything of this one except our own package.

    A folder named in a .pth file is searched, but the .pth files in it are not read: the
    editable install of the environment that runs the tests does not leak in.
    """
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "parent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", python, "install", *NO_INDEX)
    run(python.parent, *pip, "--ignore-installed", *what)


# --- the archives ----------------------------------------------------------------------------


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for folder, place in INSTALLED.items():
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
        wanted = {
            f"{place}/{path.relative_to(ROOT / folder).as_posix()}"
            for path in files
            if "__pycache__" not in path.parts and not path.name.startswith(".")
        }
        assert wanted and wanted - names == set()
    about = {name for name in names if ".dist-info/" in name}
    assert {name.split("/")[0] for name in names - about} == {"kidney_evals"}
    assert "kidney_evals/py.typed" in names
    assert [Path(name).name for name in about if "/licenses/" in name] == ["LICENSE"]


def test_the_source_distribution_is_whole_and_gives_the_same_wheel(
    checkout: Path, wheel: Path, tmp_path: Path
) -> None:
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})"
    run(checkout, sys.executable, "-c", build)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    files = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()}
    # Without the traces of building.
    wanted = {path for path in files if not path.parts[0].endswith((".egg-info", "build"))}
    assert {"tests", "docs", "kidney_evals", "Makefile"} <= {path.parts[0] for path in wanted}
    assert {path for path in wanted if not (unpacked / path).is_file()} == set()

    run(tmp_path, sys.executable, "-m", "pip", "wheel", *NO_INDEX, "-w", tmp_path, unpacked)
    with ZipFile(tmp_path / wheel.name) as again, ZipFile(wheel) as first:
        assert sorted(again.namelist()) == sorted(first.namelist())
        assert [name for name in first.namelist() if again.read(name) != first.read(name)] == []


# --- installed -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["editable", "wheel"])
def test_install(mode: str, checkout: Path, wheel: Path, python: Path, tmp_path: Path) -> None:
    own = copied(checkout, tmp_path / "checkout")
    install(python, *([wheel] if mode == "wheel" else ["-e", own]))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import kidney_evals.scorers, kidney_evals.tasks\n"
        "from kidney_evals.studies import datasets_dir, dilemmas_of, load_study, study_names\n"
        "assert all(dilemmas_of(load_study(name), None, None) for name in study_names())\n"
        "print(datasets_dir())\n"
    )
    home = own if mode == "editable" else python.parent.parent
    assert Path(run(elsewhere, python, "-c", code).strip()).is_relative_to(home)
    command = (python, "-m", "inspect_ai", "eval", "kidney_evals/forced_choice", "--limit", "2")
    options = ("--model", "kidney/human", "--display", "plain", "--log-dir", elsewhere / "logs")
    run(elsewhere, *command, *options)
    (log,) = (elsewhere / "logs").glob("*.eval")
    header = read_eval_log(str(log), header_only=True)
    assert (header.status, header.eval.task) == ("success", "kidney_evals/forced_choice")
    assert "show" in run(elsewhere, python.parent / "kidney-evals", "--help")


def test_a_checkout_does_not_hide_another_package_named_datasets(
    checkout: Path, python: Path
) -> None:
    # Stands in for Hugging Face's package, which transformers and trl import by this name.
    (site,) = python.parent.parent.glob("lib/python*/site-packages")
    (site / "datasets").mkdir()
    (site / "datasets" / "__init__.py").write_text("OWNER = 'somebody else'\n", encoding="utf-8")
    shown = run(checkout, python, "-c", "import datasets; print(datasets.OWNER)")
    assert shown.strip() == "somebody else"
