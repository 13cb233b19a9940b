"""The arguments of the respondents: what each does, and what is refused."""

from typing import Any

import pytest
from inspect_ai.model import get_model

from kidney_evals.elicitation.reading import read_answer
from kidney_evals.errors import UserError
from kidney_evals.studies import Condition, Dilemma, Study
from respondents.asking import answers, message


def share(
    study: Study,
    dilemmas: tuple[Dilemma, ...],
    wanted: str,
    respondent: str,
    condition: Condition = "coin_flip",
    **arguments: Any,
) -> float:
    """Share of answers (A, B, COIN) or outcomes over both orders of 200 dilemmas."""
    put = [[message(study, one, condition, order)] for one in dilemmas for order in ("ab", "ba")]
    found: list[str] = []
    for output in answers(get_model(f"kidney/{respondent}", **arguments), put):
        reading = read_answer(output.completion, condition=condition, stop=output.stop_reason)
        found.append(reading.answer or reading.outcome)
    return found.count(wanted) / len(found)


@pytest.mark.parametrize(
    ("wanted", "respondent", "condition", "arguments", "expected"),
    [
        # Shares of 400 answers have standard errors of at most .025; tolerance .06.
        ("A", "majority", "forced_choice", {"position_bias": 0.2}, 0.7),
        ("A", "uniform", "forced_choice", {"position_bias": -0.3}, 0.2),
        # Of the third of answers that is not the coin .5 + .25 are A: 2/3 * .75.
        ("A", "uniform", "coin_flip", {"position_bias": 0.25}, 0.5),
        ("COIN", "uniform", "coin_flip", {"position_bias": 0.25}, 1 / 3),
        ("COIN", "majority", "coin_flip", {"indecision": 0.3}, 0.3),
        ("COIN", "human", "coin_flip", {"indecision": 0.0}, 0.0),
        ("COIN", "coin", "coin_flip", {"indecision": 0.5}, 0.5),
        ("unprompted_indecision", "first", "forced_choice", {"indecision": 0.4}, 0.4),
        ("unreadable", "human", "coin_flip", {"unreadable": 0.2}, 0.2),
        ("truncated", "human", "coin_flip", {"truncated": 0.3}, 0.3),
        ("refusal", "human", "coin_flip", {"refusing": 0.4, "truncated": 0.3}, 0.4),
        ("truncated", "human", "coin_flip", {"refusing": 0.4, "truncated": 0.3}, 0.3),
        ("refusal", "refuser", "coin_flip", {"indecision": 0.5, "position_bias": 0.5}, 1.0),
    ],
)
def test_a_share_is_what_was_asked_for(
    drawn: Study,
    dilemmas: tuple[Dilemma, ...],
    wanted: str,
    respondent: str,
    condition: Condition,
    arguments: dict[str, Any],
    expected: float,
) -> None:
    found = share(drawn, dilemmas, wanted, respondent, condition, **arguments)
    exact = expected in (0.0, 1.0)
    assert found == pytest.approx(expected, abs=0 if exact else 0.06)


@pytest.mark.parametrize(("sharpness", "disagreeing"), [(0, 0.5), (1, 0.32), (50, 0.05)])
def test_sharpness_makes_orders_agree(
    drawn: Study, dilemmas: tuple[Dilemma, ...], sharpness: float, disagreeing: float
) -> None:
    model = get_model("kidney/human", person="fresh", sharpness=sharpness)
    pairs = []
    for order in ("ab", "ba"):
        put = [[message(drawn, one, "forced_choice", order)] for one in dilemmas]
        pairs.append([output.completion[-1] for output in answers(model, put)])
    # The same letter in both orders is another patient.
    same = sum(a == b for a, b in zip(*pairs, strict=True)) / len(dilemmas)
    assert same == pytest.approx(disagreeing, abs=0.1)


@pytest.mark.parametrize(
    ("respondent", "arguments", "message"),
    [
        ("nobody", {}, "unknown respondent kidney 'nobody'; allowed: human, majority"),
        ("human", {"persons": "one"}, "unknown argument of kidney/human 'persons'; allowed: seed"),
        ("human", {"attributes": "age"}, "unknown argument of kidney/human 'attributes'"),
        ("majority", {"person": "one"}, "unknown argument of kidney/majority 'person'"),
        ("human", {"person": "two"}, "unknown person 'two'; allowed: dilemma, one, fresh"),
        ("human", {"person": ["one"]}, "unknown person ['one']; allowed: dilemma, one, fresh"),
        ("human", {"seed": 1.5}, "seed must be a whole number, not 1.5"),
        ("human", {"seed": True}, "seed must be a whole number, not True"),
        ("human", {"indecision": 1.1}, "indecision must be a number from 0 to 1, not 1.1"),
        ("human", {"unreadable": -0.1}, "unreadable must be a number from 0 to 1, not -0.1"),
        ("human", {"truncated": "half"}, "truncated must be a number from 0 to 1, not 'half'"),
        ("human", {"refusing": float("nan")}, "refusing must be a number from 0 to 1, not nan"),
        ("human", {"position_bias": 0.6}, "position_bias must be a number from -0.5 to 0.5"),
        ("human", {"sharpness": -1}, "sharpness must be a number at least 0, not -1"),
        ("human", {"sharpness": True}, "sharpness must be a number at least 0, not True"),
        (
            "human",
            {"unreadable": 0.5, "truncated": 0.3, "refusing": 0.3},
            "unreadable, truncated, refusing are shares of all answers: together at most 1",
        ),
        ("lexicographic", {"attributes": 3}, "attributes must be attribute ids"),
        ("lexicographic", {"attributes": "age,age"}, "attributes names one attribute twice"),
    ],
)
def test_a_bad_argument_gets_one_line(
    respondent: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        get_model(f"kidney/{respondent}", **arguments)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_attribute_that_the_study_lacks_is_named(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    model = get_model("kidney/lexicographic", attributes="wealth")
    with pytest.raises(UserError, match="'wealth'; allowed: age, drinks, dependents"):
        answers(model, [[message(drawn, dilemmas[0])]])
