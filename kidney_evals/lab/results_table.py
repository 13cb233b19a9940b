"""Tables of committed records: models beside simulated respondents, and the card of every run."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from kidney_evals.card import markdown_text
from kidney_evals.finetuning.packaged_models import Origin
from kidney_evals.lab.known_table import Results, markdown
from kidney_evals.lab.results import Record, RunRecord
from kidney_evals.reporting.rows import Rows
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, study_names

NONE_YET: Final = (
    "**No language model has been evaluated yet**, so nothing is claimed about any real model."
)

_BESIDE: Final = ("human", "uniform", "first")
"""Known respondents beside the models in the README."""

_READOUTS: Final = {"sample": "sampled", "logprobs": "read out", "prefill": "prefilled"}


def readme_table(records: Sequence[Record], known: str) -> str:
    """Return what the README shows, as Markdown: the models, and the table of the default study.

    `known` holds the tables of simulated respondents that `known_table.markdown` returns; three of
    these respondents are shown.
    """
    rows = "\n".join(
        line
        for line in known.splitlines()
        if not line.startswith("| `") or line.split("`")[1] in _BESIDE
    )
    return "\n\n".join([_named_in_short(records), _beside(_runs(records, DEFAULT_STUDY), rows)])


def results_page(records: Sequence[Record], known: str) -> str:
    """Return the tables of every study and the card of every run, as Markdown.

    `known` holds the tables of simulated respondents that `known_table.markdown` returns.
    """
    default = _beside(_runs(records, DEFAULT_STUDY), known)
    parts = [_origins(records), f"## {DEFAULT_STUDY}", default]
    for study in study_names():
        if study != DEFAULT_STUDY and (runs := _runs(records, study)):
            parts += [f"## {study}", markdown(runs)]
    for record in records:
        parts.append(f"## Cards of {record.title}")
        named = sorted(_named(record), key=lambda one: _place(one[0]))
        parts += [part for run, name in named for part in _card(run, name)]
    return "\n\n".join(parts)


def _named_in_short(records: Sequence[Record]) -> str:
    if not records:
        return NONE_YET
    fetched = [one.origin for one in records if isinstance(one.origin, Origin)]
    named = [one.title for one in records if not isinstance(one.origin, Origin)]
    parts = [f"Evaluated so far: {', '.join(named)}."] if named else []
    if fetched:
        listed = ", ".join(f"{one.title} ({one.quantisation})" for one in fetched)
        parts += [f"{listed}: tiny, quantised by others, none of the paper's models."]
        parts += ["What they show is theirs alone."]
    return " ".join(parts)


def _origins(records: Sequence[Record]) -> str:
    """Return a list of the models and the origins of their weights, as Markdown."""
    if not records:
        return NONE_YET
    lines = []
    for record in records:
        origin = record.origin
        if isinstance(origin, Origin):
            lines.append(
                f"- [{origin.title}]({origin.original}), weights quantised to "
                f"{origin.quantisation} by others and expanded: {origin.note} {origin.licence}. "
                "None of the paper's models."
            )
        else:
            lines.append(f"- {record.title}: {origin}.")
    return "\n".join(lines)


def _runs(records: Sequence[Record], study: str) -> Results:
    """Return the rows of all runs about a study, by condition and name."""
    named = (one for record in records for one in _named(record))
    return {(run.condition, name): Rows(run.run) for run, name in named if run.study == study}


def _named(record: Record) -> Iterator[tuple[RunRecord, str]]:
    """Yield the runs of a record with a name that is unique in each study and condition."""
    taken: Counter[tuple[str, ...]] = Counter()
    for run in record.runs:
        name = f"{record.title}, {_READOUTS.get(run.readout, run.readout)}"
        asked, study = len(run.run.dilemmas), run.run.study
        if asked != (study.draw.count if study.draw else len(study.listed)):
            name += f", {asked} dilemmas"
        if run.wording != "default":
            name += f", {run.wording}"
        if run.examples:
            name += f", {run.examples} worked examples"
        taken[run.study, run.condition, name] += 1
        count = taken[run.study, run.condition, name]
        yield run, f"{name} #{count}" if count > 1 else name


def _place(run: RunRecord) -> tuple[int, int, str]:
    """Return the sort key of a run: the default study first, then by condition and readout."""
    return study_names().index(run.study), CONDITIONS.index(run.condition), run.readout


def _beside(models: Results, known: str) -> str:
    """Return the models' table of each condition, with the rows of known respondents below."""
    if not models:
        return known
    tables: dict[str, tuple[str, str, list[str]]] = {}
    for text in (known, markdown(models)):
        for condition, table in re.findall(r"\*\*`(\w+)`\*\*\n\n((?:\|.*\n?)+)", text):
            head, rule, *rows = table.strip().splitlines()
            same = tables.setdefault(condition, (head, rule, []))
            assert same[:2] == (head, rule), "the tables have other columns"
            same[2][:0] = rows
    return "\n\n".join(
        "\n".join([f"**`{condition}`**", "", head, rule, *rows])
        for condition, (head, rule, rows) in tables.items()
    )


def _card(run: RunRecord, name: str) -> Iterator[str]:
    yield f"### {name}: {run.condition}, {run.study}"
    versions = ", ".join(f"{one} {number}" for one, number in run.versions.items())
    yield f"{run.date}, {run.minutes:g} minutes, {versions}:\n\n```text\n{run.command}\n```"
    card = Rows(run.run).card
    assert card is not None
    yield markdown_text(card)
