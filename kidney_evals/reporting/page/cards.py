"""The cards of runs on a page: the figure of verdicts, and the tables of a run."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from kidney_evals.card import LIKE, PERSON, UNKNOWN, UNLIKE, Card, Finding, Part, Share
from kidney_evals.card.numbers import NOTHING, interval, listed, short
from kidney_evals.card.text import answered_line, like_words, people_line, person_words
from kidney_evals.charts import Place, Verdict, verdict_panel
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting.page.parts import Cell, Figure, PanelRuns, Table
from kidney_evals.reporting.runs import ModelRun, simulated

MARKS: Final = {LIKE: "=", PERSON: "≈", UNLIKE: "≠", UNKNOWN: "?"}
"""A sign for each verdict, so that verdicts do not differ in colour alone."""

KINDS: Final = {LIKE: "like", PERSON: "like", UNLIKE: "unlike", UNKNOWN: "unknown"}

_HEADS: Final = (
    *("model", "task", "study", "question", "verdict", "measure", "value", "low", "high"),
    *("people", "person", "person 5 %", "person 95 %", "like from", "like to", "guessing", "n"),
)


def who(models: Sequence[str]) -> str:
    """Return the number of models and of simulated respondents in words."""
    count = sum(map(simulated, models))
    kinds = ((len(models) - count, "model"), (count, "simulated respondent"))
    return listed([f"{n} {kind}{'' if n == 1 else 's'}" for n, kind in kinds if n])


def about(run: ModelRun) -> str:
    """Return whether a run is of a simulated respondent, and its number of answers."""
    card, count = run.card, f"{run.file.completed:,} samples"
    if card is not None:
        count = f"{card.answered:,} of {card.asked:,} answered"
        count = f"{card.asked:,} answers" if card.answered == card.asked else count
    kind = ["simulated respondent"] if simulated(run.model) else []
    return ", ".join([*kind, count])


def questions(groups: Sequence[PanelRuns]) -> dict[str, tuple[str, str]]:
    """Return each question that some run has an answer to, and the label of the number to quote.

    The keys are the ids of the questions, in the order of the longest card.
    """
    cards = [run.card for group in groups for run in group.runs if run.card and run.card.answered]
    cards.sort(key=lambda card: -len(card.findings))
    found = [one for card in cards for one in card.findings]
    answered = {one.id for one in found if one.verdict or one.parts[0].quantity.defined}
    result: dict[str, tuple[str, str]] = {}
    for one in found:
        # Without people a question reads otherwise; the longest card has people.
        if one.id in answered:
            result.setdefault(one.id, (one.question, one.parts[0].label))
    return result


def value_text(finding: Finding, people: bool = True) -> str:
    """Return the value beside a verdict, with its interval if no `people` were asked."""
    row = finding.parts[0].quantity
    value = short(row.value, digits=2) if row.defined else "no value"
    ends = "" if people else interval(row.low, row.high, partial(short, digits=2))
    return f"{value} {ends}".rstrip()


def place_of(part: Part) -> Place:
    """Return a measure's place on the scale from the crowd (0) to guessing (1).

    The interval and the band of single persons are on the same scale.
    """
    crowd, reach = part.quantity.human, part.guessing - part.quantity.human
    numbers = (part.quantity.low, part.quantity.high, part.person.low, part.person.high)
    low, high, *band = ((one - crowd) / reach if reach else math.nan for one in numbers)
    known = (
        f"{part.label} {' '.join(_value(part.quantity))}",
        f"crowd {short(crowd, digits=2)}",
        f"single persons {person_words(part.person)}",
        f"guessing {short(part.guessing, digits=2)}",
    )
    spoken = "; ".join(one for one in known if not one.endswith(NOTHING))
    return Place(part.place, low, high, band[0], band[1], spoken)


def finding_cells(part: Part, card: Card) -> tuple[str, ...]:
    """Return the cells of a measure in a card's table: value, interval, people, person, guessing.

    If no people were asked, the cells of people and person are left out.
    """
    if not card.has_people:
        return *_value(part.quantity), short(part.guessing, digits=2)
    people = f"{short(part.quantity.human, digits=2)} {like_words(part)}".rstrip()
    person = ", ".join(filter(None, (person_words(part.person), part.band)))
    return *_value(part.quantity), people, person, short(part.guessing, digits=2)


def share_cells(share: Share, card: Card) -> tuple[str, ...]:
    """Return the cells of an attribute in the table of importance shares.

    They are value, interval, people, person, and the difference from people in a word. If no people
    were asked, they are the first two.
    """
    if not card.has_people:
        return _value(share.quantity)
    people = short(share.quantity.human, digits=2)
    return *_value(share.quantity), people, person_words(share.person), share.differs or NOTHING


def _value(row: Quantity) -> tuple[str, str]:
    return short(row.value), interval(row.low, row.high, short) or NOTHING


def outcomes(card: Card) -> str:
    """Return the sentences on the answered questions and the controls.

    The sentence on the human side, the last one, is left out: the heading of the group has it.
    """
    return answered_line(card).removesuffix(f" {people_line(card)}")


def sample_links(group: PanelRuns, run: ModelRun) -> Mapping[str, str]:
    """Return the address of each dilemma's first transcript, by dilemma; empty without a viewer."""
    links: dict[str, str] = {}
    for sample in run.file.samples if group.transcripts else ():
        address = f"/sample/{quote(str(sample.id))}/{sample.epoch}/"
        links.setdefault(str(sample.metadata.get("dilemma")), group.link(run, address))
    return links


def verdict_figure(groups: Sequence[PanelRuns]) -> Figure | None:
    """Return the figure of all verdicts; None if no answered run is compared with people."""
    asked = {id: question for id, (question, _) in questions(groups).items()}
    rows: list[tuple[str, str, list[Verdict | None]]] = []
    lines: list[tuple[Cell, ...]] = []
    for group in groups:
        for run in group.runs:
            card = run.card
            if card is None or not card.answered or not card.has_people:
                continue
            found = {one.id: one for one in card.findings}
            cells = [_verdict(found[id]) if id in found else None for id in asked]
            rows.append((run.name, group.title, cells))
            lines += [
                (run.name, group.panel.task, group.panel.study, *line)
                for one in card.findings
                for line in _lines(one)
            ]
    if not rows:
        return None
    panel = verdict_panel(list(asked.values()), rows)
    return Figure("verdicts", "Like the crowd?", "", (panel,), Table(_HEADS, lines))


def _verdict(finding: Finding) -> Verdict:
    sign = MARKS.get(finding.verdict, "")
    words = f"{sign} {finding.verdict}" if sign else ""
    return Verdict(words, value_text(finding), place_of(finding.parts[0]))


def _lines(finding: Finding) -> list[tuple[Cell, ...]]:
    return [
        (
            *(finding.question, finding.verdict, part.label),
            *part.quantity[:4],
            *part.person,
            # An open end has no number.
            *(end if math.isfinite(end) else math.nan for end in part.like),
            *(part.guessing, part.quantity.n),
        )
        for part in finding.parts
    ]
