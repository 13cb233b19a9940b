"""Write files and folders completely or not at all, and never replace another program's files.

A write creates a new file, or replaces a regular file that this package wrote, or any regular file
if the caller asks for it. Devices, pipes, folders, symbolic links and input files of the command
are never replaced.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from kidney_evals.errors import UserError

STDOUT: Final = "-"
"""The name of standard output."""

MARKDOWN_MARK: Final = "<!-- Written by kidney-evals -->\n\n"
"""First line that identifies a Markdown report of this package; it is invisible to readers."""

_MARKS: Final = re.compile(
    rb"<!-- Written by kidney-evals"
    rb"|### .*; a coin is not a virtue by itself\.\n\Z"
    rb"|\\begin\{table\}\n.*; a coin is not a virtue by itself\.\}\n.*\\end\{table\}\n\Z"
    rb'|<svg xmlns="http://www\.w3\.org/2000/svg" class="kc"'
    rb"|\x89PNG\r\n\x1a\n.{25}.{4}tEXtSoftware\x00kidney-evals"
    rb'|<!doctype html>.{0,1500}<meta name="generator" content="kidney-evals',
    re.DOTALL,
)
"""Matches Markdown and LaTeX reports and tables, and SVG, PNG and HTML files, of this package."""

_URL: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]+::)*[A-Za-z][A-Za-z0-9+.-]+://")
_BROKEN_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/(?!/)")

_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def is_url(name: str | Path) -> bool:
    """Return whether a name is an address that fsspec opens, such as `s3://bucket/key`."""
    return bool(_URL.match(str(name)))


def on_this_machine(name: str | Path) -> str | Path:
    """Return a local path, also for `file://…`; return any other address unchanged."""
    if not is_url(name):
        return _local(name)
    place = _file_system(str(name))[1]
    return place if isinstance(place, Path) else str(name)


def check_output(
    name: str | Path,
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
    content: bytes | None = None,
) -> bool:
    """Return whether a file will be replaced; raise an error if replacing it is not allowed.

    Args:
        name: A path, an address that fsspec opens, or `-` for standard output.
        overwrite: Whether any regular file may be replaced; None if the caller has no such
            option, so that the error does not name the option.
        inputs: Input files of the command.
        content: The new content. A CSV file with the same header, or a JSON object with the same
            keys, counts as written by this package. None leaves this check to `write_output`.

    Raises:
        UserError: The name holds a file that must not be replaced, or cannot be inspected.
    """
    if str(name) == STDOUT:
        return False
    place = on_this_machine(name)
    try:
        if isinstance(place, Path):
            there = _is_file(place)
            read = there and any(_is_input(place, one) for one in inputs)
        else:
            there = _is_remote_file(place)
            read = there and any(_is_same_address(place, one) for one in inputs)
        if read:
            raise UserError(f"{place} exists and is read here: name another file")
        if there and not overwrite and content is not None:
            old = place.read_bytes() if isinstance(place, Path) else _remote_content(place)
            if old != content and not _MARKS.match(old) and not _same_form(old, content):
                way = "name another file" + ("" if overwrite is None else ", or pass --overwrite")
                raise UserError(f"{place} exists and was not written by kidney-evals: {way}")
    except UserError:
        raise
    except Exception as error:
        # Each file system of fsspec raises its own errors.
        raise _cannot_write(place, error) from error
    return there


def write_output(
    name: str | Path,
    content: bytes,
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Write a file completely or not at all; `check_output` decides which file it may replace.

    A local file is written to a temporary name in the same folder and then renamed. A replaced
    file's permissions are preserved.

    Args:
        name: A path, an address that fsspec opens, or `-` for standard output.
        content: The content.
        overwrite: As in `check_output`.
        inputs: As in `check_output`.

    Raises:
        UserError: Writing is not allowed or fails. An existing file is unchanged.
    """
    replaced = check_output(name, overwrite=overwrite, inputs=inputs, content=content)
    if str(name) == STDOUT:
        sys.stdout.buffer.write(content)
        return
    place = on_this_machine(name)
    try:
        if isinstance(place, Path):
            _write_local(place, content, replaced)
        else:
            files, path = _file_system(place)
            files.pipe_file(path, content)
    except Exception as error:
        raise _cannot_write(name, error) from error


def write_outputs(
    contents: Mapping[str, bytes],
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Write several files, given by name, after checking all names.

    Raises:
        UserError: Writing a file is not allowed or fails.
    """
    inputs = tuple(inputs)
    for name, content in contents.items():
        check_output(name, overwrite=overwrite, inputs=inputs, content=content)
    for name, content in contents.items():
        write_output(name, content, overwrite=overwrite, inputs=inputs)


def check_new_folder(folder: Path) -> None:
    """Raise an error unless `folder` is a local folder that is empty or does not exist.

    Raises:
        UserError: The name exists and is not an empty folder, is an address, or denotes standard
            output.
    """
    if str(folder) == STDOUT:
        raise UserError("standard output cannot hold a folder: name a folder")
    _local(folder)
    if folder.is_symlink():
        raise UserError(f"{folder} is a symbolic link: name another folder")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name another one")
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} exists and is not empty; name another folder")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder, which is renamed to `folder` when the block ends without an error.

    Raises:
        UserError: The folder exists and is not empty, or writing fails (a full disk). Nothing
            remains in that case.
    """
    check_new_folder(folder)
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
        raise _cannot_write(folder, error) from error


def _local(name: str | Path) -> Path:
    """Return a local path; raise `UserError` for an address or a malformed address."""
    if is_url(name):
        raise UserError(f"{name} is an address; this is written to a folder of this machine only")
    if broken := _BROKEN_URL.match(str(name)):
        if isinstance(name, Path):
            # `Path` removes one of the two slashes of an address.
            raise UserError(
                f"{broken[1]}://{str(name)[broken.end() :]} is an address; this is written to a "
                f"folder of this machine only (a local folder of that name is ./{broken[1]}:)"
            )
        raise UserError(
            f"{name} is no path: an address has two slashes, {broken[1]}://…; "
            f"a local folder of that name is ./{broken[1]}:"
        )
    return Path(name)


def _file_system(url: str) -> tuple[Any, str | Path]:
    """Return the file system of an address and the path there; a `Path` for a local address."""
    if url.startswith(("http://", "https://")):
        raise UserError(f"{url} cannot be written to: name a file, or a store such as s3://…")
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    try:
        files, path = url_to_fs(url)
    except Exception as error:
        # The file system is unknown, or its package is not installed.
        raise _cannot_write(url, error) from error
    return files, Path(path) if isinstance(files, LocalFileSystem) else path


def _is_file(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise UserError(
                f"{path} is {kind}, which is never replaced: name another file, "
                "or - for standard output"
            )
    return True


def _is_remote_file(url: str) -> bool:
    files, path = _file_system(url)
    if files.isdir(path):
        raise UserError(f"{url} is a folder: name a file in it")
    return bool(files.isfile(path))


def _remote_content(url: str) -> bytes:
    files, path = _file_system(url)
    content: bytes = files.cat_file(path)
    return content


def _is_same_address(url: str, other: str | Path) -> bool:
    from fsspec.core import url_to_fs

    return is_url(other) and bool(url_to_fs(str(other)) == _file_system(url))


def _same_form(old: bytes, new: bytes) -> bool:
    """Return whether two contents are JSON objects with equal keys, or CSV with equal headers."""
    with suppress(ValueError, RecursionError):
        one, two = json.loads(old), json.loads(new)
        return isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys()
    with suppress(ValueError, csv.Error):
        headers = [next(csv.reader(text.decode("utf-8").splitlines()), []) for text in (old, new)]
        return len(headers[0]) > 1 and headers[0] == headers[1]
    return False


def _is_input(path: Path, other: str | Path) -> bool:
    """Return whether a file is an input, under any name or link, or lies in an input folder."""
    if is_url(other) and not str(other).startswith("file:"):
        return False
    other = on_this_machine(other)
    try:
        return path.samefile(other) or (
            Path(other).is_dir() and path.resolve().is_relative_to(Path(other).resolve())
        )
    except (OSError, ValueError):
        return False


def _write_local(path: Path, content: bytes, replaced: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".unfinished-") as folder:
        place = Path(folder) / "file"
        place.write_bytes(content)
        if replaced:
            shutil.copymode(path, place)
            os.replace(place, path)
            return
        try:
            # Fails if another program has created the file in the meantime.
            os.link(place, path)
        except FileExistsError:
            raise
        except OSError:
            # The file system has no links.
            os.replace(place, path)


def _cannot_write(name: str | Path, error: Exception) -> UserError:
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(f"cannot write {name} ({str(why).splitlines()[0]})")
