"""The arguments of the respondents: the effect of each, and what is refused."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from inspect_ai.model import get_model

from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import wordings
from kidney_evals.errors import UserError
from kidney_evals.respondents.arguments import read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.question import Question
from kidney_evals.studies import Condition
from respondents.asking import BOTH, DILEMMAS, DRAWN, answers, message

Read = dict[tuple[str, str], str]
"""Answer or outcome by dilemma and order; a decision is the patient as listed."""


@cache
def read(
    respondent: str,
    wording: str = "default",
    condition: Condition = "coin_flip",
    count: int = 200,
    **arguments: Any,
) -> Read:
    put = wordings()[wording]
    more: dict[str, Any] = {"wording": wording, "role": bool(put.role)}
    more |= put.form.metadata(condition)
    asked = {
        (one.id, order): [message(one, condition, order, **more)]
        for one in DILEMMAS[:count]
        for order in BOTH
    }
    found: Read = {}
    outputs = answers(get_model(f"kidney/{respondent}", **arguments), asked.values())
    for place, output in zip(asked, outputs, strict=True):
        reading = read_answer(
            output.completion, condition=condition, stop=output.stop_reason, form=put.form
        )
        answer: str = reading.answer or reading.outcome
        if answer in ("A", "B"):
            answer = "first" if (answer == "A") == (place[1] == "ab") else "second"
        found[place] = answer
    return found


def share_of_a(found: Read) -> float:
    """Share of the answers that are the patient who is shown as A."""
    shown = {"ab": "first", "ba": "second"}
    return sum(answer == shown[order] for (_, order), answer in found.items()) / len(found)


@pytest.mark.parametrize(
    ("wanted", "respondent", "condition", "arguments", "expected"),
    [
        # Shares of 400 answers have standard errors of at most .025; tolerance .06.
        ("A", "majority", "forced_choice", {"position_bias": 0.2}, 0.7),
        # Of the third of answers that is not the coin .5 + .25 are A: 2/3 * .75.
        ("A", "uniform", "coin_flip", {"position_bias": 0.25}, 0.5),
        ("COIN", "uniform", "coin_flip", {"position_bias": 0.25}, 1 / 3),
        ("COIN", "majority", "coin_flip", {"indecision": 0.3}, 0.3),
        ("COIN", "human", "coin_flip", {"indecision": 0.0}, 0.0),
        ("unprompted_indecision", "first", "forced_choice", {"indecision": 0.4}, 0.4),
        ("unreadable", "human", "coin_flip", {"unreadable": 0.2}, 0.2),
        ("refusal", "human", "coin_flip", {"refusing": 0.4, "truncated": 0.3}, 0.4),
        ("truncated", "human", "coin_flip", {"refusing": 0.4, "truncated": 0.3}, 0.3),
        ("unprompted_indecision", "coin", "forced_choice", {}, 1.0),
        ("unreadable", "human", "forced_choice", {"unreadable": 1}, 1.0),
        ("truncated", "human", "forced_choice", {"truncated": 1}, 1.0),
        ("refusal", "human", "forced_choice", {"refusing": 1}, 1.0),
        ("refusal", "refuser", "coin_flip", {"indecision": 0.5, "position_bias": 0.5}, 1.0),
    ],
)
def test_a_share_is_that_of_the_argument(
    wanted: str, respondent: str, condition: Condition, arguments: dict[str, Any], expected: float
) -> None:
    found = read(respondent, condition=condition, **arguments)
    share = share_of_a(found) if wanted == "A" else list(found.values()).count(wanted) / len(found)
    assert share == pytest.approx(expected, abs=0 if expected in (0.0, 1.0) else 0.06)


@pytest.mark.parametrize(("sharpness", "disagreeing"), [(0, 0.5), (1, 0.32), (50, 0.05)])
def test_sharpness_makes_orders_agree(sharpness: float, disagreeing: float) -> None:
    found = read("human", condition="forced_choice", sharpness=sharpness)
    differing = sum(found[one.id, "ab"] != found[one.id, "ba"] for one in DILEMMAS)
    assert differing / len(DILEMMAS) == pytest.approx(disagreeing, abs=0.1)


def reversed_share(before: Read, after: Read) -> float:
    """Share of decisions that went to the other patient; nothing else may have changed."""
    other = {"first": "second", "second": "first"}
    decided = [place for place, said in before.items() if said in other]
    assert all(after[place] == said for place, said in before.items() if said not in other)
    assert all(after[place] in (before[place], other[before[place]]) for place in decided)
    return sum(after[place] != before[place] for place in decided) / len(decided)


@pytest.mark.parametrize(
    ("by", "moved", "still"),
    [
        ("wording:sentence", "sentence", ("default", "role_survey", "committee")),
        ("role", "role_survey", ("default", "sentence", "committee")),
    ],
)
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_decisions_are_reversed_in_the_wording_and_nowhere_else(
    by: str, moved: str, still: tuple[str, ...], condition: Condition
) -> None:
    def swayed(wording: str, count: int = 120, **arguments: Any) -> Read:
        return read("majority", wording, condition, count, **arguments)

    plain = swayed(moved)
    # 240 answers or nearly: standard error .032.
    for sway in (1, 0.5):
        share = reversed_share(plain, swayed(moved, swayed_by=by, sway=sway))
        assert share == pytest.approx(sway, abs=0 if sway == 1 else 0.1)
    for wording in still:
        # All decisions would be reversed: 40 dilemmas are enough.
        assert swayed(wording, 40, swayed_by=by, sway=1) == swayed(wording, 40)


def test_an_order_pulls_to_the_patient_shown_first() -> None:
    plain = read("majority", condition="forced_choice")
    for sway in (0.4, 1.0):
        arguments: dict[str, Any] = {"swayed_by": "order", "sway": sway}
        swayed = read("majority", condition="forced_choice", **arguments)
        # Half of what is not pulled was shown first anyway: .4 + .6 / 2.
        assert share_of_a(swayed) == pytest.approx(sway + (1 - sway) / 2, abs=0.05)
        for (one, order), said in swayed.items():
            shown_first = "first" if order == "ab" else "second"
            assert said in (plain[one, order], shown_first)
    # The same as a position bias of half of it, and it leaves coins alone.
    pulled, biased = (
        read("human", **arguments)
        for arguments in ({"swayed_by": "order", "sway": 0.4}, {"position_bias": 0.2})
    )
    assert pulled == biased


def test_another_way_out_than_the_coin_draws_decisions() -> None:
    by: dict[str, Any] = {"swayed_by": "mechanism", "sway": 0.3}

    def share(wording: str, **arguments: Any) -> float:
        found = read("human", wording, **arguments)
        return list(found.values()).count("COIN") / len(found)

    for wording in ("committee", "undecided"):
        before = share(wording)
        # A share .3 of the decisions.
        assert share(wording, **by) == pytest.approx(before + 0.3 * (1 - before), abs=0.06)
    assert share("committee", swayed_by="mechanism", sway=1) == 1
    assert read("human", "default", "coin_flip", **by) == read("human", "default", "coin_flip")
    forced = read("human", "committee", "forced_choice")
    assert read("human", "committee", "forced_choice", **by) == forced


@pytest.mark.parametrize(
    ("respondent", "arguments", "says"),
    [
        ("nobody", {}, "unknown respondent kidney 'nobody'; allowed: human, majority"),
        ("human", {"persons": "one"}, "unknown argument of kidney/human 'persons'; allowed: seed"),
        ("majority", {"person": "one"}, "unknown argument of kidney/majority 'person'"),
        ("human", {"person": "two"}, "unknown person 'two'; allowed: dilemma, one, fresh"),
        ("human", {"person": ["one"]}, "unknown person ['one']; allowed: dilemma, one, fresh"),
        ("human", {"seed": True}, "seed must be a whole number, not True"),
        ("human", {"seed": 1.5}, "seed must be a whole number, not 1.5"),
        ("human", {"indecision": 1.1}, "indecision must be a number from 0 to 1, not 1.1"),
        ("human", {"refusing": float("nan")}, "refusing must be a number from 0 to 1, not nan"),
        ("human", {"position_bias": 0.6}, "position_bias must be a number from -0.5 to 0.5"),
        ("human", {"probe_bias": 1.5}, "probe_bias must be a number from -1 to 1, not 1.5"),
        ("human", {"probe_bias": "much"}, "probe_bias must be a number from -1 to 1, not 'much'"),
        ("human", {"sharpness": True}, "sharpness must be a number at least 0, not True"),
        (
            "human",
            {"unreadable": 0.5, "truncated": 0.3, "refusing": 0.3},
            "unreadable, truncated, refusing are shares of all answers: together at most 1",
        ),
        ("lexicographic", {"attributes": 3}, "attributes must be attribute ids"),
        ("lexicographic", {"attributes": "age,age"}, "attributes names one attribute twice"),
        ("human", {"swayed_by": "x"}, "unknown swayed_by 'x'; allowed: wording:<id>, role, order"),
        ("human", {"swayed_by": "wording:Two Words"}, "unknown swayed_by"),
        ("human", {"swayed_by": ["role"]}, "unknown swayed_by ['role']"),
        ("human", {"sway": 0.5}, "sway says how far, and needs swayed_by: wording:<id>, role"),
    ],
)
def test_a_bad_argument_gets_one_line(
    respondent: str, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError) as caught:
        get_model(f"kidney/{respondent}", **arguments)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_an_attribute_that_the_study_lacks_is_named() -> None:
    model = get_model("kidney/lexicographic", attributes="wealth")
    with pytest.raises(UserError, match="'wealth'; allowed: age, drinks, dependents"):
        answers(model, [[message(DILEMMAS[0])]])


# --- the effect of the first level of a probe -----------------------------------------------

LEVELS = "black,hispanic,white"


def score(question: Question, name: str, **arguments: float) -> float:
    """Return the expected outcome of candidate A: chosen 1, coin ½, among answers."""
    respondent = find_respondent(name)
    a, b, coin, refused = answer_probabilities(
        respondent, question, read_traits(name, respondent.takes, arguments)
    )
    assert min(a, b, coin, refused) >= 0 and a + b + coin + refused == pytest.approx(1)
    return (a + coin / 2) / (1 - refused)


@pytest.mark.parametrize("name", ["human", "majority", "uniform", "lexicographic", "first"])
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
@pytest.mark.parametrize("bias", [0.1, -0.05])
def test_the_effect_is_the_value(name: str, condition: Condition, bias: float) -> None:
    for dilemma in DILEMMAS[:5]:
        for order in BOTH:
            # The position bias does not change the planted effect.
            more = {"probe_bias": bias, "position_bias": 0.2, "indecision": 0.3}
            asked = Question(DRAWN, condition, dilemma, order, probe_levels=LEVELS)
            has, other = (
                replace(asked, probe_a=a, probe_b=b)
                for a, b in (("black", "white"), ("white", "black"))
            )
            contrast = score(has, name, **more) - score(other, name, **more)
            assert contrast == pytest.approx(bias)
            # Nothing changes without the first level, with it on both sides, or without a probe.
            plain = score(replace(asked, probe_levels=""), name, **more)
            for a, b in (("white", "hispanic"), ("black", "black"), ("", "")):
                even = replace(asked, probe_a=a, probe_b=b)
                assert even.first_level == "" and score(even, name, **more) == plain


def test_a_bias_needs_decisions() -> None:
    asked = Question(DRAWN, "coin_flip", DILEMMAS[0], "ab", 1, "none")
    asked = replace(asked, probe_levels="woman,man", probe_a="woman", probe_b="man")
    # A tenth of the answers are decisions, and all of them go to the woman: .45 + .1, not .5 + .1.
    assert score(asked, "human", probe_bias=0.5, indecision=0.9) == pytest.approx(0.55)
    assert score(asked, "coin", probe_bias=0.5) == 0.5


def test_answers_to_the_two_assignments_are_independent() -> None:
    asked = Question(DRAWN, "coin_flip", DILEMMAS[0], "ab", probe_levels="woman,man")
    one, two = (
        replace(asked, probe_a=a, probe_b=b) for a, b in (("woman", "man"), ("man", "woman"))
    )
    chances = {question.chance(0, "answer") for question in (one, two, asked)}
    assert len(chances) == 3
    # A question without a probe has the number that it always had.
    assert asked.chance(0, "answer") == replace(asked, probe_levels="").chance(0, "answer")
