"""Write a report together with the transcripts as a folder that any web server can serve."""

import contextlib
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
from inspect_ai.log import bundle_log_dir, read_eval_log, write_eval_log

from kidney_evals.errors import UserError
from kidney_evals.output_files import (
    check_new_folder,
    file_system,
    is_url,
    new_folder,
    on_this_machine,
    write_outputs,
    writing,
)
from kidney_evals.reporting.logs import Progress
from kidney_evals.reporting.model_arguments import has_secrets, hide_secrets
from kidney_evals.reporting.page.content import ASSETS, Report, as_html, asset_contents, read_report
from kidney_evals.reporting.page.parts import VIEWER
from kidney_evals.reporting.runs import ModelRun


def write_site(
    names: Sequence[str],
    out: str | Path,
    *,
    scans: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Write a site: the report as front page, and Inspect's viewer with the logs.

    The viewer holds the logs that the report shows, without values that may be secret: model
    arguments, the address of the model, headers. `out` is a path, or a URL that fsspec opens;
    `overwrite` permits replacing a site. The other arguments are as for `read_report`.

    Raises:
        UserError: As `read_report`; or the folder holds other files or cannot be written.
    """
    out = on_this_machine(out)
    check_out(out, overwrite=overwrite)
    report = read_report(names, scans=scans, progress=progress, viewer=True)
    place = out if isinstance(out, str) else str(out.resolve())
    for name in report.inputs:
        path = name if is_url(name) else str(Path(name).resolve())
        if path.startswith(f"{place.rstrip('/')}/"):
            raise UserError(f"{name} is read, and lies in {out}: name another folder")
    with _new_site(out) as site:
        with TemporaryDirectory() as folder:
            for run in report.runs:
                _copy(run, Path(folder) / report.transcripts[run.file.location])
            # Inspect reports each step; this function reports once, at the end.
            with contextlib.redirect_stdout(io.StringIO()):
                bundle_log_dir(folder, str(site / VIEWER))
        page = as_html(report)
        contents = asset_contents(report, site / ASSETS)
        write_outputs({**contents, str(site / "index.html"): page.encode()})
    return report


def check_out(out: str | Path, *, overwrite: bool) -> None:
    """Raise `UserError` unless a folder is absent, empty, or a site that may be replaced."""
    out = on_this_machine(out)
    if isinstance(out, Path) and (out.is_symlink() or not out.is_dir()):
        check_new_folder(out)
        return
    with writing(out):
        files, root = file_system(str(out).rstrip("/"))
        held = {str(path).removeprefix(f"{root}/") for path in files.find(root)}
        ours = {"index.html", f"{VIEWER}/index.html"} <= held and (
            b'name="generator" content="kidney-evals' in files.cat_file(f"{root}/index.html")[:2000]
        )
    if held and not ours:
        raise UserError(f"{out} exists and is not empty; name another folder")
    others = sorted({path.split("/")[0] for path in held} - {"index.html", VIEWER, ASSETS})
    if others:
        raise UserError(f"{out} holds a site and {', '.join(others)}: name another folder")
    if held and not overwrite:
        raise UserError(f"{out} holds a site; pass --overwrite to replace it")


@contextlib.contextmanager
def _new_site(out: str | Path) -> Iterator[Path]:
    """Yield a folder to write the site into; at the end, its content replaces `out`."""
    if isinstance(out, Path):
        with new_folder(out, replace=True) as site:
            yield site
        return
    with writing(out), TemporaryDirectory() as folder:
        site = Path(folder)
        yield site
        files, root = file_system(out.rstrip("/"))
        old = set(files.find(root))
        for path in sorted(site.rglob("*")):
            if path.is_file():
                place = f"{root}/{path.relative_to(site).as_posix()}"
                files.put_file(str(path), place)
                old.discard(place)
        # Files of the previous site that are not in this one.
        for place in old:
            files.rm_file(place)


def _copy(run: ModelRun, target: Path) -> None:
    """Copy a log; if its header may hold secrets, write it without them."""
    location = run.file.location
    try:
        if has_secrets(run.header):
            copy = read_eval_log(location)
            hide_secrets(copy)
            write_eval_log(copy, str(target))
            return
        with fsspec.open(location, "rb") as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except OSError as error:
        raise UserError(f"cannot copy {location} ({error.strerror or error})") from error
