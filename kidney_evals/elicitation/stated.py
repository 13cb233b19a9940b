"""Read what a model says of its own values: ratings, a ranking, a rule, percentages.

As with a choice between patients, nothing is guessed. Native refusals come first, hidden reasoning
is never read, and only an answer line counts: the last one, or a reply that is nothing but one. A
line that lacks a name, has a number outside 0 to 100 or says two things of one name is unreadable.
In output that was cut off a number at its very end may be half a number and does not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from inspect_ai.model import ModelOutput

from kidney_evals.elicitation._stated_lines import (
    Fault,
    Named,
    blocks,
    choice_in,
    entries_in,
    number_of,
    ranks_in,
    swing_of,
)
from kidney_evals.elicitation._text import plain
from kidney_evals.elicitation.calls import TOOL_CALL, calls_tool, marked_as_refusal
from kidney_evals.elicitation.reader import read_answer
from kidney_evals.elicitation.stated_questions import LETTERS, StatedKind, attribute_named
from kidney_evals.studies import Study

StatedOutcome = Literal["answer", "refusal", "truncated", "empty", "unreadable"]
"""What became of one question; `unreadable` said something and gave no answer in its form."""

_CUT_STOPS = frozenset({"max_tokens", "model_length"})

_DECLINED = ("refusal", "content_filter")


@dataclass(frozen=True)
class Asked:
    """What one question asked for.

    Attributes:
        kind: Which of the four questions.
        names: What is rated, ranked or put a percentage to; for `rule`, the rules by letter.
    """

    kind: StatedKind
    names: tuple[Named, ...]


@dataclass(frozen=True)
class StatedReading:
    """What was read from one answer.

    Attributes:
        outcome: What became of the question.
        how: What was read and why, in a short phrase.
        numbers: By name, in an answer: for `swings` the rating, 0 to 100; for `ranking` the rank,
            from 1, tied names sharing the mean of theirs; for `flip` the percentage.
        ends: For `swings`, which end is favoured: "a", "b" or "none" (with rating 0 only).
        rule: For `rule`, the name of the rule.
    """

    outcome: StatedOutcome
    how: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


def asked_of(metadata: Mapping[str, Any], study: Study) -> Asked:
    """Return what a sample asked for, from its metadata and its study's words alone."""
    kind: StatedKind = metadata["question"]
    if kind == "rule":
        options = str(metadata["options"]).split()
        named = zip(LETTERS[: len(options)], options, strict=True)
        return Asked(kind, tuple(Named(name, (letter,)) for letter, name in named))
    if kind == "flip":
        return Asked(kind, tuple(Named(name, (name,)) for name in metadata["options"].split()))
    names = []
    for name in str(metadata["shown"]).split():
        attribute = attribute_named(study, name)
        ends = tuple(attribute.describe(float(metadata[f"end_{end}_{name}"])) for end in "ab")
        names.append(Named(name, (name, attribute.label), (ends[0], ends[1])))
    return Asked(kind, tuple(names))


def read_stated_output(output: ModelOutput, asked: Asked) -> StatedReading:
    """Read a model's output: its text, never its reasoning, and the provider's own signals.

    Args:
        output: What the model returned; no choice at all is an empty answer.
        asked: What the question asked for.
    """
    if not output.choices:
        return read_stated("", asked)
    choice = output.choices[0]
    refused = marked_as_refusal(choice)
    if calls_tool(choice.message, choice.stop_reason) and not refused:
        return StatedReading("unreadable", TOOL_CALL)
    return read_stated(choice.message.text, asked, stop=choice.stop_reason, refused=refused)


# The solver and the scorer read the same completion in turn.
@lru_cache(maxsize=256)
def read_stated(
    text: str, asked: Asked, *, stop: str = "stop", refused: bool = False
) -> StatedReading:
    """Read the answer stated in a completion.

    Args:
        text: The completion's visible text.
        asked: What the question asked for.
        stop: Inspect's reason why the model stopped, as in `read_answer`.
        refused: Whether the provider itself marked the message as a refusal.

    Returns:
        The reading, with numbers or a rule exactly where `outcome` is `answer`.
    """
    if refused or stop == "content_filter":
        return StatedReading("refusal", "the provider marked it as a refusal")
    shown = plain(text)
    cut = stop in _CUT_STOPS or shown.hidden_open
    try:
        found = _answer(shown.lines, asked, cut)
    except Fault as fault:
        return StatedReading("truncated" if cut else "unreadable", str(fault))
    if found is not None:
        return found
    # Without an answer line the reader of choices tells refusals, cuts and silence apart.
    other = read_answer(text, condition="forced_choice", stop=stop)
    if other.outcome in ("refusal", "truncated", "empty"):
        return StatedReading(other.outcome, other.how)
    return StatedReading("truncated" if cut else "unreadable", "no answer line")


def _answer(lines: str, asked: Asked, cut: bool) -> StatedReading | None:
    """Return the answer that a text states; None where nothing in it looks like one.

    Raises:
        Fault: Something does, and cannot be taken as it stands.
    """
    if asked.kind == "rule":
        rule = choice_in(lines, asked.names, marked_only=cut)
        if rule is None:
            return None
        return StatedReading("answer", f"read from “{rule.words}”", rule=rule.name)
    if asked.kind == "ranking":
        ranks = ranks_in(lines, asked.names, marked_only=cut)
        if ranks is None:
            return None
        return StatedReading("answer", f"read as “{_chain(ranks)}”", ranks)
    entries = entries_in(blocks(lines, marked_only=cut), asked.names)
    if not entries:
        return None
    missing = [one.name for one in asked.names if one.name not in entries]
    if missing:
        raise Fault(f"no number for {', '.join(missing)}")
    if cut and re.search(r"\d\s*$", lines):
        raise Fault("cut off, perhaps within a number")
    numbers: dict[str, float] = {}
    ends: dict[str, str] = {}
    for one in asked.names:
        if asked.kind == "flip":
            numbers[one.name] = number_of(one.name, entries[one.name])
        else:
            ends[one.name], numbers[one.name] = swing_of(one, entries[one.name])
    said = [
        f"{name}={ends[name]}:{value:g}" if ends else f"{name}={value:g}"
        for name, value in numbers.items()
    ]
    return StatedReading("answer", f"read as “{'; '.join(said)}”", numbers, ends)


def _chain(ranks: Mapping[str, float]) -> str:
    """Return ranks as an answer states them ("age > drinks = dependents")."""
    order = sorted(ranks, key=lambda name: ranks[name])
    words = order[0]
    for before, name in pairwise(order):
        words += (" = " if ranks[before] == ranks[name] else " > ") + name
    return words


def signed_ratings(
    reading: StatedReading, study: Study, metadata: Mapping[str, Any]
) -> dict[str, float]:
    """Return ratings of swings, positive where the end that most people favour is favoured.

    Args:
        reading: An answer to `swings`.
        study: The study; its order of attributes is that of the result.
        metadata: Of the sample: which end was (a) and which (b).
    """
    signed = {}
    for attribute in study.attributes:
        end, rating = reading.ends[attribute.id], reading.numbers[attribute.id]
        liked = end != "none" and metadata[f"end_{end}_{attribute.id}"] == attribute.ends[1]
        signed[attribute.id] = rating if liked else 0.0 - rating
    return signed
