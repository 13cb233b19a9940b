"""What each simulated respondent answers, and that it does so for ever."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, get_model
from inspect_ai.solver import generate

from kidney_evals.elicitation.reading import Reading, read_answer
from kidney_evals.errors import UserError
from kidney_evals.respondents import describe, respondent_names
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Dilemma,
    Order,
    Patient,
    Study,
    datasets_dir,
    dilemmas_of,
    load_study,
)
from respondents.asking import Ask, answers, message

NAMES = (
    "human",
    "majority",
    "never_flips",
    "uniform",
    "lexicographic",
    "anti_human",
    "first",
    "coin",
    "refuser",
)
BOTH: tuple[Order, ...] = ("ab", "ba")


def dilemma(first: tuple[float, ...], second: tuple[float, ...]) -> Dilemma:
    return Dilemma("x", Patient(first), Patient(second), "drawn")


# Age, drinks a day, dependents.
CLEAR = dilemma((25, 1, 2), (70, 5, 0))
TORN = dilemma((30, 5, 1), (60, 1, 1))
SAME = dilemma((40, 2, 1), (40, 2, 1))


def read(ask: Ask, respondent: str, study: Study, put: Dilemma, **how: Any) -> Reading:
    output = ask(respondent, study, put, **how)
    condition = how.get("condition", "coin_flip")
    assert condition in CONDITIONS
    return read_answer(output.completion, condition=condition, stop=output.stop_reason)


@pytest.mark.parametrize(
    ("respondent", "put", "condition", "arguments", "ab", "ba"),
    [
        ("majority", CLEAR, "coin_flip", {}, "A", "B"),
        ("majority", CLEAR, "forced_choice", {}, "A", "B"),
        ("first", CLEAR, "coin_flip", {}, "A", "A"),
        ("coin", CLEAR, "coin_flip", {}, "COIN", "COIN"),
        # Better on the first attribute that differs: age, then drinks.
        ("lexicographic", TORN, "coin_flip", {}, "A", "B"),
        ("lexicographic", TORN, "coin_flip", {"attributes": "drinks"}, "B", "A"),
        ("lexicographic", TORN, "coin_flip", {"attributes": ["drinks", "age"]}, "B", "A"),
        # Dependents tie and age comes next.
        ("lexicographic", TORN, "coin_flip", {"attributes": "dependents, age"}, "A", "B"),
        ("lexicographic", TORN, "coin_flip", {"attributes": "dependents"}, "COIN", "COIN"),
        ("lexicographic", SAME, "coin_flip", {}, "COIN", "COIN"),
        ("lexicographic", SAME, "forced_choice", {}, "A", "A"),
        # Ten times sharper than odds of more than 10 to 1: never the other way round.
        ("human", CLEAR, "forced_choice", {"sharpness": 10, "person": "fresh"}, "A", "B"),
        ("anti_human", CLEAR, "forced_choice", {"sharpness": 10}, "B", "A"),
        ("uniform", CLEAR, "coin_flip", {"indecision": 1}, "COIN", "COIN"),
        ("uniform", CLEAR, "forced_choice", {"position_bias": 0.5}, "A", "A"),
        ("majority", CLEAR, "forced_choice", {"position_bias": -0.5}, "B", "B"),
    ],
)
def test_answers_are_read_as_meant(
    ask: Ask,
    drawn: Study,
    respondent: str,
    put: Dilemma,
    condition: Condition,
    arguments: dict[str, Any],
    ab: str,
    ba: str,
) -> None:
    for explain in ("none", "before", "after"):
        for order, expected in zip(BOTH, (ab, ba), strict=True):
            how = {"condition": condition, "order": order, "explain": explain, **arguments}
            reading = read(ask, respondent, drawn, put, **how)
            assert (reading.outcome, reading.answer) == ("decision", expected), reading.how


@pytest.mark.parametrize(
    ("respondent", "arguments", "outcome"),
    [
        ("coin", {}, "unprompted_indecision"),
        ("majority", {"indecision": 1}, "unprompted_indecision"),
        ("refuser", {}, "refusal"),
        ("human", {"refusing": 1}, "refusal"),
        ("human", {"truncated": 1}, "truncated"),
        ("human", {"unreadable": 1}, "unreadable"),
    ],
)
def test_what_is_no_decision_is_read_as_what_it_is(
    drawn: Study, respondent: str, arguments: dict[str, Any], outcome: str
) -> None:
    stops, texts = set(), set()
    put = [[message(drawn, CLEAR, "forced_choice", epoch=epoch)] for epoch in range(1, 13)]
    for output in answers(get_model(f"kidney/{respondent}", **arguments), put):
        reading = read_answer(output.completion, condition="forced_choice", stop=output.stop_reason)
        assert reading.outcome == outcome
        stops.add(output.stop_reason)
        texts.add(output.completion)
    assert len(texts) > 1
    expected = {"refusal": {"stop", "content_filter"}, "truncated": {"max_tokens"}}
    assert stops == expected.get(outcome, {"stop"})


@pytest.mark.parametrize("study_name", ["mcelfresh_2021", "mcelfresh_2021_fixed"])
def test_every_text_of_a_person_is_a_decision(study_name: str) -> None:
    study = load_study(study_name)
    for condition in CONDITIONS:
        for explain in ("none", "before", "after"):
            put = [
                message(study, one, condition, order, epoch, explain)
                for one in (*dilemmas_of(study, 14, None), *study.control_block)
                for order in BOTH
                for epoch in (1, 2)
            ]
            outputs = answers(get_model("kidney/human"), ([one] for one in put))
            texts = [output.completion for output in outputs]
            for text in texts:
                assert read_answer(text, condition=condition).outcome == "decision", text
            assert len(set(texts)) > 4


def test_the_same_question_has_one_answer(drawn: Study, dilemmas: tuple[Dilemma, ...]) -> None:
    put = [[message(drawn, one, order=order)] for one in dilemmas[:20] for order in BOTH]
    texts = [output.completion for output in answers(get_model("kidney/human"), put)]
    backwards = answers(get_model("kidney/human", memoize=False), put[::-1])
    assert [output.completion for output in reversed(backwards)] == texts
    other = [output.completion for output in answers(get_model("kidney/human", seed=1), put)]
    assert other != texts
    again = [[message(drawn, one, order=order, epoch=2)] for one in dilemmas[:20] for order in BOTH]
    assert [output.completion for output in answers(get_model("kidney/human"), again)] != texts


def test_another_study_text_gives_other_answers(tmp_path: Path, drawn: Study) -> None:
    def flipped(study: Study) -> list[str]:
        put = [[message(study, one)] for one in dilemmas_of(study, 40, None)]
        return [output.completion for output in answers(get_model("kidney/uniform"), put)]

    shutil.copytree(datasets_dir() / "mcelfresh_2021", tmp_path / "mine")
    assert flipped(load_study(tmp_path / "mine")) == flipped(drawn)
    description = tmp_path / "mine" / "study.yaml"
    description.write_text(description.read_text() + "\n# changed\n")
    assert flipped(load_study(tmp_path / "mine")) != flipped(drawn)


def test_a_repeated_question_belongs_to_the_same_dilemma(drawn: Study) -> None:
    model = get_model("kidney/first", unreadable=0.5)
    repeat = ChatMessageUser(content="Please end with a line ANSWER: A or ANSWER: B.")

    def outcomes(*later: ChatMessageAssistant | ChatMessageUser) -> list[str]:
        put = [[message(drawn, TORN, "forced_choice", epoch=n), *later] for n in range(1, 201)]
        return [
            read_answer(output.completion, condition="forced_choice").outcome
            for output in answers(model, put)
        ]

    first = outcomes()
    second = outcomes(ChatMessageAssistant(content="Hm."), repeat)
    # A share of .5 of 200 has a standard error of .035.
    for readings in (first, second):
        assert 0.4 < readings.count("unreadable") / 200 < 0.6
    still = sum(a == b == "unreadable" for a, b in zip(first, second, strict=True))
    assert 0.15 < still / 200 < 0.35  # drawn anew: .5 · .5


def test_outputs_count_tokens(ask: Ask, drawn: Study) -> None:
    output = ask("human", drawn, CLEAR)
    usage = output.usage
    assert usage is not None
    # "Who should receive the kidney?" has 30 characters, four to a token.
    assert usage.input_tokens == 8
    assert usage.output_tokens == -(-len(output.completion) // 4)
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens


def test_a_prompt_without_a_dilemma_is_refused_in_one_line() -> None:
    model = get_model("kidney/human")
    with pytest.raises(UserError, match="kidney_evals/forced_choice") as caught:
        asyncio.run(model.generate("Hello"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("respondent", ["human", "majority", "anti_human"])
def test_nobody_is_imitated_where_nobody_was_asked(ask: Ask, respondent: str) -> None:
    study = load_study("freedman_2020")
    put = dilemmas_of(study, 1, None)[0]
    with pytest.raises(UserError, match=r"no answers of people .* coin_flip"):
        ask(respondent, study, put)
    assert ask(respondent, study, put, condition="forced_choice").completion
    assert read(ask, "never_flips", study, put).answer in ("A", "B")


def test_every_respondent_is_documented() -> None:
    assert respondent_names() == NAMES
    described = describe()
    for name in NAMES:
        assert f"## kidney/{name}\n" in described


def test_an_answer_takes_less_than_a_millisecond(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    put = [[message(drawn, one, order=order)] for one in dilemmas for order in BOTH]
    model = get_model("kidney/human")
    answers(model, put)  # warm
    spent = []
    for _ in range(3):
        start = time.process_time()
        answers(model, put)
        spent.append(time.process_time() - start)
    assert min(spent) / len(put) < 1e-3


def test_a_run_of_a_task_gives_the_same_answers(
    tmp_path: Path, drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    put = [[message(drawn, one, order=order)] for one in dilemmas[:5] for order in BOTH]
    [log] = evaluate(
        Task(dataset=[Sample(input=[*one]) for one in put], solver=generate()),
        model="kidney/human",
        model_args={"person": "fresh", "seed": 3},
        log_dir=str(tmp_path),
    )
    assert log.status == "success" and log.samples is not None
    assert log.eval.model_args == {"person": "fresh", "seed": 3}
    alone = answers(get_model("kidney/human", person="fresh", seed=3), put)
    samples = sorted(log.samples, key=lambda sample: int(sample.id))
    assert [sample.output.completion for sample in samples] == [one.completion for one in alone]
