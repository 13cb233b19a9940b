"""Format tables of runs as Markdown, LaTeX, CSV and JSON; text from logs is escaped in each."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

from kidney_evals.measures import find
from kidney_evals.reporting.logs import LogFile
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
"""Columns of CSV, which has a line for each run and row, and for each baseline of the row."""


def formatted(tables: Sequence[PanelTable], passed_over: Sequence[LogFile], format: Format) -> str:
    """Return tables in one of the formats, ending in a line break.

    CSV and JSON hold every column of a row with all digits, and the values of known respondents.
    Markdown and LaTeX hold rounded values for readers. A CSV text that a spreadsheet would compute
    as a formula gets an apostrophe in front; see `in_csv`.

    Args:
        tables: The tables.
        passed_over: Logs without numbers; only JSON lists them.
        format: The format.
    """
    if format == "json":
        return _json(tables, passed_over)
    if format == "csv":
        lines = [line for table in tables for line in _lines(table)]
        return csv_text([COLUMNS, *([line[name] for name in COLUMNS] for line in lines)])
    if format == "md":
        return "\n\n".join([*(_markdown(table, tables) for table in tables), NOT_RIGHT]) + "\n"
    return "".join(_latex(table, tables) for table in tables)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Return a Markdown table.

    Args:
        heads: Column heads.
        rows: The cells of each row, as Markdown.
        align: A letter for each column: `l` or `r`.
    """
    rules = [{"l": "---", "r": "---:"}[one] for one in align]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *rows))


def _markdown(table: PanelTable, tables: Sequence[PanelTable]) -> str:
    heads, *lines = table.grid()
    title = in_markdown(_title(table, tables))
    cells = [[in_markdown(line[0]), *line[1:]] for line in lines]
    text = markdown_table(list(map(in_markdown, heads)), cells, "l" + "r" * (len(heads) - 1))
    notes = "\n".join(map(in_markdown, [INTERVALS, *table.notes]))
    return f"### {title}\n\n{text}\n\n{notes}"


def _latex(table: PanelTable, tables: Sequence[PanelTable]) -> str:
    heads, *lines = table.grid()
    caption = " ".join([f"{_title(table, tables)}.", INTERVALS, *table.notes, NOT_RIGHT])
    # Our own cells contain dashes and minus signs only.
    cells = [
        [in_latex(line[0]), *(one.replace("-", "$-$").replace("–", "--") for one in line[1:])]
        for line in lines
    ]
    parts = [
        r"\begin{table}",
        rf"\caption{{{in_latex(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\hline",
        f"{' & '.join(map(in_latex, heads))} \\\\",
        r"\hline",
        *(f"{' & '.join(line)} \\\\" for line in cells),
        r"\hline",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(parts) + "\n"


def _json(tables: Sequence[PanelTable], passed_over: Sequence[LogFile]) -> str:
    panels = []
    for table in tables:
        runs: dict[str, dict[str, Any]] = {}
        for line in _lines(table):
            facts = {name: line[name] for name in ("name", "model", "state", "eval_id", "log")}
            rows = runs.setdefault(line["eval_id"], {**facts, "rows": {}})["rows"]
            numbers = {name: line[name] for name in ("value", "low", "high", "human", "n")}
            if line["baseline"]:
                rows[line["row"]].setdefault("baselines", {})[line["baseline"]] = numbers
            else:
                rows[line["row"]] = {"label": line["label"], **numbers}
        panels.append({**table.panel._asdict(), "notes": table.notes, "runs": list(runs.values())})
    over = [{"log": one.location, "state": one.state, "says": one.says} for one in passed_over]
    return json.dumps({"panels": panels, "passed_over": over, "limits": NOT_RIGHT}, indent=1) + "\n"


def _lines(table: PanelTable) -> Iterator[dict[str, Any]]:
    """Yield a line of `COLUMNS` for each run and row and for each baseline; None if missing."""
    for run in table.runs:
        for row in table.rows:
            if row not in run.rows:
                continue
            for baseline, found in {"": run.rows[row], **run.rows.baselines(row)}.items():
                numbers = found._asdict().items()
                yield {
                    **table.panel._asdict(),
                    "name": run.name,
                    "model": run.model,
                    "state": run.file.state,
                    "eval_id": run.id,
                    "log": run.file.location,
                    "row": row,
                    "label": find(row).label,
                    "baseline": baseline,
                    **{name: None if math.isnan(one) else one for name, one in numbers},
                }


def _title(table: PanelTable, tables: Sequence[PanelTable]) -> str:
    """Return task and study, and the content hash if the tables hold two contents of the study."""
    same = [one for one in tables if one.panel[:2] == table.panel[:2]]
    content = f" (content {table.panel.study_hash[:12]})" if len(same) > 1 else ""
    return table.panel.words + content


def visible(text: str) -> str:
    """Return a text in one line, without control characters that affect a terminal."""
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

    Spreadsheets compute cells that begin with `=`, `+`, `-` or `@`, also in full-width form and
    after white space. An apostrophe in front marks such a cell as text. Numbers, such as `-.12`,
    stay numbers. Control characters become spaces.
    """
    shown = visible(text)
    if not re.match(r"\s*[=+@\-\uff1d\uff0b\uff20\uff0d]", shown):
        return shown
    return shown if re.fullmatch(_NUMBER, shown) else f"'{shown}"


_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def in_markdown(text: str) -> str:
    """Return a text escaped so that Markdown and HTML show it unchanged."""
    safe = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = re.sub(r"([\\`*_{}\[\]#|~$!^])", r"\\\1", safe)
    # Markdown makes links of plain addresses.
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
    """Return a text escaped so that LaTeX prints it unchanged."""
    return "".join(_LATEX.get(letter, letter) for letter in visible(text))
