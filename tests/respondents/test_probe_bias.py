"""The argument `probe_bias`: the effect of the first level that it plants, exactly."""

from dataclasses import replace

import pytest

from kidney_evals.respondents.arguments import read_traits
from kidney_evals.respondents.definitions import answer_probabilities, find_respondent
from kidney_evals.respondents.question import Question
from kidney_evals.studies import Condition
from respondents.asking import BOTH, DILEMMAS, DRAWN

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
