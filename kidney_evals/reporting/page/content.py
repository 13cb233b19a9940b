"""The content of the page: read logs and arrange their runs in sections."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from kidney_evals.errors import UserError
from kidney_evals.measures import find, headlines
from kidney_evals.reporting.logs import READ, LogFile, Progress, find_logs, read_samples
from kidney_evals.reporting.page import beyond, choices
from kidney_evals.reporting.page.differing import differences_section
from kidney_evals.reporting.page.panels import (
    PEOPLE,
    Link,
    Place,
    full_table,
    quantity_figure,
    without_nan,
)
from kidney_evals.reporting.page.parts import Figure, Section, columns, section, slug
from kidney_evals.reporting.page.reasons import reasons_section
from kidney_evals.reporting.page.trained import arms_of, trained_section
from kidney_evals.reporting.runs import CHOICE_TASKS, ModelRun, by_panel, read_runs
from kidney_evals.reporting.sentences import NO_PEOPLE, summary_sentence
from kidney_evals.reporting.text import flags, how_it_ended, number, with_interval

ASKED: Final = {
    "coin_flip": "a coin was offered",
    "forced_choice": "they had to choose",
    "stated_values": "asked for their values",
    "predict_people": "asked what people choose",
}
"""Description of each task's question."""

INDECISION: Final = ("Indecision", "flip_rate", "flip_calib", "threshold")
NEARNESS: Final = ("Nearness", "agreement", "distance", "share_dist")
CONSISTENCY: Final = (
    *("Consistency", "swap_diff", "pos_bias", "dominance", "ctrl_dom", "coverage"),
)
"""Figures of measures: the title and the ids of the measures."""


@dataclass(frozen=True)
class Report:
    """The content of the page.

    Attributes:
        places: The runs of the summary, grouped by panel.
        sections: The sections with figures.
        runs: All runs.
        passed_over: Logs that are not shown, with the reasons.
        inputs: Every log and scan that was read.
        aside: Number of runs that are only in the section on fine-tuning and in tables.
        title: Title of the page; empty for the default.
        notes: Remarks on models by name, as plain text with code in backticks.
        assets: Link target on the page for the folder with the figures as files; empty for none.
        viewer: Link target on the page for the transcripts of all runs; empty for none.
    """

    places: tuple[Place, ...]
    sections: tuple[Section, ...]
    runs: tuple[ModelRun, ...]
    passed_over: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    aside: int = 0
    title: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    assets: str = ""
    viewer: str = ""

    @property
    def models(self) -> list[str]:
        """Names of the models."""
        return sorted({run.model for run in self.runs})

    @property
    def figures(self) -> list[Figure]:
        """The figures of all sections."""
        return [figure for one in self.sections for figure in one.figures]

    @property
    def dates(self) -> tuple[str, str]:
        """The dates on which the first and the last run were started."""
        started = sorted(run.header.eval.created[:10] for run in self.runs)
        return started[0], started[-1]

    @property
    def passed_over_here(self) -> list[str]:
        """Logs that are not shown, without folders, because the page may go to other machines."""
        parts = {re.split(r"(?<=[/\\])(?=[^/\\]+$)", one)[0] for one in self.inputs}
        folders = sorted((one for one in parts if one[-1:] in ("/", "\\")), key=len, reverse=True)
        lines = []
        for line in self.passed_over:
            for folder in folders:
                line = line.replace(folder, "")
            lines.append(line)
        return lines

    @property
    def heading(self) -> str:
        """The title of the page, or the default title."""
        count = len(self.models)
        usual = f"Kidney dilemmas: {count} model{'' if count == 1 else 's'} beside people"
        return self.title or usual


def nowhere(run: ModelRun, sample: str = "") -> str:
    """Return no link: a report without a bundle has no transcripts to link to."""
    return ""


def read_report(
    names: Sequence[str],
    *,
    scans: Sequence[Path] = (),
    link: Link = nowhere,
    progress: Progress | None = None,
) -> Report:
    """Read logs and arrange their runs in sections.

    Args:
        names: Logs, folders, patterns or URLs.
        scans: Results of Inspect Scout with a scanner of this package.
        link: Returns the address of a run's transcripts.
        progress: Called for each log found, then for each log whose samples were read.

    Raises:
        UserError: There is no log, or no log holds numbers of this package.
    """
    logs = find_logs(names, progress)
    read_samples(logs, progress)
    return report_of(logs, link, scans)


def report_of(
    logs: Sequence[LogFile],
    link: Link = nowhere,
    scans: Sequence[Path] = (),
    remarks: Mapping[str, str] | None = None,
) -> Report:
    """Arrange the runs of logs in sections.

    The arms of `kidney-evals sft evaluate` are not models to compare with others: if there are
    other runs, the arms are only in the section on fine-tuning, in the tables and under methods.

    Args:
        logs: The logs.
        link: Returns the address of a run's transcripts.
        scans: Results of Inspect Scout with a scanner of this package.
        remarks: Further remarks on a section, by its id; only `trained` is supported so far.

    Raises:
        UserError: No log holds numbers of this package.
    """
    runs = read_runs(logs)
    passed = tuple(one.line for one in logs if one.state not in READ)
    if not runs:
        told = "; ".join(passed[:3])
        raise UserError(f"none of {len(logs)} logs holds answers to a kidney_evals task ({told})")
    places = [
        Place(
            panel,
            tuple(sorted(members, key=lambda run: run.name)),
            f"{ASKED.get(panel.task, panel.task)}, {panel.study}",
            link,
        )
        for panel, members in by_panel(runs).items()
    ]
    arms = arms_of(_choices(places))
    aside = {run.id for one in arms for run in (one.first, *one.others)}
    if all(run.id in aside for place in _choices(places) for run in place.runs):
        # There are only arms: the report is about them.
        aside = set()
    kept = (
        replace(place, runs=tuple(run for run in place.runs if run.id not in aside))
        for place in places
    )
    shown = [place for place in kept if place.runs]
    sections = (
        *_choice_sections(_choices(shown)),
        reasons_section(_choices(shown), scans),
        differences_section(_choices(shown)),
        section(
            "words",
            [
                make(one)
                for one in shown
                for make in (beyond.stated_figure, beyond.predicted_figure)
            ],
        ),
        trained_section(arms, (remarks or {}).get("trained", "")),
        Section("numbers", (*map(_numbers, places), _meanings(places))),
    )
    inputs = (*(one.location for one in logs), *map(str, scans))
    return Report(tuple(shown), sections, runs, passed, inputs, len(aside))


def _choices(places: Sequence[Place]) -> list[Place]:
    return [place for place in places if place.panel.task in CHOICE_TASKS]


def _choice_sections(places: Sequence[Place]) -> Iterator[Section]:
    flips: list[Figure | None] = []
    for place in places:
        if place.panel.task == "coin_flip":
            flips += [choices.flip_curves(place), quantity_figure(place, *INDECISION)]
    yield section("importance", [choices.importance_figure(place) for place in places])
    yield section("flips", flips)
    yield section("dilemmas", [choices.dilemmas_figure(place) for place in places])
    yield section("nearness", [quantity_figure(place, *NEARNESS) for place in places])
    yield section("consistency", [quantity_figure(place, *CONSISTENCY) for place in places])


def _numbers(place: Place) -> Figure:
    table = full_table(place)
    return Figure(slug("numbers", place.id), f"Every row: {place.title}", "", (), table)


def _meanings(places: Sequence[Place]) -> Figure:
    names = dict.fromkeys(name for place in places for run in place.runs for name in run.rows)
    cards = {card.label: card for name in names for card in [find(name)]}
    lines = [
        (card.id, card.label, card.says, without_nan(card.reading), card.gamed_by)
        for card in cards.values()
    ]
    heads = ("row", "quantity", "what it says", "which way it reads", "what games it")
    return Figure("rows", "What each row means", "", (), columns(lines, *heads))


def people_of(place: Place) -> str:
    """Return a sentence on the people with whom the models of a place are compared."""
    run = place.runs[0]
    if run.panel.task not in CHOICE_TASKS:
        # The same for all models, hence printed only once.
        return NO_PEOPLE if run.panel.task == "stated_values" else ""
    count = run.facts.get("people_in_this_condition", 0)
    title = run.facts.get("study_title", run.panel.study)
    if not count:
        return f"{title}. Nobody was asked this in this condition."
    who = f"{count} people" if count > 0 else "people whose number was not published"
    too = "were offered the coin too" if run.panel.task == "coin_flip" else "had to choose too"
    return f"{title}. Beside {who} who {too}."


def common_flags(place: Place) -> list[str]:
    """Return the flags that all of several runs raise."""
    raised = [_flags(run) for run in place.runs]
    return [one for one in raised[0] if len(raised) > 1 and all(one in other for other in raised)]


def _flags(run: ModelRun) -> list[str]:
    # The run's sentence already states that no dependence on the attributes was detected.
    return [line for line in flags(run.rows) if not line.startswith("no_signal:")]


def finding(run: ModelRun) -> str:
    """Return the sentence on a run, without the remark that is printed once for all runs."""
    return summary_sentence(run).removesuffix(NO_PEOPLE).rstrip()


def warnings_of(run: ModelRun, common: Sequence[str]) -> list[str]:
    """Return flags of a run that are not in `common`, and problems with how the run ended."""
    file = run.file
    return [
        one
        for one in (
            run.trouble,
            run.remark,
            f"not finished: {file.says}" if file.state == "partial" else "",
            *(flag for flag in _flags(run) if flag not in common),
            how_it_ended(run.header),
            file.errors if file.state == "finished" else "",
            file.unscored,
        )
        if one
    ]


def headline_figures(place: Place, run: ModelRun) -> Iterator[str]:
    """Yield the headlines of a run with their intervals and human values."""
    for name in (*(one.id for one in headlines(place.panel.task)), "coverage"):
        row = place.row(run, name)
        if row.defined:
            who = PEOPLE.get(name, "people")
            people = "" if math.isnan(row.human) else f", {who} {number(row.human)}"
            yield f"{find(name).label} {with_interval(row)}{people}"
