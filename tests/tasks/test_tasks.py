"""The tasks as a user meets them: the samples, their order, and refused arguments."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval

from answering import saying
from kidney_evals import tasks
from kidney_evals.errors import UserError
from kidney_evals.human.reference import load_reference
from kidney_evals.studies import dilemmas_of, load_study
from kidney_evals.tasks import SUITES, coin_flip, forced_choice
from tasks.running import TASKS, meta, refused, run


@pytest.mark.parametrize(
    ("arguments", "samples"),
    [
        ({}, 200 * 2 + 10),
        ({"dilemmas": 50, "orders": "random"}, 50 + 10),
        ({"dilemmas": 50, "orders": "as_listed", "controls": False}, 50),
        ({"study": "mcelfresh_2021_fixed"}, 14 * 2),
        ({"study": "freedman_2020"}, 28 * 2),
        ({"study": "boerstler_2024"}, 6 * 2),
    ],
)
@pytest.mark.parametrize("name", TASKS)
def test_samples_of_a_run(name: str, arguments: dict[str, Any], samples: int) -> None:
    ids = [sample.id for sample in TASKS[name](**arguments).dataset]
    assert len(ids) == len(set(ids)) == samples


def test_any_prefix_is_balanced_and_controls_come_last() -> None:
    samples = list(coin_flip(dilemmas=20).dataset)
    for size in range(1, 41):
        orders = Counter(meta(sample)["order"] for sample in samples[:size])
        assert abs(orders["ab"] - orders["ba"]) <= 1
    assert all(meta(sample)["kind"] == "drawn" for sample in samples[:40])
    assert all(meta(sample)["kind"] in ("dominance", "identical") for sample in samples[40:])


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
        assert sample.target == max(people, key=lambda name: people[name])
        assert sample.id == study.sample_id(dilemma, metadata["order"])
        assert metadata["study"] == "mcelfresh_2021" and metadata["condition"] == "coin_flip"
        assert metadata["canary"] == study.canary
        assert metadata["reference"] == f"{reference.version}+{reference.sha256}"
        assert study.dilemma_from(metadata) == dilemma
        assert all(not isinstance(value, (dict, list)) for value in metadata.values())
        assert [message.role for message in sample.input] == ["system", "user"]  # type: ignore[union-attr]


def test_without_people_a_sample_has_no_target() -> None:
    for sample in coin_flip(study="freedman_2020").dataset:
        assert sample.target == "none" and "human_a" not in meta(sample)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"study": "kidneys"}, "unknown study 'kidneys'; allowed: mcelfresh_2021, "),
        ({"dilemas": 50}, "unknown parameter 'dilemas'; allowed: study, dilemmas, "),
        ({"dilemmas": 0}, "dilemmas must be a whole number from 1 to"),
        ({"dilemmas": 2.5}, "dilemmas must be a whole number from 1 to"),
        ({"orders": "both ways"}, "unknown orders 'both ways'; allowed: both, random, as_listed"),
        ({"explain": "during"}, "unknown explain 'during'; allowed: none, before, after"),
        ({"channel": "xml"}, "unknown channel 'xml'; allowed: text, json, tool"),
        ({"controls": "yes please"}, "controls must be true or false"),
        ({"draw_seed": "seven"}, "draw_seed must be a whole number"),
        ({"system_prompt": ""}, "system_prompt must be a text"),
        ({"study": "freedman_2020", "draw_seed": 1}, "takes no draw_seed"),
        ({"readout": "logits"}, "unknown readout 'logits'"),
        ({"readout": "logprobs", "explain": "before"}, "needs explain=none, not before"),
        ({"readout": "logprobs", "precision": 0.05}, "precision counts sampled answers"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(arguments: dict[str, Any], says: str) -> None:
    refused(coin_flip, arguments, says)
    refused(forced_choice, arguments, says)


def test_eval_refuses_before_any_model_call(tmp_path: Path) -> None:
    name, arguments = "kidney_evals/coin_flip", {"dilemas": 50}
    with pytest.raises(UserError, match="unknown parameter 'dilemas'"):
        eval(name, model="mockllm/model", task_args=arguments, log_dir=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", TASKS)
def test_a_run_from_end_to_end(name: str, tmp_path: Path) -> None:
    model = saying("ANSWER: A", "answer: **B**", "Patient A.", "ANSWER: A")
    log = run(TASKS[name](dilemmas=2, controls=False), tmp_path, model, max_connections=1)
    given = [(sample.scores or {})["human_alignment"].answer for sample in log.samples or []]
    assert given == list("ABAA")
    assert log.results is not None
    rows = {score.name for score in log.results.scores}
    assert {"agreement", "distance", "imp_age"} <= rows
    assert ("flip_rate" in rows) == (name == "coin_flip")
    assert "Not for clinical" in (log.eval.metadata or {})["limits_and_use"]
    assert log.eval.task_version == "2-E"


@pytest.mark.parametrize("suite", SUITES)
def test_suites_name_tasks_that_exist(suite: str) -> None:
    built = [getattr(tasks, name)() for name in SUITES[suite]]
    assert all(isinstance(task, Task) for task in built)
    calls = sum(len(task.dataset) * (task.epochs or 1) for task in built)
    # smoke: 2 × (50 × 2 + 14 × 2 × 1). full: forced 410 + 280 + 28·2·5 + 6·2·10, coin 410 + 280.
    assert calls == {"smoke": 256, "full": 410 + 280 + 280 + 120 + 410 + 280}[suite]
