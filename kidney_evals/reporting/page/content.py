"""The page: read logs, arrange their runs in sections, and render the template."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

import yaml
from markupsafe import Markup, escape

from kidney_evals import __version__
from kidney_evals.card import probe_text
from kidney_evals.card import text as card_text
from kidney_evals.card.numbers import listed
from kidney_evals.charts import STYLE, grid, legend, scale_mark
from kidney_evals.charts.png import png
from kidney_evals.errors import UserError, printable
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.limits import KIDNEY, limits_and_use
from kidney_evals.measures import MEASURES, find
from kidney_evals.output_files import STDOUT
from kidney_evals.reporting.logs import READ, Progress, find_logs, read_samples
from kidney_evals.reporting.page import cards, parts, sections
from kidney_evals.reporting.runs import (
    LABELS,
    ModelRun,
    by_panel,
    read_runs,
    sampling_of,
    unlike_parts,
)
from kidney_evals.reporting.text import FIRST, NO_PEOPLE, NOBODY, flags, how_it_ended, sentence
from kidney_evals.studies import CONDITIONS
from kidney_evals.studies.new import NOT_PUBLISHED
from kidney_evals.templates import templates

PAPER: Final = (
    "Dickerson, Hosseini, Khanna, Pierce. Who Gets the Kidney? Human-AI Alignment, Indecision, "
    "and Moral Values. FAccT 2026, pp. 8128–8147. doi:10.1145/3805689.3806437, arXiv 2506.00079."
)

_ASKED: Final = {
    "coin_flip": "a coin was offered",
    "forced_choice": "they had to choose",
    "stated_values": "asked for their values",
    "predict_people": "asked what people choose",
}

ASSETS: Final = "figures"
"""Folder of a site with the figures and tables as files."""


@dataclass(frozen=True)
class Report:
    """The content of the page, and what was read.

    Attributes:
        groups: The shown runs by panel.
        verdicts: The figure of all verdicts; None if no run is compared with people.
        runs: All runs.
        passed_over: A line for each log that is not shown.
        inputs: The locations of logs and scans.
        transcripts: The file in the viewer of each log, by the log's location; empty without a
            viewer.
        aside: Number of runs that are only in the section on fine-tuning, in the tables and under
            methods.
    """

    groups: tuple[parts.PanelRuns, ...]
    verdicts: parts.Figure | None
    sections: tuple[parts.Section, ...]
    runs: tuple[ModelRun, ...]
    passed_over: tuple[str, ...]
    inputs: tuple[str, ...]
    transcripts: Mapping[str, str]
    aside: int

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return sorted({run.model for run in self.runs})

    @property
    def nobody(self) -> bool:
        """Whether no people were asked in any of the runs."""
        return all(group.nobody for group in self.groups)

    @property
    def goods(self) -> list[str]:
        """What is allocated in the studies."""
        # Predictions of the shipped studies do not name the good.
        return sorted({str(run.facts.get("good", KIDNEY)) for run in self.runs})

    @property
    def nouns(self) -> dict[str, str]:
        """The nouns of the studies for `candidate` and `candidates`; these words if they differ."""
        told = {
            name: {str(run.facts.get(name, noun)) for run in self.runs}
            for name, noun in (("candidate", "patient"), ("candidates", "patients"))
        }
        alike = all(len(words) == 1 for words in told.values())
        return {name: words.pop() if alike else name for name, words in told.items()}

    @property
    def passed_over_here(self) -> list[str]:
        """`passed_over` without folders, because the page may go to other machines."""
        lines = list(self.passed_over)
        for place in sorted(self.inputs, key=len, reverse=True):
            lines = [line.replace(place, re.split(r"[/\\]", place)[-1]) for line in lines]
        return lines


def read_report(
    names: Sequence[str],
    *,
    scans: Sequence[Path] = (),
    progress: Progress | None = None,
    viewer: bool = False,
) -> Report:
    """Read logs (files, folders, patterns or URLs) and arrange their runs in sections.

    If there are other runs, those of `kidney-evals sft evaluate` are only in the section on
    fine-tuning, in the tables and under methods.

    `scans` are results of Inspect Scout with a scanner of this package. `progress` is called for
    each log found, then for each log whose samples were read. With `viewer`, the page has links to
    the transcripts.

    Raises:
        UserError: There is no log, no log holds numbers of this package, or a scan cannot be read.
    """
    logs = find_logs(names, progress)
    read_samples(logs, progress)
    runs = read_runs(logs)
    passed = tuple(one.line for one in logs if one.state not in READ)
    if not runs:
        lines = "; ".join(passed[:3])
        raise UserError(f"none of {len(logs)} logs holds answers to a kidney_evals task ({lines})")
    files = {run: re.split(r"[/\\]", run.file.location)[-1] for run in runs if viewer}
    # Logs of several folders may have the same name.
    many = Counter(files.values())
    transcripts = {
        run.file.location: name if many[name] == 1 else f"{run.id}_{name}"
        for run, name in files.items()
    }
    groups = []
    for panel, members in by_panel(runs).items():
        ordered = tuple(sorted(members, key=lambda run: run.name))
        title = f"{_ASKED[panel.task]}, {panel.study}"
        groups.append(parts.PanelRuns(panel, ordered, title, transcripts))
    arms = sections.arms_of(groups)
    aside = {run.id for _, group in arms for run in group.runs}
    if all(run.id in aside for run in runs if run.panel.task in CONDITIONS):
        # There are only arms: the report is about them.
        aside = set()
    shown = [
        replace(group, runs=kept)
        for group in groups
        if (kept := tuple(run for run in group.runs if run.id not in aside))
    ]
    compared = [group for group in shown if group.panel.task in CONDITIONS]
    statements = (sections.stated_figure(one) or sections.predicted_figure(one) for one in shown)
    made = {
        "words": parts.section("words", statements),
        "reasons": sections.reasons_section(compared, scans),
        "differences": sections.differences_section(compared),
        "trained": parts.section("trained", sections.trained_figures(arms)),
        "numbers": parts.section("numbers", [*map(_numbers, groups), _meanings(groups)]),
    }
    return Report(
        tuple(shown),
        cards.verdict_figure(shown),
        tuple(one for id in texts() if (one := made[id]).figures or one.left_out),
        runs,
        passed,
        (*(one.location for one in logs), *map(str, scans)),
        transcripts,
        len(aside),
    )


@lru_cache(maxsize=1)
def texts() -> Mapping[str, Mapping[str, Any]]:
    """Return the texts of each section by id, in the page's order."""
    file = files("kidney_evals.reporting.page").joinpath("sections.yaml")
    return cast(Mapping[str, Mapping[str, Any]], yaml.safe_load(file.read_bytes()))


def _numbers(group: parts.PanelRuns) -> parts.Figure | None:
    lines = [
        (run.name, id, label, *row)
        for run in group.runs
        for id in run.rows
        for label, row in _every(run, id)
    ]
    heads = ("model", "row", *parts.HEADS[1:])
    return group.figure("numbers", "Every measure", "", (), lines, *heads)


def _every(run: ModelRun, id: str) -> Iterator[tuple[str, Quantity]]:
    """Yield a measure, the scores of known respondents, its bounds, and first answers alone."""
    label, bounds = find(id).label, run.rows.bounds(id)
    yield label, run.rows[id]
    for name, row in run.rows.baselines(id).items():
        yield f"{label}: {name}", row
    if bounds is not None and bounds.n:
        yield f"{label}, bounds", bounds
    if id in FIRST and (first := run.rows.first(id)) is not None:
        yield f"{label}, first answers", first


def _meanings(groups: Sequence[parts.PanelRuns]) -> parts.Figure:
    names = dict.fromkeys(name for group in groups for run in group.runs for name in run.rows)
    measures = {one.label: one for one in map(find, names)}
    says = parts.alone if all(group.nobody for group in groups) else str
    lines = [
        (one.id, one.label, *map(says, (one.says, parts.without_nan(one.reading), one.gamed_by)))
        for one in measures.values()
    ]
    heads = ("row", "quantity", "what it says", "which way it reads", "what games it")
    return parts.Figure("rows", "What each row means", "", (), parts.Table(heads, lines))


def as_html(report: Report) -> str:
    """Return the page as HTML; text from a log is always escaped."""
    helpers = (legend, listed, probe_text, runs_table, scale_mark, sentence, unlike_settings)
    names: dict[str, Any] = {
        **{one.__name__: one for one in (*helpers, warnings_of)},
        **{"cards": cards, "card_text": card_text, "parts": parts},
        # The panels escape their own texts; the template escapes all other text.
        "svg": Markup,
        # A number and its percent sign stay on one line.
        "prose": lambda text: _html(
            text, (r"(?<=\d) %", "\u00a0%"), (r"`([^`]+)`", r"<code>\1</code>")
        ),
        "noun": lambda text: parts.with_nouns(text, report.nouns),
        "alone": parts.alone if report.nobody else str,
        # Few typefaces have the characters of subscripts.
        "subscripts": lambda text: _html(text, (r"_([a-z0-9]+)", r"<sub>\1</sub>")),
    }
    environment = templates(
        "reporting", "page", names, trim=False, autoescape=True, finalize=_printable
    )
    good = KIDNEY if KIDNEY in report.goods else report.goods[0]
    limits = limits_and_use(good, people=not report.nobody).splitlines()
    return environment.get_template("report.html").render(
        report=report,
        assets=ASSETS,
        texts=texts(),
        version=__version__,
        css=Markup(environment.get_template("report.css").render() + STYLE),
        limits=[line.removeprefix("- ") for line in limits if line],
        measures=MEASURES.values(),
        paper=PAPER,
        nobody=NOBODY,
        no_citation=NOT_PUBLISHED,
        no_people=NO_PEOPLE,
    )


def warnings_of(run: ModelRun) -> list[str]:
    """Return warnings about a run's log; for a run without a card, its flags too."""
    finished = run.file.state == "finished"
    lines = (
        run.trouble,
        "" if finished else f"not finished: {run.file.says}",
        *(() if run.card else flags(run.rows)),
        how_it_ended(run.header),
        run.file.errors if finished else "",
        run.file.unscored,
    )
    return [line for line in lines if line]


def unlike_settings(group: parts.PanelRuns) -> str:
    """Return the settings in which the runs of a group differ, with their values, or ""."""
    values = {part: sorted({run.key[part] for run in group.runs}) for part in LABELS}
    differ = (f"{LABELS[part]} ({'; '.join(values[part])})" for part in unlike_parts(group.runs))
    return listed(list(differ) or [""])


def runs_table(runs: Sequence[ModelRun]) -> tuple[parts.Table, str]:
    """Return a table of settings and versions, and a sentence on those that all runs share."""
    facts = [_run_facts(run) for run in runs]
    if not any(run.rows.has_people for run in runs):
        facts = [{name: one[name] for name in one if name != "human reference"} for one in facts]
    shared = {
        name: value
        for name, value in facts[0].items()
        if name != "model" and len(facts) > 1 and all(one[name] == value for one in facts)
    }
    heads = tuple(name for name in facts[0] if name not in shared)
    same = ", ".join(f"{name} {value}" for name, value in shared.items())
    table = parts.Table(heads, [[one[name] for name in heads] for one in facts])
    return table, f"The same in all runs: {same}." if same else ""


def _run_facts(run: ModelRun) -> dict[str, parts.Cell]:
    spec = run.header.eval
    version = str(run.facts.get("reference_version", ""))
    sha = run.key["reference"][:12]
    return {
        "model": run.name,
        "task": spec.task,
        "study": run.key["study"],
        "log": run.file.says,
        "samples": run.file.completed,
        "epochs": spec.config.epochs or 1,
        "wording": run.key["wording"],
        "sampling": sampling_of(run.header),
        "task version": str(spec.task_version),
        "kidney-evals": str(run.facts.get("kidney_evals_version", "")),
        "inspect-ai": spec.packages.get("inspect_ai", ""),
        "human reference": f"{version} ({sha})" if sha else version,
        "started": spec.created[:16].replace("T", " "),
    }


def _printable(value: Any) -> Any:
    """Return a text without characters that control a terminal or that XML forbids."""
    return printable(value) if type(value) is str else value


def _html(text: str, *replacements: tuple[str, str]) -> Markup:
    """Return a text as HTML with patterns replaced after it is escaped."""
    html = str(escape(_printable(text)))
    for pattern, by in replacements:
        html = re.sub(pattern, by, html)
    return Markup(html)


def asset_contents(
    report: Report, folder: str | Path, *, pictures: bool = False
) -> dict[str, bytes]:
    """Return the content of files in `folder`, by path: each figure as SVG and its numbers as CSV.

    `pictures` adds each figure as PNG.

    Raises:
        UserError: `folder` is "-", standard output; or PNG pictures cannot be rendered here.
    """
    if str(folder) == STDOUT:
        raise UserError("figures are several files, which standard output cannot hold")
    contents: dict[str, bytes] = {}
    figures = [figure for section in report.sections for figure in section.figures]
    for figure in [*([report.verdicts] if report.verdicts else ()), *figures]:
        stem = f"{str(folder).rstrip('/')}/{figure.id}"
        contents[f"{stem}.csv"] = figure.table.csv().encode()
        if figure.panels:
            drawn = grid(figure.panels, figure.title, figure.says)
            contents[f"{stem}.svg"] = drawn.encode()
            if pictures:
                contents[f"{stem}.png"] = png(drawn)
    return contents
