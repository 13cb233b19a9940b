"""Write a report together with the transcripts as a folder that any web server can serve."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

from inspect_ai.log import bundle_log_dir, read_eval_log, write_eval_log

from kidney_evals.errors import UserError
from kidney_evals.output_files import check_new_folder, is_url, new_folder, on_this_machine
from kidney_evals.reporting.logs import READ, LogFile, Progress, find_logs, read_samples
from kidney_evals.reporting.model_arguments import has_secrets, hide_secrets
from kidney_evals.reporting.page.content import Report, report_of
from kidney_evals.reporting.page.write import write_assets, write_page
from kidney_evals.reporting.runs import ModelRun

VIEWER: Final = "viewer"
"""Folder of Inspect's viewer in a site; its index shows the list of logs."""

ASSETS: Final = "figures"
"""Folder of the figures and tables as files."""

_PARTS: Final = {"index.html", VIEWER, ASSETS}
_GENERATOR: Final = b'name="generator" content="kidney-evals'


def write_site(
    names: Sequence[str],
    out: str | Path,
    *,
    scans: Sequence[Path] = (),
    notes: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    title: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a site: the report as front page, and Inspect's viewer with the logs.

    Logs of other evaluations, unreadable logs and replaced logs are omitted from the viewer, as
    they are from the report. The copy of a log omits values that may be secret: model arguments,
    the address of the model, headers.

    Args:
        names: Logs, folders, patterns or URLs.
        out: Folder of the site: a path, or a URL that fsspec opens.
        scans: Results of Inspect Scout with a scanner of this package.
        notes: Remarks on models, by name.
        remarks: Further remarks on sections, by id; see `report_of`.
        title: Title of the page; empty for the default.
        overwrite: Whether to replace an existing site.
        progress: Called for each log found, then for each log whose samples were read.

    Raises:
        UserError: There is no log, or the folder holds other files or cannot be written.
    """
    out = on_this_machine(out)
    check_out(out, overwrite=overwrite)
    found = find_logs(names, progress)
    _check_inputs(out, [*(one.location for one in found), *map(str, scans)])
    read_samples(found, progress)
    files = _names([one for one in found if one.state in READ])

    def link(run: ModelRun, sample: str = "") -> str:
        return f"{VIEWER}/index.html#/logs/{quote(files[run.file.location])}/samples{sample}"

    report = replace(report_of(found, link, scans, remarks), notes=notes or {}, title=title)
    with _unfinished(out) as unfinished, new_folder(unfinished) as site:
        with TemporaryDirectory() as folder:
            for one in found:
                if one.location in files:
                    _copy(one, Path(folder) / files[one.location])
            # Inspect reports each step; this function reports once, at the end.
            with contextlib.redirect_stdout(io.StringIO()):
                bundle_log_dir(folder, str(site / VIEWER))
        write_assets(report, site / ASSETS)
        write_page(
            replace(report, assets=ASSETS, viewer=f"{VIEWER}/index.html"), site / "index.html"
        )
    return report


def check_out(out: str | Path, *, overwrite: bool) -> None:
    """Check that a folder is absent, empty, or a site that may be replaced.

    Raises:
        UserError: The folder holds anything else, or a site while `overwrite` is false.
    """
    out = on_this_machine(out)
    if isinstance(out, Path) and (out.is_symlink() or not out.is_dir() or not any(out.iterdir())):
        check_new_folder(out)
        return
    with _writing(out):
        files, root = _files(out)
        held = {str(one).removeprefix(f"{root}/") for one in files.find(root)}
        if not held and isinstance(out, str):
            return
        site = {"index.html", f"{VIEWER}/index.html"} <= held
        ours = site and _GENERATOR in files.cat_file(f"{root}/index.html")[:2000]
    if not ours:
        if isinstance(out, Path):
            check_new_folder(out)
        raise UserError(f"{out} is not empty; name another folder")
    others = sorted({one.split("/")[0] for one in held} - _PARTS)
    if others:
        raise UserError(f"{out} holds a site and {', '.join(others)}: name another folder")
    if not overwrite:
        raise UserError(f"{out} holds a site; pass --overwrite to replace it")


def _files(out: str | Path) -> tuple[Any, str]:
    """Return the file system of a folder, and the folder's path in it."""
    from fsspec.core import url_to_fs

    files, root = url_to_fs(str(out).rstrip("/"))
    return files, str(root)


@contextlib.contextmanager
def _writing(out: str | Path) -> Iterator[None]:
    # Each store has its own exceptions.
    kind = OSError if isinstance(out, Path) else Exception
    try:
        yield
    except UserError:
        raise
    except kind as error:
        why = getattr(error, "strerror", "") or str(error) or type(error).__name__
        raise UserError(f"cannot write {out} ({why.splitlines()[0]})") from error


@contextlib.contextmanager
def _unfinished(out: str | Path) -> Iterator[Path]:
    """Yield a folder to write the site into; at the end, its content replaces `out`."""
    if isinstance(out, str):
        with TemporaryDirectory() as folder:
            yield Path(folder) / "site"
            with _writing(out):
                _upload(Path(folder) / "site", out)
        return
    if not out.exists() or not any(out.iterdir()):
        yield out
        return
    with _writing(out), TemporaryDirectory(dir=out.parent, prefix=".replaced-") as aside:
        fresh, old = Path(aside) / "fresh", Path(aside) / "old"
        yield fresh
        out.rename(old)
        try:
            fresh.rename(out)
        except OSError:
            old.rename(out)
            raise


def _upload(site: Path, url: str) -> None:
    """Upload a site, then delete files of the previous site that are not in it."""
    files, root = _files(url)
    old = set(files.find(root))
    for one in sorted(site.rglob("*")):
        if one.is_file():
            place = f"{root}/{one.relative_to(site).as_posix()}"
            files.put_file(str(one), place)
            old.discard(place)
    for place in old:
        files.rm_file(place)


def _check_inputs(out: str | Path, inputs: Sequence[str]) -> None:
    """Raise an error if `out` contains the logs that are read."""
    place = out if isinstance(out, str) else str(out.resolve())
    for one in inputs:
        path = one if is_url(one) else str(Path(one).resolve())
        if path.startswith(f"{place.rstrip('/')}/"):
            raise UserError(f"{one} is read, and lies in {out}: name another folder")


def _names(found: Sequence[LogFile]) -> dict[str, str]:
    """Return a unique file name for each log, by its location."""
    names: dict[str, str] = {}
    for one in found:
        path = PurePosixPath(one.location.replace("\\", "/"))
        name, count = path.name, 1
        while name in names.values():
            count += 1
            name = f"{path.stem}_{count}{path.suffix}"
        names[one.location] = name
    return names


def _copy(found: LogFile, target: Path) -> None:
    """Copy a log; if its header may hold secrets, write it without them."""
    import fsspec

    try:
        if found.header is not None and has_secrets(found.header):
            log = read_eval_log(found.location)
            hide_secrets(log)
            write_eval_log(log, str(target))
            return
        with fsspec.open(found.location, "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise UserError(f"cannot copy {found.location} ({error.strerror or error})") from error
