"""Write a report: one HTML page, and its figures and tables as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kidney_evals import __version__
from kidney_evals.charts import STYLE, grid
from kidney_evals.charts.png import png
from kidney_evals.errors import UserError
from kidney_evals.limits import limits_and_use
from kidney_evals.output_files import STDOUT, write_output, write_outputs
from kidney_evals.reporting.page import content, methods
from kidney_evals.reporting.page.commands import commands
from kidney_evals.reporting.page.content import Report
from kidney_evals.reporting.sentences import moves_sentence

if TYPE_CHECKING:
    from markupsafe import Markup

COLUMNS: Final = 3
"""Number of panels side by side in the file of a figure."""

_TEMPLATE: Final = "report.html"


def as_html(report: Report) -> str:
    """Return the page as HTML; text from a log is always escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("kidney_evals.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
    )
    css = environment.get_template("report.css").render()
    limits = [line.removeprefix("- ") for line in limits_and_use().splitlines() if line]
    # The panels escape their own texts; the template escapes all other text.
    environment.filters["svg"] = Markup
    environment.filters["prose"] = _prose
    environment.filters["formula"] = _formula
    return environment.get_template(_TEMPLATE).render(
        report=report,
        version=__version__,
        css=Markup(css),
        charts_css=Markup(STYLE),
        limits=limits,
        content=content,
        methods=methods,
        commands=commands,
        moves_sentence=moves_sentence,
    )


def _printable(value: Any) -> Any:
    """Remove from a text the characters that control a terminal or that XML forbids."""
    if type(value) is not str:
        return value
    return "".join(letter for letter in value if letter.isprintable() or letter == "\n")


def _prose(text: str) -> Markup:
    """Return a sentence as HTML, with the text between backticks as code."""
    from markupsafe import Markup, escape

    # A number and its percent sign stay on one line.
    kept = re.sub(r"(?<=\d) %", "\u00a0%", str(escape(_printable(text))))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", kept))


def _formula(text: str) -> Markup:
    """Return a formula as HTML with subscripts, because few typefaces have the characters."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"_([a-z0-9]+)", r"<sub>\1</sub>", str(escape(_printable(text)))))


def write_page(report: Report, out: str | Path, *, overwrite: bool = False) -> None:
    """Write the page; `kidney_evals.output_files.write_output` states which files it may replace.

    Args:
        report: The report.
        out: A path, a URL that fsspec opens, or `-` for standard output.
        overwrite: Whether to replace any regular file.

    Raises:
        UserError: The page cannot be written.
    """
    write_output(out, as_html(report).encode(), overwrite=overwrite, inputs=report.inputs)


def write_assets(
    report: Report, folder: str | Path, *, pictures: bool = False, overwrite: bool = False
) -> list[str]:
    """Write each figure as SVG and its numbers as CSV; return the names of the files.

    Args:
        report: The report.
        folder: A path or URL; created if it does not exist.
        pictures: Whether to write PNG too.
        overwrite: Whether to replace any regular files.

    Returns:
        The names of the files.

    Raises:
        UserError: A file cannot be written.
    """
    contents = asset_contents(report, folder, pictures=pictures)
    write_outputs(contents, overwrite=overwrite, inputs=report.inputs)
    return list(contents)


def asset_contents(
    report: Report, folder: str | Path, *, pictures: bool = False
) -> dict[str, bytes]:
    """Return the content of each file of a report's figures, by file name.

    Args:
        report: The report.
        folder: The folder into which they will be written.
        pictures: Whether to render PNG too.

    Raises:
        UserError: The folder is standard output.
    """
    if str(folder) == STDOUT:
        raise UserError("figures are several files, which standard output cannot hold")
    contents: dict[str, bytes] = {}
    for figure in report.figures:
        place = f"{str(folder).rstrip('/')}/{figure.id}"
        contents[f"{place}.csv"] = figure.table.csv().encode()
        if figure.panels:
            drawn = grid(figure.panels, COLUMNS, figure.title, figure.says)
            contents[f"{place}.svg"] = drawn.encode()
            if pictures:
                contents[f"{place}.png"] = png(drawn)
    return contents
