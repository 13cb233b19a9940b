"""Write a report together with the transcripts as a folder that any web server can serve."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import quote

from inspect_ai.log import bundle_log_dir, read_eval_log, write_eval_log

from kidney_evals.errors import UserError
from kidney_evals.output_files import check_new_folder, is_url, on_this_machine, write_outputs
from kidney_evals.reporting.logs import READ, LogFile, Progress, find_logs, first_line, read_samples
from kidney_evals.reporting.model_arguments import has_secrets, hide_secrets
from kidney_evals.reporting.page.content import Report, as_html, asset_contents, report_of
from kidney_evals.reporting.runs import ModelRun

VIEWER: Final = "viewer"
"""Folder of Inspect's viewer in a site; its index shows the list of logs."""

ASSETS: Final = "figures"
"""Folder of the figures and tables as files."""

_GENERATOR: Final = b'name="generator" content="kidney-evals'


def write_site(
    names: Sequence[str],
    out: str | Path,
    *,
    scans: Sequence[Path] = (),
    notes: Mapping[str, str] | None = None,
    trained: str = "",
    title: str = "",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a site: the report as front page, and Inspect's viewer with the logs.

    Logs of other evaluations, unreadable logs and replaced logs are omitted from the viewer, as
    they are from the report. The copy of a log omits values that may be secret: model arguments,
    the address of the model, headers. `out` is a path, or a URL that fsspec opens. The other
    arguments are as for `read_report` and `as_html`.

    Raises:
        UserError: There is no log, or the folder holds other files or cannot be written.
    """
    out = on_this_machine(out)
    check_out(out, overwrite=overwrite)
    logs = find_logs(names, progress)
    _check_inputs(out, [*(log.location for log in logs), *map(str, scans)])
    read_samples(logs, progress)
    names_of = {log.location: PurePosixPath(log.location.replace("\\", "/")).name for log in logs}
    many = Counter(names_of[log.location] for log in logs if log.state in READ)
    files = {
        # Logs of several folders may have the same name.
        log.location: name if many[name] == 1 else f"{log.header.eval.eval_id}_{name}"
        for log in logs
        if log.state in READ and log.header is not None and (name := names_of[log.location])
    }

    def link(run: ModelRun, sample: str = "") -> str:
        return f"{VIEWER}/index.html#/logs/{quote(files[run.file.location])}/samples{sample}"

    report = report_of(logs, link, scans)
    with _complete(out) as site:
        with TemporaryDirectory() as folder:
            for log in logs:
                if log.location in files:
                    _copy(log, Path(folder) / files[log.location])
            # Inspect reports each step; this function reports once, at the end.
            with contextlib.redirect_stdout(io.StringIO()):
                bundle_log_dir(folder, str(site / VIEWER))
        page = as_html(
            report,
            title=title,
            notes=notes,
            trained=trained,
            assets=ASSETS,
            viewer=f"{VIEWER}/index.html",
        )
        contents = asset_contents(report, site / ASSETS)
        write_outputs({**contents, str(site / "index.html"): page.encode()})
    return report


def check_out(out: str | Path, *, overwrite: bool) -> None:
    """Raise `UserError` unless a folder is absent, empty, or a site that may be replaced."""
    out = on_this_machine(out)
    if isinstance(out, Path) and (out.is_symlink() or not out.is_dir()):
        check_new_folder(out)
        return
    with _writing(out):
        files, root = _files(out)
        held = {str(path).removeprefix(f"{root}/") for path in files.find(root)}
        site = {"index.html", f"{VIEWER}/index.html"} <= held
        ours = site and _GENERATOR in files.cat_file(f"{root}/index.html")[:2000]
    if held and not ours:
        raise UserError(f"{out} exists and is not empty; name another folder")
    others = sorted({path.split("/")[0] for path in held} - {"index.html", VIEWER, ASSETS})
    if others:
        raise UserError(f"{out} holds a site and {', '.join(others)}: name another folder")
    if held and not overwrite:
        raise UserError(f"{out} holds a site; pass --overwrite to replace it")


def _files(out: str | Path) -> tuple[Any, str]:
    """Return the file system of a folder, and the folder's path in it."""
    from fsspec.core import url_to_fs

    files, root = url_to_fs(str(out).rstrip("/"))
    return files, str(root)


@contextlib.contextmanager
def _writing(out: str | Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # Each store has its own exceptions.
        why = getattr(error, "strerror", "") or first_line(error)
        raise UserError(f"cannot write {out} ({why})") from error


@contextlib.contextmanager
def _complete(out: str | Path) -> Iterator[Path]:
    """Yield a folder to write the site into; at the end, its content replaces `out`."""
    beside = None
    with _writing(out):
        if isinstance(out, Path):
            out.parent.mkdir(parents=True, exist_ok=True)
            beside = out.parent
        with TemporaryDirectory(dir=beside, prefix=".unfinished-") as folder:
            site = Path(folder) / "site"
            site.mkdir()
            yield site
            if isinstance(out, str):
                _upload(site, out)
                return
            if out.exists():
                out.rename(Path(folder) / "old")
            site.rename(out)


def _upload(site: Path, url: str) -> None:
    """Upload a site, then delete files of the previous site that are not in it."""
    files, root = _files(url)
    old = set(files.find(root))
    for path in sorted(site.rglob("*")):
        if path.is_file():
            place = f"{root}/{path.relative_to(site).as_posix()}"
            files.put_file(str(path), place)
            old.discard(place)
    for place in old:
        files.rm_file(place)


def _check_inputs(out: str | Path, inputs: Sequence[str]) -> None:
    """Raise an error if `out` contains the logs that are read."""
    place = out if isinstance(out, str) else str(out.resolve())
    for name in inputs:
        path = name if is_url(name) else str(Path(name).resolve())
        if path.startswith(f"{place.rstrip('/')}/"):
            raise UserError(f"{name} is read, and lies in {out}: name another folder")


def _copy(log: LogFile, target: Path) -> None:
    """Copy a log; if its header may hold secrets, write it without them."""
    import fsspec

    try:
        if log.header is not None and has_secrets(log.header):
            copy = read_eval_log(log.location)
            hide_secrets(copy)
            write_eval_log(copy, str(target))
            return
        with fsspec.open(log.location, "rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except OSError as error:
        raise UserError(f"cannot copy {log.location} ({error.strerror or error})") from error
