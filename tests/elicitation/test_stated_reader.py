"""Reading what a model says of its values: many ways of saying it, and none that is guessed."""

from collections import Counter
from typing import Any

import pytest

from elicitation.cases import STUDY, asked, told
from kidney_evals.elicitation.reading import read_stated, signed_ratings, stated_question
from kidney_evals.elicitation.stated_questions import (
    STATED_KINDS,
    render_stated,
    shown_ends,
    stated_metadata,
    stated_wordings,
)
from kidney_evals.studies import load_study, study_names

DATA = told("stated")


def test_ratings_however_they_are_written() -> None:
    for text in DATA["swings"]:
        read = read_stated(text, asked("swings_matter"))
        assert read.outcome == "answer", (text, read.how)
        assert dict(read.numbers) == {"age": 60, "drinks": 40, "dependents": 20}, text
        assert dict(read.ends) == {"age": "a", "drinks": "b", "dependents": "b"}, text


def test_what_is_no_answer_has_its_reason() -> None:
    for outcome, text, *stop in DATA["not_swings"]:
        read = read_stated(text, asked("swings_matter"), stop=stop[0] if stop else "stop")
        assert (read.outcome, dict(read.numbers), read.rule) == (outcome, {}, ""), (text, read.how)


def test_nothing_and_everything_can_be_said() -> None:
    for said, age, end in [
        *(("none:0", 0, "none"), ("0", 0, "none"), ("b:0", 0, "b")),
        *(("a:100", 100, "a"), ("a:62,5", 62.5, "a")),
    ]:
        line = f"ANSWER: age={said}; drinks=b:40; dependents=b:20"
        read = read_stated(line, asked("swings_matter"))
        assert (read.outcome, read.numbers["age"], read.ends["age"]) == ("answer", age, end)


@pytest.mark.parametrize(
    ("study", "line", "ends"),
    [
        # Ends in words of other studies, one of them "none", one with numbers and brackets.
        (
            "freedman_2020",
            "age=70 years:60; drinking=5 drinks a day:40; cancer=skin cancer in remission:20",
            "bab",
        ),
        (
            "boerstler_2024",
            "elderly=b:1; years gained=a:8; obesity=0 on a scale from 0 (none) to 4 (severe):2; "
            "hours=b:0; waiting=1 year:3",
            "baaba",
        ),
    ],
)
def test_ends_in_the_words_of_any_study(study: str, line: str, ends: str) -> None:
    read = read_stated(f"ANSWER: {line}", asked("swings_matter", study))
    assert read.outcome == "answer", read.how
    assert "".join(read.ends[name] for name in load_study(study).attribute_ids) == ends


@pytest.mark.parametrize("wording", ["ranking_count", "rule_follow", "flip_would"])
def test_other_questions(wording: str) -> None:
    question = asked(wording)
    for expected, text in DATA[question.kind]:
        read = read_stated(text, question)
        found: Any = [read.numbers[one] for one in question.names] if read.numbers else read.rule
        assert (found or read.outcome) == expected, (text, read.how)


def test_the_sign_is_toward_whom_people_favour_whatever_the_ends_are_called() -> None:
    # People favour the young, few drinks, many dependents: in words always the same answer.
    line = "ANSWER: age=25 years:60; drinks=5 drinks a day:40; dependents=2 children:20"
    for wording in stated_wordings().values():
        if wording.kind == "swings":
            metadata = stated_metadata(wording, STUDY)
            read = read_stated(line, stated_question(metadata, STUDY))
            signed = signed_ratings(read, STUDY, metadata)
            assert signed == {"age": 60, "drinks": -40, "dependents": 20}


@pytest.mark.parametrize("study", study_names())
def test_no_question_reveals_a_direction(study: str) -> None:
    loaded = load_study(study)
    seen: Counter[tuple[str, str, str]] = Counter()
    places: Counter[tuple[str, str]] = Counter()
    for wording in stated_wordings().values():
        text, _ = render_stated(wording, loaded)
        for attribute in loaded.attributes:
            assert attribute.favoured_text not in text
            low, high = (attribute.describe(end) for end in (attribute.low, attribute.high))
            assert low in text and high in text and attribute.label in text
        for place, (name, (a, _)) in enumerate(shown_ends(wording, loaded).items()):
            end = "low" if a == loaded.attributes[loaded.attribute_ids.index(name)].low else "high"
            seen[wording.kind, name, end] += 1
            places[wording.kind, name] += place
    for kind in STATED_KINDS:
        for name in loaded.attribute_ids:
            # Four wordings: each end first in two of them, and the same mean place for all.
            assert seen[kind, name, "low"] == seen[kind, name, "high"] == 2
            assert places[kind, name] == 2 * (len(loaded.attributes) - 1)


def test_options_have_the_same_mean_place_and_another_rule_is_last() -> None:
    for kind, last in (("rule", "other"), ("flip", None)):
        orders = [list(one.options) for one in stated_wordings().values() if one.kind == kind]
        names = [name for name in orders[0] if name != last]
        assert {sum(order.index(name) for order in orders) for name in names} == {8}
        assert {frozenset(order) for order in orders} == {frozenset(orders[0])}
        assert last is None or {order[-1] for order in orders} == {last}
