"""A card as text of 80 columns, and as Markdown."""

import math
import textwrap
from collections.abc import Sequence
from functools import partial
from typing import Final

from rich.cells import cell_len, set_cell_size

from kidney_evals.card.card import Card, Difference
from kidney_evals.card.findings import Finding, Part
from kidney_evals.card.numbers import NOTHING, WIDTH, interval, listed, percent, short
from kidney_evals.card.probe import probe_lines, probe_text
from kidney_evals.human import Band
from kidney_evals.measures.nearest_respondent import NAMES

NUMBERS: Final = {"weights": 1, "decided": 2, "often": 3, "where": 4, "swap": 5}
"""The number of each question, by id of its finding."""

_SCALE: Final = 7  # columns of the line from the crowd to guessing
_BEYOND: Final = 0.05  # distance beyond an end of it that is shown, as a share of its length
_LABEL: Final = 20  # columns of the label of an attribute
_DILEMMA: Final = 3  # lines of a dilemma; the end of a longer text is left out

NOT_RIGHT: Final = "Agreement with survey respondents is not being right; a coin is no virtue."
"""The sentence at the end of every card with people."""

ALONE: Final = "A steady answer is not a right one; a coin is no virtue."
"""The sentence at the end of every card without people."""

SIGNS: Final = "positive: towards the end that the study calls favoured"
"""What the sign of an importance share means if no people were asked.

The favoured end is then only what the study's author expects.
"""


_FIXED, _PAD = "\N{NO-BREAK SPACE}", "\0"
"""A space at which no line ends, and the second column of a wide character."""

_two = partial(short, digits=2)


def terminal_text(card: Card) -> str:
    """Return a card as lines of at most 80 columns."""
    lines = [*_filled(answered_line(card)), *_filled(card.summary)]
    if card.probe and card.answered:
        lines += probe_lines(card.probe, people=card.has_people)
    if card.findings and card.answered:
        for finding in card.findings:
            lines += _finding(finding) if card.has_people else _finding_alone(finding)
        lines += _shares(card)
    lines += _filled(nearest_line(card))
    if card.differences:
        lines += _filled(f"It differs most from people in (first | second {card.candidate})")
        for one in card.differences:
            lines += _filled(f"{one.first} | {one.second}", "  ", most=_DILEMMA)
            lines += _filled(f"run: {_answers(one.run)}; people: {_answers(one.people)}", "    ")
    for caution in card.cautions:
        lines += _filled(caution)
    return "\n".join([*lines, *_filled(not_right(card.has_people))])


def not_right(people: bool) -> str:
    """Return the sentence that ends a card, on what the card does not show.

    `people` says whether people were asked.
    """
    return NOT_RIGHT if people else ALONE


def markdown_text(card: Card) -> str:
    """Return a card as Markdown, for a paper, an issue or a model card."""
    heads = ("measure", "value", "95 % interval", "people (like)", "person (5–95 %)", "guessing")
    rows = [["question", "verdict", *heads]]
    if not card.has_people:
        rows = [["question", *heads[:3], "guessing"]]
    for finding in card.findings if card.answered else ():
        titles = [f"{NUMBERS[finding.id]} {finding.question}", f"**{verdict_words(finding)}**"]
        titles = titles if card.has_people else [finding.question]
        for part in finding.parts:
            numbers = _numbers(part)
            numbers = numbers if card.has_people else (*numbers[:2], numbers[-1])
            measure = f"{part.label} (`{part.id}`){verdict_of(part, finding)}"
            rows.append([*titles, measure, *numbers])
            titles = [""] * len(titles)
    probe = probe_text(card.probe, people=card.has_people) if card.probe and card.answered else ""
    blocks = [answered_line(card), card.summary, probe, _markdown_table(rows), gamed_line(card)]
    if card.shares:
        shares = [["attribute", "importance share", "95 % interval", "people", "person (5–95 %)"]]
        for one in card.shares:
            ends = interval(one.quantity.low, one.quantity.high, short)
            people = _two(one.quantity.human), person_words(one.person)
            shares.append([one.label, short(one.quantity.value), ends, *people])
        shares = shares if card.has_people else [line[:3] for line in shares]
        blocks += [_markdown_table(shares), f"{signs_line(card)} {floor_line(card)}".rstrip()]
    blocks.append(nearest_line(card))
    for sentences in (map(difference_line, card.differences), card.cautions):
        blocks.append("\n".join(f"- {one}" for one in sentences))
    return "\n\n".join(block for block in [*blocks, not_right(card.has_people)] if block)


def _markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose first row is its head; empty without other rows."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) if rows[1:] else ""


def answered_line(card: Card) -> str:
    """Return sentences on the answers, the controls and the source of people's shares."""
    others = [(count, name) for name, count in card.outcomes.items() if name != "decision"]
    rest = [f"{count} {name.replace('_', ' ')}" for count, name in others]
    share = percent(card.answered / card.asked) if card.asked else NOTHING
    without = f" ({listed(rest)})" if rest else ""
    controls = ""
    if card.controls is not None:
        right, asked = card.controls
        better = f"controls with a better {card.candidate}"
        controls = f" In {right} of {asked} {better} it chose that one."
    answered = f"Answered {card.answered} of {card.asked} ({share}){without}."
    needs = ""
    if card.has_people and card.finding("often") is None:
        needs = f" Questions {NUMBERS['often']} and {NUMBERS['where']} need a coin."
    return f"{answered}{controls}{needs} {people_line(card)}"


def people_line(card: Card) -> str:
    """Return a sentence on the source of people's shares."""
    return f"People: {card.people}." if card.has_people else f"{card.people.capitalize()}."


def nearest_line(card: Card) -> str:
    """Return a sentence on the most similar known respondent; empty if none was compared."""
    found = card.nearest
    if found is None or not found.log_likelihood:
        return ""
    if found.outcome == "named":
        return f"Most like, of {len(found.log_likelihood)} known respondents: {NAMES[found.name]}."
    fitting = [NAMES[name] for name in found.candidates]
    if found.outcome == "cannot tell" and len(fitting) == 1:
        # The likeliest respondent may be rejected by the test of fit, and another not.
        first = found.candidates[0] == found.name
        other = NAMES[found.runner_up if first else found.name]
        return f"Of known respondents it fits {fitting[0]}, not clearly better than {other}."
    if found.outcome == "cannot tell" and fitting:
        return f"Of known respondents these fit, and cannot be told apart: {listed(fitting)}."
    return f"Like none of {len(found.log_likelihood)} known respondents."


def difference_line(one: Difference) -> str:
    """Return a dilemma in words, with the answers of the run and of people."""
    return f"{one.first} | {one.second}: run {_answers(one.run)}; people {_answers(one.people)}"


def _answers(shares: Sequence[float]) -> str:
    """Return the shares of the answers that were given."""
    named = zip(("first", "second", "coin"), shares, strict=False)
    return ", ".join(f"{name} {percent(share)}" for name, share in named if share >= 0.0005)


def verdict_words(finding: Finding) -> str:
    """Return a verdict; after "cannot tell" also the number of calls that would settle it."""
    calls = f" (≈{finding.calls:,} calls would)" if finding.calls else ""
    return f"{finding.verdict or 'no verdict'}{calls}"


def verdict_of(part: Part, finding: Finding) -> str:
    """Return a comma and the part's own verdict; empty for the first, which the finding judges."""
    return f", {part.verdict}" if part.verdict and part is not finding.parts[0] else ""


def gamed_line(card: Card) -> str:
    """Return a sentence on respondents unlike people that score like people; empty for none."""
    known = [
        f"{NUMBERS[one.id]} {one.gamed_by[0]} {_two(one.gamed_by[1])}".removesuffix(f" {NOTHING}")
        for one in card.findings
        if card.answered and _people(one.parts[0])
    ]
    return f"Rules unlike people can score as well: {'; '.join(known)}." if known else ""


def _finding(finding: Finding) -> list[str]:
    first, *others = finding.parts
    head = f"{NUMBERS[finding.id]} {finding.question}"
    lines = [f"{head}{verdict_words(finding).upper():>{WIDTH - len(head)}}"]
    lines.append(_columns(first, f"person {person_words(first.person)}  {first.band}"))
    if people := _people(first):
        rest = finding.why
        if not rest:
            guess = f"guessing {_two(first.guessing)}"
            name, value = finding.gamed_by
            rule = f"rule: {name} {_two(value)}".removesuffix(f" {NOTHING}")
            rest = f"{scale(first):<{_SCALE + 2}} {guess:<13} {rule:>29}"
        lines.append(f"  {people:<23} {rest}".rstrip())
    for part in others:
        line = _columns(part, _people(part))
        # The first part's line has no room for its own verdict.
        mark = part.verdict.removesuffix(" the crowd")
        lines.append(f"{line}{mark:>{WIDTH - len(line)}}" if mark else line)
    return lines


def _finding_alone(finding: Finding) -> list[str]:
    guesses = (f"guessing {_two(part.guessing)}" for part in finding.parts)
    return [finding.question, *map(_columns, finding.parts, guesses)]


def _people(part: Part) -> str:
    """Return the value of the crowd and those that count as it; empty without people."""
    human = part.quantity.human
    return "" if math.isnan(human) else f"people {_two(human)} {like_words(part)}"


def _columns(part: Part, more: str) -> str:
    row = part.quantity
    ends = interval(row.low, row.high, short)
    return f"  {part.label:<20}{short(row.value):>7}  {ends:<16} {more}".rstrip()


def like_words(part: Part) -> str:
    """Return the values that count as the crowd's, in brackets; empty if none are known."""
    low, high = part.like
    if math.isnan(low + high):
        return ""
    if low == -math.inf or low == 0:
        return f"(to {short(high, digits=3 if high < 0.01 else 2)})"
    if low == -high:
        return f"(±{_two(high)})"
    return f"(from {_two(low)})" if high == math.inf else f"({_two(low)}–{_two(high)})"


def person_words(band: Band) -> str:
    """Return the median of single persons, with their 5–95 % range; a dash if unknown."""
    if math.isnan(band.median):
        return NOTHING
    return f"{_two(band.median)} ({_two(band.low)}–{_two(band.high)})"


def _numbers(part: Part) -> tuple[str, ...]:
    row, people = part.quantity, f"{_two(part.quantity.human)} {like_words(part)}".rstrip()
    ends = interval(row.low, row.high, short)
    return short(row.value), ends, people, person_words(part.person), _two(part.guessing)


def scale(part: Part) -> str:
    """Return a line with the value's place from the crowd (left) to guessing; empty if unknown.

    A triangle beside the line stands for a value beyond its end. A value that counts as the crowd's
    is always on the line.
    """
    place, like = part.place, part.like
    if math.isnan(place):
        return ""
    line = ["├", *"─" * (_SCALE - 2), "┤"]
    near = like.low <= part.quantity.value <= like.high
    if place < -_BEYOND and not near:
        return f"◀{''.join(line)} "
    if place > 1 + _BEYOND and not near:
        return f" {''.join(line)}▶"
    line[min(max(round(place * (_SCALE - 1)), 0), _SCALE - 1)] = "●"
    return f" {''.join(line)} "


def _shares(card: Card) -> list[str]:
    lines = _filled(f"Signed importance, {signs_line(card)}") if card.shares else []
    for one in card.shares:
        row = one.quantity
        ends = interval(row.low, row.high, short)
        fits = cell_len(one.label) <= _LABEL
        label = one.label if fits else f"{set_cell_size(one.label, _LABEL - 1)}…"
        label = set_cell_size(label, _LABEL)
        error = "" if math.isnan(row.human) else f" ±{_two(one.people_error)}"
        people = f"people {_two(row.human)}{error}" if card.has_people else ""
        line = f"  {label}{short(row.value):>7}  {ends:<16} {people}  {one.differs}"
        lines.append(line.rstrip())
    return lines


def signs_line(card: Card) -> str:
    """Return a sentence on whom a positive importance share favours, by attribute."""
    people = card.has_people and all(one.quantity.human > 0 for one in card.shares)
    favoured = listed([one.favoured for one in card.shares])
    whose = "whom people favour: " if people else "whom the study calls favoured: "
    return f"+ favours {whose}{favoured}."


def floor_line(card: Card) -> str:
    """Return a sentence on the importance distance that chance gives; empty if unknown."""
    if math.isnan(card.floor):
        return ""
    return f"Chance alone makes an importance distance of about {_two(card.floor)}."


def _filled(text: str, indent: str = "", most: int | None = None) -> list[str]:
    """Wrap a text; after the first line, the lines of an indented text are indented further.

    A percent sign stays with its number, and a wide character takes two columns.
    """
    further = indent + "  " if indent else ""
    padded = "".join(letter + _PAD * (cell_len(letter) - 1) for letter in text)
    lines = textwrap.wrap(
        padded.replace(" %", f"{_FIXED}%"),
        # A line may end within a wide character, which then leaves it by one column.
        WIDTH - (_PAD in padded),
        initial_indent=indent,
        subsequent_indent=further,
        max_lines=most,
        placeholder=" …",
    )
    return [line.replace(_FIXED, " ").replace(_PAD, "") for line in lines]
