"""Files and folders that appear only once they are whole."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kidney_evals.errors import UserError


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something already.

    Raises:
        UserError: It exists and is not an empty folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and is not empty; name another folder")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write in that takes its name when the block ends without an error.

    Args:
        folder: The name; it must not exist yet, or be empty.

    Raises:
        UserError: The folder is there and not empty, or something cannot be written (a full
            disk). Nothing of it is left then.
    """
    check_new(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as name:
            place = Path(name) / folder.name
            place.mkdir()
            yield place
            if folder.is_dir():
                folder.rmdir()
            place.rename(folder)
    except OSError as error:
        raise UserError(f"cannot write {folder} ({error.strerror or error})") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a file to write that takes its name, in the place of any other, when the block ends.

    Args:
        path: The name.

    Raises:
        UserError: Something cannot be written. What was there before still is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unfinished-") as name:
            place = Path(name) / path.name
            yield place
            place.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror or error})") from error
