"""A report with the transcripts behind it: one folder that any web server can serve."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote

from inspect_ai.log import bundle_log_dir

from kidney_evals.errors import UserError
from kidney_evals.reporting.found import READ, Found, Progress, find_logs, read_samples
from kidney_evals.reporting.page.content import Report, report_of
from kidney_evals.reporting.page.write import write_assets, write_page
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.whole import check_new, whole_folder

VIEWER: Final = "viewer"
"""Folder of Inspect's viewer inside a site; its index shows the list of logs."""

ASSETS: Final = "figures"
"""Folder of figures and tables as files."""


def write_site(
    names: Sequence[str],
    out: Path,
    *,
    scans: Sequence[Path] = (),
    notes: Mapping[str, str] | None = None,
    remarks: Mapping[str, str] | None = None,
    title: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a report as a site's front page, Inspect's viewer with the logs behind it.

    Logs of other evaluations, unreadable ones and those that were replaced are left out of the
    viewer as they are out of the report.

    Args:
        names: Logs, folders, patterns or URLs.
        out: The site's folder.
        scans: Results of Inspect Scout with a scanner of ours.
        notes: What to say of a model, by its name.
        remarks: What else to know of a section, by its id; see `report_of`.
        title: The page's title; empty for the usual one.
        overwrite: Whether a site that is there is replaced.
        progress: Told of each log that was found, then of each whose samples were read.

    Raises:
        UserError: There is no log, or the folder holds something else or cannot be written.
    """
    check_out(out, overwrite=overwrite)
    found = find_logs(names, progress)
    read_samples(found, progress)
    files = _names([one for one in found if one.state in READ])

    def link(run: ModelRun, sample: str = "") -> str:
        return f"{VIEWER}/index.html#/logs/{quote(files[run.found.location])}/samples{sample}"

    report = replace(report_of(found, link, scans, remarks), notes=notes or {}, title=title)
    with _in_place_of(out) as unfinished, whole_folder(unfinished) as site:
        with TemporaryDirectory() as folder:
            for location, name in files.items():
                _copy(location, Path(folder) / name)
            # Inspect says what it does on the way; this says it once, at the end.
            with contextlib.redirect_stdout(io.StringIO()):
                bundle_log_dir(folder, str(site / VIEWER))
        write_assets(report, site / ASSETS)
        write_page(
            replace(report, assets=ASSETS, viewer=f"{VIEWER}/index.html"), site / "index.html"
        )
    return report


def check_out(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but a site that may be replaced.

    Raises:
        UserError: It does.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not is_site(out):
        check_new(out)
    if not overwrite:
        raise UserError(f"{out} holds a site; pass --overwrite to replace it")


def is_site(folder: Path) -> bool:
    """Whether a folder was written by `write_site`."""
    page, viewer = folder / "index.html", folder / VIEWER / "index.html"
    return (
        viewer.is_file()
        and page.is_file()
        and b'name="generator" content="kidney-evals' in (page.read_bytes()[:2000])
    )


@contextlib.contextmanager
def _in_place_of(out: Path) -> Iterator[Path]:
    """Give a new folder's name that takes the old one's place once it is whole."""
    if not out.exists() or not any(out.iterdir()):
        yield out
        return
    try:
        with TemporaryDirectory(dir=out.parent, prefix=".replaced-") as aside:
            fresh = Path(aside) / "fresh"
            yield fresh
            out.rename(Path(aside) / "old")
            fresh.rename(out)
    except OSError as error:
        raise UserError(f"cannot write {out} ({error.strerror or error})") from error


def _names(found: Sequence[Found]) -> dict[str, str]:
    """Return a file name of its own for each log, by its location."""
    names: dict[str, str] = {}
    for one in found:
        path = PurePosixPath(one.location.replace("\\", "/"))
        name, count = path.name, 1
        while name in names.values():
            count += 1
            name = f"{path.stem}_{count}{path.suffix}"
        names[one.location] = name
    return names


def _copy(location: str, target: Path) -> None:
    import fsspec

    try:
        with fsspec.open(location, "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    except OSError as error:
        raise UserError(f"cannot copy {location} ({error.strerror or error})") from error
