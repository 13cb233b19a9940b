"""Tables of runs as Markdown, LaTeX, CSV and JSON; what comes from a log is text in each."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from kidney_evals.measures import find
from kidney_evals.reporting.found import Found
from kidney_evals.reporting.tables import PanelTable

Format = Literal["md", "csv", "json", "latex"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

NOT_RIGHT: Final = (
    "Agreement describes a sample of survey respondents, not what is right; a coin is not a virtue "
    "by itself."
)

INTERVALS: Final = "In brackets: 95 % intervals."

COLUMNS: Final = (
    *("task", "study", "study_hash", "name", "model", "state", "eval_id", "log"),
    *("row", "label", "baseline", "value", "low", "high", "human", "n"),
)
"""Of CSV: a line for each run and row, and one for each baseline of it, by the baseline's name."""


def formatted(tables: Sequence[PanelTable], passed_over: Sequence[Found], format: Format) -> str:
    """Return tables in one of the formats, ending in a line break.

    CSV and JSON hold every column of a row with all digits, and what known
    respondents would get beside it; Markdown and LaTeX what is read, with fewer digits. A text
    in CSV that a spreadsheet would take for a formula has an apostrophe in front; see `in_csv`.

    Args:
        tables: The tables.
        passed_over: Logs without numbers; JSON names them.
        format: Which format.
    """
    return _WRITERS[format](tables, passed_over)


def _markdown(tables: Sequence[PanelTable], passed_over: Sequence[Found]) -> str:
    parts = []
    for table in tables:
        head, *lines = table.grid()
        escaped = [
            [in_markdown(cell) for cell in head],
            ["---", *["---:"] * (len(head) - 1)],
            *([in_markdown(line[0]), *line[1:]] for line in lines),
        ]
        notes = [INTERVALS, *table.notes]
        parts += [
            f"### {in_markdown(_title(table, tables))}",
            "\n".join(f"| {' | '.join(line)} |" for line in escaped),
            "\n".join(in_markdown(note) for note in notes),
        ]
    return "\n\n".join([*parts, NOT_RIGHT]) + "\n"


def _latex(tables: Sequence[PanelTable], passed_over: Sequence[Found]) -> str:
    parts = []
    for table in tables:
        head, *lines = table.grid()
        escaped = [[in_latex(line[0]), *map(_latex_number, line[1:])] for line in lines]
        caption = [f"{_title(table, tables)}.", INTERVALS, *table.notes, NOT_RIGHT]
        parts += [
            r"\begin{table}",
            rf"\caption{{{in_latex(' '.join(caption))}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            r"\hline",
            f"{' & '.join(map(in_latex, head))} \\\\",
            r"\hline",
            *(f"{' & '.join(line)} \\\\" for line in escaped),
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(parts) + "\n"


def _csv(tables: Sequence[PanelTable], passed_over: Sequence[Found]) -> str:
    lines = [
        facts | {"row": row, "label": find(row).label, "baseline": baseline} | numbers
        for table in tables
        for facts, row, baseline, numbers in _lines(table)
    ]
    return csv_text([COLUMNS, *([line[name] for name in COLUMNS] for line in lines)])


def _json(tables: Sequence[PanelTable], passed_over: Sequence[Found]) -> str:
    panels = []
    for table in tables:
        runs: dict[str, dict[str, Any]] = {}
        for facts, row, baseline, numbers in _lines(table):
            kept = {name: facts[name] for name in ("name", "model", "state", "eval_id", "log")}
            run = runs.setdefault(facts["eval_id"], {**kept, "rows": {}})
            if baseline:
                run["rows"][row].setdefault("baselines", {})[baseline] = numbers
            else:
                run["rows"][row] = {"label": find(row).label, **numbers}
        panels.append(
            {
                **table.panel._asdict(),
                "notes": table.notes,
                "runs": list(runs.values()),
            }
        )
    over = [{"log": one.location, "state": one.state, "says": one.says} for one in passed_over]
    return json.dumps({"panels": panels, "passed_over": over, "limits": NOT_RIGHT}, indent=1) + "\n"


_WRITERS: Final[Mapping[Format, Callable[[Sequence[PanelTable], Sequence[Found]], str]]] = {
    "md": _markdown,
    "latex": _latex,
    "csv": _csv,
    "json": _json,
}


Numbers = dict[str, float | None]


def _lines(table: PanelTable) -> Iterator[tuple[dict[str, str], str, str, Numbers]]:
    """Yield run, row, baseline ("" for the run itself) and numbers; None for no number."""
    for run in table.runs:
        facts = {
            **table.panel._asdict(),
            "name": run.name,
            "model": run.header.eval.model,
            "state": run.found.state,
            "eval_id": run.id,
            "log": run.found.location,
        }
        for row in table.rows:
            if row in run.rows:
                for baseline, found in {"": run.rows[row], **run.rows.baselines(row)}.items():
                    numbers = found._asdict().items()
                    known = {name: None if math.isnan(one) else one for name, one in numbers}
                    yield facts, row, baseline, known


def _title(table: PanelTable, tables: Sequence[PanelTable]) -> str:
    """Return task and study, and the study's content where the tables hold two of it."""
    same = [one for one in tables if one.panel[:2] == table.panel[:2]]
    content = f" (content {table.panel.study_hash[:12]})" if len(same) > 1 else ""
    return table.title + content


def visible(text: str) -> str:
    """Return a text in one line without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Return rows as CSV; texts pass `in_csv`, numbers stay as they are, None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(
        [in_csv(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return out.getvalue()


def in_csv(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet computes, without control characters.

    Spreadsheets compute what begins with `=`, `+`, `-` or `@`, also in their full-width forms and
    behind white space. Such a text gets an apostrophe in front, which marks it as text. Numbers,
    such as `-.12`, stay numbers. Control characters become spaces.
    """
    shown = visible(text)
    if not re.match(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]", shown):
        return shown
    return shown if re.fullmatch(_NUMBER, shown) else f"'{shown}"


_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def in_markdown(text: str) -> str:
    """Return a text that Markdown and HTML show as it stands."""
    safe = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = re.sub(r"([\\`*_{}\[\]#|~$!^])", r"\\\1", safe)
    # What looks like an address is made a link without any mark.
    return re.sub(r"(?i)(:(?=//)|@|(?<=www)\.)", r"\\\1", safe)


_LATEX: Final[Mapping[str, str]] = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",
    "[": "{[}",
    "]": "{]}",
    "–": "--",
    "…": r"\ldots{}",
    **{letter: f"\\{letter}" for letter in "$&#_%"},
}


def in_latex(text: str) -> str:
    """Return a text that LaTeX sets as it stands."""
    return "".join(_LATEX.get(letter, letter) for letter in visible(text))


def _latex_number(cell: str) -> str:
    """Return one of our own cells with its dashes and minus signs set as such."""
    return cell.replace("-", "$-$").replace("–", "--")
