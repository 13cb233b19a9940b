"""A page's content: the runs of many logs, put into sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.measures import Measure, find, headlines
from kidney_evals.reporting.found import READ, Found, Progress, find_logs, read_samples
from kidney_evals.reporting.page import beyond, choices, methods
from kidney_evals.reporting.page.commands import commands
from kidney_evals.reporting.page.differing import differences_section
from kidney_evals.reporting.page.panels import PEOPLE, Link, Place, full_table, without_nan
from kidney_evals.reporting.page.parts import Figure, Section, Table, columns, slug
from kidney_evals.reporting.page.reasons import reasons_section
from kidney_evals.reporting.page.trained import arms_of, trained_section
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun, Panel, by_panel, read_runs
from kidney_evals.reporting.stated import NO_PEOPLE
from kidney_evals.reporting.summary import moves_sentence, summary_sentence
from kidney_evals.reporting.text import flags, how_it_ended, number

ASKED: Final = {
    "coin_flip": "a coin was offered",
    "forced_choice": "they had to choose",
    "stated_values": "asked for their values",
    "predict_people": "asked what people choose",
}
"""What a panel was asked, in words."""


@dataclass(frozen=True)
class Finding:
    """What one run says.

    Attributes:
        name: Whose run it is.
        sentence: What was found.
        hangs_on: What would change it most; may be empty.
        figures: The headlines with their intervals and people's value, a line each.
        warnings: Flags, and how it ended where that was not the plan.
        href: Where its transcripts are; empty for nowhere.
    """

    name: str
    sentence: str
    hangs_on: str
    figures: tuple[str, ...]
    warnings: tuple[str, ...]
    href: str


@dataclass(frozen=True)
class Group:
    """Findings of the runs that were asked the same.

    Attributes:
        title: What was asked.
        people: Whom the models are set beside.
        warnings: Flags that all of several runs raise.
        findings: One for each run.
    """

    title: str
    people: str
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes:
        models: Their names.
        groups: The summary, by what was asked.
        sections: What is shown of them.
        runs: What was run.
        same: What all runs have in common, in a sentence.
        commands: How, with lines of comment.
        paragraph: The same for a paper.
        citations: Whom to cite.
        formulas: How figures are computed.
        passed_over: Logs that are not shown, and why.
        inputs: Every log and scan that was read.
        aside: How many runs stand in the section on fine-tuning and in tables only.
        dates: When the first and the last run were started.
        figures: Those of all sections.
        title: Of the page; empty for the usual one.
        notes: What to say of a model, by its name, Markdown's backticks apart plain text.
        assets: Where the page finds its figures as files; empty for nowhere.
        viewer: Where it finds the transcripts of all runs; empty for nowhere.
    """

    models: tuple[str, ...]
    groups: tuple[Group, ...]
    sections: tuple[Section, ...]
    runs: Table
    same: str
    commands: tuple[str, ...]
    paragraph: str
    citations: tuple[str, ...]
    formulas: tuple[Measure, ...]
    passed_over: tuple[str, ...]
    dates: tuple[str, str]
    figures: tuple[Figure, ...]
    inputs: tuple[str, ...] = ()
    aside: int = 0
    title: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    assets: str = ""
    viewer: str = ""

    @property
    def passed_over_here(self) -> tuple[str, ...]:
        """Logs that are not shown, by their names alone: the page goes to other machines."""
        lines = []
        for line in self.passed_over:
            for folder in _folders(self.inputs):
                line = line.replace(folder, "")
            lines.append(line)
        return tuple(lines)

    @property
    def heading(self) -> str:
        """The page's title."""
        count = len(self.models)
        return self.title or (
            f"Kidney dilemmas: {count} model{'' if count == 1 else 's'} beside people"
        )


def nowhere(run: ModelRun, sample: str = "") -> str:
    """Lead nowhere: the transcripts of a page alone are not beside it."""
    return ""


def read_report(
    names: Sequence[str],
    *,
    scans: Sequence[Path] = (),
    link: Link = nowhere,
    progress: Progress | None = None,
) -> Report:
    """Read logs and put what they say into sections.

    Args:
        names: Logs, folders, patterns or URLs.
        scans: Results of Inspect Scout with a scanner of ours.
        link: Where a run can be opened.
        progress: Told of each log that was found, then of each whose samples were read.

    Raises:
        UserError: There is no log, or none of them holds numbers of this package.
    """
    found = find_logs(names, progress)
    read_samples(found, progress)
    return report_of(found, link, scans)


def report_of(
    found: Sequence[Found],
    link: Link = nowhere,
    scans: Sequence[Path] = (),
    remarks: Mapping[str, str] | None = None,
) -> Report:
    """Put logs that were found into sections.

    The arms of `kidney-evals sft evaluate` are no models to be set beside others: where there are
    other runs, they stand in the section on fine-tuning, in the tables and under methods only.

    Args:
        found: The logs.
        link: Where their transcripts are.
        scans: Results of Inspect Scout with a scanner of ours.
        remarks: What else to know of a section, by its id; of `trained` alone so far.

    Raises:
        UserError: None of them holds numbers of this package.
    """
    remarks = remarks or {}
    runs = read_runs(found)
    passed = tuple(one.line for one in found if one.state not in READ)
    if not runs:
        told = "; ".join(passed[:3])
        raise UserError(f"none of {len(found)} logs holds answers to a kidney_evals task ({told})")
    places = [
        Place(panel, tuple(sorted(members, key=lambda run: run.name)), _title(panel), link)
        for panel, members in by_panel(runs).items()
    ]
    everything = [place for place in places if place.panel.task in CHOICE_TASKS]
    arms = arms_of(everything)
    aside = {run.id for one in arms for run in (one.first, *one.others)}
    if all(run.id in aside for place in everything for run in place.runs):
        # Arms and nothing else: they are what the report is on.
        aside = set()
    shown = _without(places, aside)
    chosen = [place for place in shown if place.panel.task in CHOICE_TASKS]
    makers: tuple[Callable[[], Section], ...] = (
        lambda: choices.importance_section(chosen),
        lambda: choices.flips_section(chosen),
        lambda: choices.dilemmas_section(chosen),
        lambda: choices.nearness_section(chosen),
        lambda: choices.consistency_section(chosen),
        lambda: reasons_section(chosen, scans),
        lambda: differences_section(chosen),
        lambda: beyond.words_section(shown),
        lambda: trained_section(arms, remarks.get("trained", "")),
        lambda: _numbers(places),
    )
    sections = tuple(make() for make in makers)
    table, same = methods.runs_table(runs)
    started = sorted(run.header.eval.created for run in runs)
    return Report(
        models=tuple(sorted({run.header.eval.model for run in runs})),
        groups=tuple(_group(place) for place in shown),
        sections=sections,
        runs=table,
        same=same,
        commands=commands(runs),
        paragraph=methods.paragraph(runs),
        citations=methods.citations(runs),
        formulas=methods.formulas(),
        passed_over=passed,
        dates=(started[0][:10], started[-1][:10]),
        figures=tuple(figure for section in sections for figure in section.figures),
        inputs=(*(one.location for one in found), *map(str, scans)),
        aside=len(aside),
    )


def _folders(locations: Sequence[str]) -> tuple[str, ...]:
    """Return the folders of files with the sign behind them, the longest first."""
    parts = {re.split(r"(?<=[/\\])(?=[^/\\]+$)", one)[0] for one in locations}
    return tuple(sorted((one for one in parts if one[-1:] in ("/", "\\")), key=len, reverse=True))


def _without(places: Sequence[Place], aside: Set[str]) -> list[Place]:
    """Return the places without some runs, by id, and without those that are left empty."""
    kept = [
        replace(place, runs=tuple(run for run in place.runs if run.id not in aside))
        for place in places
    ]
    return [place for place in kept if place.runs]


def _title(panel: Panel) -> str:
    return f"{ASKED.get(panel.task, panel.task)}, {panel.study}"


def _group(place: Place) -> Group:
    raised = [_flags(run) for run in place.runs]
    common = [flag for flag in raised[0] if len(raised) > 1 and all(flag in one for one in raised)]
    return Group(
        f"{place.title[0].upper()}{place.title[1:]}",
        _people(place.runs[0]),
        tuple(f"All runs: {flag}" for flag in common),
        tuple(_finding(place, run, common) for run in place.runs),
    )


def _flags(run: ModelRun) -> list[str]:
    # That nothing was found to depend on the attributes is what the sentence says.
    return [line for line in flags(run.rows) if not line.startswith("no_signal:")]


def _people(run: ModelRun) -> str:
    if run.panel.task not in CHOICE_TASKS:
        # Said once, of all models.
        return NO_PEOPLE if run.panel.task == "stated_values" else ""
    count = run.facts.get("people_in_this_condition", 0)
    title = run.facts.get("study_title", run.panel.study)
    who = f"{count} people" if count > 0 else "people whose number was not published"
    if not count:
        return f"{title}. Nobody was asked this in this condition."
    too = "were offered the coin too" if run.panel.task == "coin_flip" else "had to choose too"
    return f"{title}. Beside {who} who {too}."


def _finding(place: Place, run: ModelRun, said: Sequence[str]) -> Finding:
    warnings = [flag for flag in _flags(run) if flag not in said]
    if run.found.state == "partial":
        warnings.insert(0, f"not finished: {run.found.says}")
    warnings = [*filter(None, (run.trouble, run.remark)), *warnings]
    if ending := how_it_ended(run.header):
        warnings.append(ending)
    if run.found.state == "finished" and run.found.errors:
        warnings.append(run.found.errors)
    if run.found.unscored:
        warnings.append(run.found.unscored)
    return Finding(
        name=run.name,
        sentence=summary_sentence(run).removesuffix(NO_PEOPLE).rstrip(),
        hangs_on=moves_sentence(run),
        figures=tuple(_headlines(place, run)),
        warnings=tuple(warnings),
        href=place.link(run),
    )


def _headlines(place: Place, run: ModelRun) -> list[str]:
    told = []
    for name in (*(one.id for one in headlines(place.panel.task)), "coverage"):
        row = place.row(run, name)
        if not row.defined:
            continue
        ends = "" if row.low != row.low else f" [{number(row.low)}, {number(row.high)}]"
        who = PEOPLE.get(name, "people")
        people = "" if row.human != row.human else f", {who} {number(row.human)}"
        told.append(f"{find(name).label} {number(row.value)}{ends}{people}")
    return told


def _numbers(places: Sequence[Place]) -> Section:
    figures = tuple(
        Figure(slug("numbers", place.id), f"Every row: {place.title}", "", (), full_table(place))
        for place in places
    )
    return Section(
        "numbers",
        "All numbers",
        "Every quantity of every run, from its samples where these can be read.",
        (*figures, _meanings(places)),
    )


def _meanings(places: Sequence[Place]) -> Figure:
    names = dict.fromkeys(name for place in places for run in place.runs for name in run.rows)
    cards = {card.label: card for name in names for card in [find(name)]}
    return Figure(
        "rows",
        "What each row means",
        "",
        (),
        columns(
            [(card.id, card.label, card.says, without_nan(card.reading), card.gamed_by)
             for card in cards.values()],
            "row", "quantity", "what it says", "which way it reads", "what games it",
        ),
    )  # fmt: skip
