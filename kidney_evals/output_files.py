"""Write files and folders completely or not at all.

Only regular files are replaced: those that this package wrote and, on request, others; never the
input files of the command.
"""

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
"""The file name that stands for standard output."""

MARKDOWN_MARK: Final = "<!-- Written by kidney-evals -->\n\n"
"""First line that identifies a Markdown report of this package; it is invisible to readers."""

_MARKS: Final = re.compile(
    # Reports and tables in Markdown; SVG, PNG and HTML files.
    rb"<!-- Written by kidney-evals"
    rb"|### .*; a coin is not a virtue by itself\.\n\Z"
    rb'|<svg xmlns="http://www\.w3\.org/2000/svg" class="kc"'
    rb"|\x89PNG\r\n\x1a\n.{25}.{4}tEXtSoftware\x00kidney-evals"
    rb'|<!doctype html>.{0,1500}<meta name="generator" content="kidney-evals',
    re.DOTALL,
)
"""Matches what this package wrote."""

_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]+"
_URL: Final = re.compile(rf"(?:{_SCHEME}::)*{_SCHEME}://")
# `Path` removes one of the two slashes of an address.
_BROKEN_URL: Final = re.compile(rf"({_SCHEME}):/(?!/)")


def is_url(name: str | Path) -> bool:
    """Return whether a name is an address that fsspec opens, such as `s3://bucket/key`."""
    return bool(_URL.match(str(name)))


def on_this_machine(name: str | Path) -> str | Path:
    """Return a local path, also for `file://…`, as `Path`; any other address as text.

    Raises:
        UserError: The address is malformed or begins with http, or fsspec cannot open it.
    """
    if not is_url(name):
        return _local(name)
    from fsspec.implementations.local import LocalFileSystem

    files, path = file_system(str(name))
    return Path(path) if isinstance(files, LocalFileSystem) else str(name)


def check_output(
    name: str | Path,
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
    content: bytes | None = None,
) -> bool:
    """Return whether a file exists, after checking that it may be written or replaced.

    Args:
        name: The file: a path, an address or `-` for standard output, which does not exist.
        overwrite: Whether any regular file may be replaced. Without it, the old file must have been
            written by this package, or have the JSON keys or the CSV header of `content`. None
            means False, and the message does not suggest `--overwrite`.
        inputs: The files that the command reads; they are never replaced.
        content: The new content. If None, the old file's content is not checked.

    Raises:
        UserError: The file may not be replaced, or cannot be written.
    """
    if str(name) == STDOUT:
        return False
    place = on_this_machine(name)
    with writing(place):
        exists = _is_file(place)
        if exists and any(_is_input(place, one) for one in inputs):
            raise UserError(f"{place} exists and is read here: name another file")
        if exists and not overwrite and content is not None:
            if isinstance(place, Path):
                old: bytes = place.read_bytes()
            else:
                files, path = file_system(place)
                old = files.cat_file(path)
            if old != content and not _MARKS.match(old) and not _same_form(old, content):
                way = "name another file" + ("" if overwrite is None else ", or pass --overwrite")
                raise UserError(f"{place} exists and was not written by kidney-evals: {way}")
    return exists


def write_output(
    name: str | Path,
    content: bytes,
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Write a file completely or not at all, with the permissions of a file that it replaces.

    The arguments are those of `check_output`, which decides which file may be replaced.

    Raises:
        UserError: The file may not be replaced, or cannot be written.
    """
    replaced = check_output(name, overwrite=overwrite, inputs=inputs, content=content)
    if str(name) == STDOUT:
        sys.stdout.buffer.write(content)
        return
    place = on_this_machine(name)
    with writing(name):
        if isinstance(place, Path):
            _write_local(place, content, replaced)
        else:
            files, path = file_system(place)
            files.pipe_file(path, content)


def write_outputs(
    contents: Mapping[str, bytes],
    *,
    overwrite: bool | None = False,
    inputs: Iterable[str | Path] = (),
) -> None:
    """Write the `contents`, by file name, each as by `write_output`, after checking all names.

    Raises:
        UserError: A file may not be replaced, or cannot be written.
    """
    inputs = tuple(inputs)
    places = [on_this_machine(name) for name in contents if name != STDOUT]
    paths = {Path(os.path.abspath(place)) for place in places if isinstance(place, Path)}
    for path in paths:
        if files := paths.intersection(path.parents):
            raise UserError(f"cannot write {path} ({files.pop()} is to be a file)")
    for name, content in contents.items():
        check_output(name, overwrite=overwrite, inputs=inputs, content=content)
    for name, content in contents.items():
        write_output(name, content, overwrite=overwrite, inputs=inputs)


def check_new_folder(folder: Path) -> None:
    """Raise a `UserError` unless `folder` is a local folder that is empty or does not exist."""
    if str(folder) == STDOUT:
        raise UserError("standard output cannot hold a folder: name a folder")
    _local(folder)
    with writing(folder, OSError):
        if folder.is_symlink():
            raise UserError(f"{folder} is a symbolic link: name another folder")
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise UserError(f"{folder} is not an empty folder: name another folder")


@contextmanager
def new_folder(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which is renamed to `folder` when the block ends without an error.

    With `replace`, `folder` may have content, which is deleted at the end. An error in the block
    leaves `folder` as it was. Raises `UserError` if the folder cannot be written.
    """
    if not replace:
        check_new_folder(folder)
    with writing(folder, OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as name:
            place = Path(name) / folder.name
            place.mkdir()
            yield place
            if folder.is_dir() and replace:
                folder.rename(Path(name) / ".old")
            elif folder.is_dir():
                folder.rmdir()
            place.rename(folder)


@contextmanager
def writing(name: str | Path, kind: type[Exception] = Exception) -> Iterator[None]:
    """Convert an error of class `kind` in the block to a `UserError`: "cannot write `name`"."""
    try:
        yield
    except UserError:
        raise
    except kind as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UserError(f"cannot write {name} ({str(why).splitlines()[0]})") from error


def _local(name: str | Path) -> Path:
    """Return a local path; raise `UserError` for an address or a malformed address."""
    if is_url(name):
        raise UserError(f"{name} is an address; this is written to a folder of this machine only")
    if broken := _BROKEN_URL.match(str(name)):
        raise UserError(
            f"{name} is no path: an address ({broken[1]}://…) has two slashes and is accepted "
            f"for single files only; a local folder of that name is ./{broken[1]}:"
        )
    return Path(name)


def file_system(url: str) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the path in it.

    Raises `UserError` for an HTTP address and for one that fsspec cannot open.
    """
    if url.startswith(("http://", "https://")):
        raise UserError(f"{url} cannot be written to: name a file, or a store such as s3://…")
    from fsspec.core import url_to_fs

    # The file system may be unknown, or its package not be installed.
    with writing(url):
        files, path = url_to_fs(url)
    return files, path


def _is_file(place: str | Path) -> bool:
    """Return whether a regular file exists; raise `UserError` for anything else that exists."""
    if isinstance(place, str):
        files, path = file_system(place)
        if files.isdir(path):
            raise UserError(f"{place} is a folder: name a file in it")
        return bool(files.isfile(path))
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        file = next(one for one in place.parents if os.path.exists(one))
        raise UserError(f"cannot write {place} ({file} is a file, not a folder)") from None
    if stat.S_ISREG(mode):
        return True
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFLNK: "a symbolic link"}
    kind = kinds.get(stat.S_IFMT(mode), "a device, a pipe or a socket")
    raise UserError(f"{place} is {kind}, which is never replaced: name another file")


def _is_input(place: str | Path, other: str | Path) -> bool:
    """Return whether a file is an input, under any name or link, or lies in an input folder."""
    if is_url(other) and not str(other).startswith(("file:", "local:")):
        if isinstance(place, Path) or str(other).startswith(("http://", "https://")):
            return False
        return file_system(place) == file_system(str(other))
    other = on_this_machine(other)
    if isinstance(place, str) or isinstance(other, str):
        return False
    with suppress(OSError, ValueError):
        inside = other.is_dir() and place.resolve().is_relative_to(other.resolve())
        return inside or place.samefile(other)
    return False


def _same_form(old: bytes, new: bytes) -> bool:
    """Return whether two contents are JSON objects with equal keys, or CSV with equal headers."""
    with suppress(ValueError, RecursionError):
        one, two = json.loads(old), json.loads(new)
        return isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys()
    with suppress(ValueError, csv.Error):
        headers = [next(csv.reader(text.decode("utf-8").splitlines()), []) for text in (old, new)]
        return len(headers[0]) > 1 and headers[0] == headers[1]
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
            os.link(place, path)
        except FileExistsError:  # another program has created the file in the meantime
            raise
        except OSError:  # the file system has no links
            os.replace(place, path)
