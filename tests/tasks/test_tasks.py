"""The tasks as a user meets them: the samples, their order, and refused arguments."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task

from kidney_evals.cli.plan import task_arguments
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import dilemmas_of, load_study
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from study_folders import copied
from tasks.running import meta, refused


@pytest.mark.parametrize(
    ("task", "key", "values", "size"),
    [
        (coin_flip(dilemmas=20), "order", ("ab", "ba"), 40),
        (predict_people(drawn=3), "order", ("ab", "ba"), 28),
        (stated_values(), "question", ("swings", "ranking", "rule", "flip"), 16),
    ],
)
def test_any_prefix_is_balanced(task: Task, key: str, values: tuple[str, ...], size: int) -> None:
    found = [meta(sample)[key] for sample in task.dataset]
    for end in range(1, size + 1):
        counts = [found[:end].count(value) for value in values]
        assert max(counts) - min(counts) <= 1 and sum(counts) == end
    assert len({sample.id for sample in task.dataset}) == len(task.dataset)


def test_controls_come_last() -> None:
    kinds = [meta(sample)["kind"] for sample in coin_flip(dilemmas=20).dataset]
    assert kinds[:40] == ["drawn"] * 40 and set(kinds[40:]) == {"dominance", "identical"}


def test_a_sample_explains_itself() -> None:
    study = load_study("mcelfresh_2021")
    dilemma = dilemmas_of(study, 1, None)[0]
    reference = load_reference(study, "coin_flip")
    first, second, coin = reference.shares([dilemma])[0].round(4).tolist()
    for sample in coin_flip(dilemmas=1, controls=False, system_prompt="Be brief.").dataset:
        metadata = meta(sample)
        # The other order shows the same patients the other way round.
        a, b = (first, second) if metadata["order"] == "ab" else (second, first)
        people = {"A": a, "B": b, "COIN": coin}
        assert [metadata[f"human_{name.lower()}"] for name in people] == list(people.values())
        assert sample.target == f"most people: {max(people, key=lambda name: people[name])}"
        assert sample.id == study.sample_id(dilemma, metadata["order"])
        assert metadata["study"] == "mcelfresh_2021" and metadata["condition"] == "coin_flip"
        assert metadata["canary"] == study.canary
        assert metadata["reference"] == f"{reference.version}+{reference.sha256}"
        assert study.dilemma_from(metadata) == dilemma
        assert all(not isinstance(value, (dict, list)) for value in metadata.values())
        assert [message.role for message in sample.input] == ["system", "user"]  # type: ignore[union-attr]


def test_without_people_a_sample_has_no_target() -> None:
    for sample in coin_flip(study="freedman_2020").dataset:
        assert sample.target == "nobody was asked" and "human_a" not in meta(sample)


Tasks = tuple[Callable[..., Any], ...]
TWO: dict[str, Any] = {"crossed": True, "wording": ["default", "survey_text"]}
PRECISION = "precision must be a number above 0 and below 0.5, not "
REFUSED: dict[Tasks, list[tuple[dict[str, Any], str]]] = {
    (coin_flip, forced_choice): [
        ({"study": "kidneys"}, "unknown study 'kidneys'; allowed: mcelfresh_2021, "),
        ({"dilemas": 50}, "unknown parameter 'dilemas'; allowed: study, dilemmas, "),
        ({"dilemmas": 0}, "dilemmas must be a whole number from 1 to"),
        ({"orders": "both ways"}, "unknown orders 'both ways'; allowed: both, random, as_listed"),
        ({"explain": "during"}, "unknown explain 'during'; allowed: none, before, after"),
        ({"channel": "xml"}, "unknown channel 'xml'; allowed: text, json, tool"),
        ({"controls": "yes please"}, "controls must be true or false"),
        ({"draw_seed": "seven"}, "draw_seed must be a whole number"),
        ({"system_prompt": ""}, "system_prompt must be a text"),
        ({"study": "freedman_2020", "draw_seed": 1}, "takes no draw_seed"),
        ({"readout": "logits"}, "unknown readout 'logits'"),
        ({"readout": "logprobs", "explain": "before"}, "needs explain=none, not before"),
        ({"readout": "logprobs", "channel": "json"}, "needs channel=text, not json"),
        ({"readout": "logprobs", "precision": 0.05}, "precision counts sampled answers"),
        ({"readout": "sample", "examples": 3}, "examples need readout=prefill, not sample"),
        ({"readout": "logprobs", "examples": 3}, "examples need readout=prefill, not logprobs"),
        ({"precision": 0}, f"{PRECISION}0"),
        ({"precision": float("nan")}, f"{PRECISION}nan"),
        ({"precision": True}, f"{PRECISION}True"),
        ({"precision": "high"}, f"{PRECISION}'high'"),
        ({"precision": 0.05, "study": "freedman_2020"}, "'freedman_2020' is a fixed list"),
        ({"precision": 0.05, "dilemmas": 50}, "ask for more than 50 dilemmas"),
    ],
    # Flips need no swap.
    (forced_choice,): [({"precision": 0.05, "orders": "random"}, "needs orders='both'")],
    # Designs that do not identify the parts of the variance.
    (coin_flip,): [
        ({"crossed": True}, "crossed=true needs two wordings or more, not default alone"),
        ({"crossed": True, "wording": "german,french"}, "more than one language"),
        ({"crossed": True, "wording": "default,default"}, "'default' is asked for twice"),
        ({"crossed": True, "wording": "default,undecided"}, "more than one mechanism"),
        ({**TWO, "orders": "random"}, "needs orders=both, not random"),
        ({**TWO, "readout": "logprobs"}, "needs readout=sample, not logprobs"),
        ({**TWO, "precision": 0.05}, "cannot end with precision"),
        ({"crossed": "yes"}, "crossed must be true or false, not 'yes'"),
    ],
    # Arguments that a begun answer does not allow.
    (partial(coin_flip, readout="prefill"),): [
        ({"examples": 4}, "examples must be a multiple of 3 up to 60"),
        ({"examples": 63}, "examples must be a multiple of 3 up to 60"),
        ({"examples": -3}, "examples must be a whole number from 0, not -3"),
        ({"examples": True}, "examples must be a whole number from 0, not True"),
        ({"examples": 3, "study": "freedman_2020"}, "freedman_2020 has a fixed list, which is"),
        ({"explain": "after"}, "readout=prefill reads the answer where the reply begins and needs"),
        ({"channel": "json"}, "readout=prefill reads the answer where the reply begins and needs"),
        ({"precision": 0.05}, "precision counts sampled answers: use it with readout=sample"),
    ],
    (partial(coin_flip, probe="gender"), partial(forced_choice, probe="gender")): [
        ({"orders": "random"}, "probe asks every dilemma in both orders: leave out orders=random"),
        ({"orders": "as_listed"}, "leave out orders=as_listed"),
        (TWO, "probe and crossed=true are two designs"),
        ({"precision": 0.05}, "probe asks all of its design and cannot end with precision"),
        ({"wording": "german"}, "probe 'gender' has words in English only"),
        ({"probe": "sex"}, "unknown probe 'sex'; allowed: gender, "),
    ],
    (predict_people,): [
        (
            {"conditon": "coin_flip"},
            "unknown parameter 'conditon'; allowed: study, condition, drawn",
        ),
        ({"condition": "coin"}, "unknown condition 'coin'; allowed: forced_choice, coin_flip"),
        ({"drawn": -1}, "drawn must be a whole number, 0 for none, not -1"),
        ({"drawn": 2.5}, "drawn must be a whole number"),
        ({"drawn": 10**9}, "drawn must be a whole number from 1 to"),
        ({"drawn": 0, "draw_seed": 3}, "draw_seed says which dilemmas are drawn"),
        ({"orders": "both ways"}, "unknown orders 'both ways'; allowed: both, random, as_listed"),
        ({"revealed": 7}, "revealed must be a text that is not empty, not 7"),
    ],
    (stated_values,): [
        ({"revelaed": "x"}, "unknown parameter 'revelaed'; allowed: study, revealed")
    ],
}


@pytest.mark.parametrize(
    ("tasks", "arguments", "says"),
    [(tasks, *case) for tasks, cases in REFUSED.items() for case in cases],
)
def test_bad_arguments_are_refused_in_one_line(
    tasks: Tasks, arguments: dict[str, Any], says: str
) -> None:
    for task in tasks:
        refused(task, arguments, says)


def test_a_coin_flip_in_random_order_can_end_with_precision() -> None:
    assert coin_flip(precision=0.05, orders="random").early_stopping is not None


def system_messages(task: Any) -> set[str]:
    return {sample.input[0].text for sample in task.dataset}


@pytest.mark.parametrize("task", [coin_flip, stated_values])
@pytest.mark.parametrize(
    "text", ["You are a doctor,be brief , please,", "A, B, or the coin: say one"]
)
def test_a_system_prompt_with_commas(task: Any, text: str) -> None:
    # As `inspect eval -T` reads it; a colon needs quotes, which YAML takes off.
    typed = f'system_prompt="{text}"' if ": " in text else f"system_prompt={text}"
    arguments = task_arguments([typed])
    assert isinstance(arguments["system_prompt"], list)
    assert system_messages(task(**arguments)) == {text}


@pytest.mark.parametrize("typed", ["1.50", "true", "2024-01-01", "Role: a doctor, brief", "[1, 2]"])
def test_a_system_prompt_that_yaml_reads_otherwise_is_refused(typed: str) -> None:
    says = "system_prompt must be a text that is not empty"
    refused(coin_flip, task_arguments([f"system_prompt={typed}"]), says)
    if typed[0] != "[":
        quoted = task_arguments([f'system_prompt="{typed}"'])
        assert system_messages(coin_flip(**quoted)) == {typed}


def test_paths_with_commas(tmp_path: Path) -> None:
    folder = copied("mcelfresh_2021_fixed", tmp_path / "my study, second, version")
    arguments = task_arguments([f"study={folder}"])
    assert len(coin_flip(**arguments).dataset) == 28
    assert len(stated_values(**arguments).dataset) == 16

    missing = tmp_path / "a, b.eval"
    refused(stated_values, task_arguments([f"revealed={missing}"]), f"no log at '{missing}'")
