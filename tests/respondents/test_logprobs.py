"""Log-probabilities and limits, as a readout of answer probabilities relies on them."""

from typing import Any

import pytest
from inspect_ai.model import get_model

from kidney_evals.studies import Condition, Dilemma, Study
from respondents.asking import answers, message, options, tokens

Dilemmas = tuple[Dilemma, ...]


@pytest.mark.parametrize(
    ("condition", "words"), [("forced_choice", {"A", "B"}), ("coin_flip", {"A", "B", "COIN"})]
)
def test_the_answer_token_has_every_option(
    drawn: Study, dilemmas: Dilemmas, condition: Condition, words: set[str]
) -> None:
    for explain in ("none", "before", "after"):
        put = [[message(drawn, one, condition, explain=explain)] for one in dilemmas[:10]]
        for output in answers(get_model("kidney/uniform"), put, logprobs=True, top_logprobs=5):
            assert "".join(token.token for token in tokens(output)) == output.completion
            [answer] = [token for token in tokens(output) if len(token.top_logprobs or ()) > 1]
            assert output.completion.split("ANSWER: ")[1].split()[0] == answer.token.strip()
            assert options(answer) == pytest.approx(dict.fromkeys(words, 1 / len(words)))


def test_probabilities_are_those_of_the_arguments(drawn: Study, dilemmas: Dilemmas) -> None:
    put = [[message(drawn, dilemmas[0])]]
    model = get_model("kidney/first", indecision=0.2, position_bias=-0.25)
    [output] = answers(model, put, logprobs=True, top_logprobs=3)
    found = options(tokens(output)[-1])
    # The coin .2; of the other .8 half is B regardless, and the rest is A.
    assert found == pytest.approx({"COIN": 0.2, "A": 0.4, "B": 0.4})
    assert list(found.values()) == sorted(found.values(), reverse=True)
    # An answer that is never given has a finite log-probability.
    [output] = answers(get_model("kidney/first"), put, logprobs=True, top_logprobs=3)
    assert next(iter(options(tokens(output)[-1]))) == "A"
    assert all(0 < share <= 1 for share in options(tokens(output)[-1]).values())


def test_only_requested_alternatives_are_given(drawn: Study, dilemmas: Dilemmas) -> None:
    put = [[message(drawn, dilemmas[0])]]
    model = get_model("kidney/uniform")
    assert answers(model, put)[0].choices[0].logprobs is None
    [plain] = answers(model, put, logprobs=True)
    assert all(token.top_logprobs is None for token in tokens(plain))
    [two] = answers(model, put, logprobs=True, top_logprobs=2)
    assert len(options(tokens(two)[-1])) == 2
    # A reply without an answer has no alternatives.
    put = [[message(drawn, one, "forced_choice")] for one in dilemmas[:5]]
    for respondent in ("coin", "refuser"):
        model = get_model(f"kidney/{respondent}")
        for output in answers(model, put, logprobs=True, top_logprobs=3):
            assert all(len(token.top_logprobs or ()) == 1 for token in tokens(output))


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        ({"labels": "1/2"}, {"1", "2", "COIN"}),
        ({"language": "de"}, {"A", "B", "MÜNZE"}),
        ({"mechanism": "list"}, {"A", "B", "LIST"}),
    ],
)
def test_the_form_changes_the_words_and_no_probability(
    carried: dict[str, Any], words: set[str], drawn: Study, dilemmas: Dilemmas
) -> None:
    put = [[message(drawn, dilemmas[0], **more)] for more in (carried, {})]
    formed, usual = (
        next(options(token) for token in tokens(output) if len(token.top_logprobs or []) == 3)
        for output in answers(get_model("kidney/human"), put, logprobs=True, top_logprobs=5)
    )
    assert formed.keys() == words
    assert sorted(formed.values()) == sorted(usual.values())


def test_a_token_limit_truncates(drawn: Study, dilemmas: Dilemmas) -> None:
    put = [[message(drawn, one, explain="before")] for one in dilemmas[:5]]
    model = get_model("kidney/first")
    for whole, cut in zip(
        answers(model, put), answers(model, put, max_tokens=5, logprobs=True), strict=True
    ):
        assert cut.completion == whole.completion[:20]  # five tokens of four characters
        assert (whole.stop_reason, cut.stop_reason) == ("stop", "max_tokens")
        assert cut.usage is not None and cut.usage.output_tokens == 5
