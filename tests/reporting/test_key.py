"""What two runs must have in common before their difference means anything."""

from collections.abc import Callable
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.reporting.key import LABELS, differences, key_of, sampling_of
from reporting.conftest import Made


@pytest.fixture
def log(made: Made) -> EvalLog:
    return read_eval_log(str(made.coin), header_only=True)


def facts(log: EvalLog) -> dict[str, Any]:
    assert log.eval.metadata is not None
    return log.eval.metadata


def test_every_part_has_a_label_and_a_text(log: EvalLog) -> None:
    key = key_of(log)
    assert list(key) == list(LABELS)
    assert all(isinstance(part, str) for part in key.values())
    assert key["task"] == "coin_flip" and key["wording"] == "default"
    assert key["sampling"] == "provider's own" and key["task_version"] == "2"


CHANGES: dict[str, Callable[[EvalLog], object]] = {
    "study": lambda log: facts(log).update(study="x"),
    "study_hash": lambda log: facts(log).update(study_hash="0"),
    "reference": lambda log: facts(log).update(reference_hash="0"),
    "wording": lambda log: facts(log).update(wordings={"default": "", "survey_text": ""}),
    "explain": lambda log: facts(log).update(explain="before"),
    "channel": lambda log: facts(log).update(channel="json"),
    "readout": lambda log: facts(log).update(readout="logprobs"),
    "crossed": lambda log: facts(log).update(crossed=True),
    "task_version": lambda log: setattr(log.eval, "task_version", "3-A"),
    "orders": lambda log: log.eval.task_args.update(orders="random"),
    "system_prompt": lambda log: log.eval.task_args.update(system_prompt="Be kind."),
    "sampling": lambda log: setattr(log.plan.config, "temperature", 0.0),
}


@pytest.mark.parametrize("part", CHANGES)
def test_a_change_of_a_part_is_that_part_alone(part: str, log: EvalLog) -> None:
    before = key_of(log)
    CHANGES[part](log)
    found = differences(before, key_of(log))
    assert list(found) == [part]
    assert found[part] == (before[part], key_of(log)[part])


SAME: dict[str, Callable[[EvalLog], object]] = {
    "interface": lambda log: setattr(log.eval, "task_version", "2-Z"),
    "speed": lambda log: setattr(log.plan.config, "max_connections", 3),
    "patience": lambda log: setattr(log.eval.model_generate_config, "timeout", 9),
    "model": lambda log: setattr(log.eval, "model", "other/model"),
    "package": lambda log: facts(log).update(kidney_evals_version="9"),
    "how many": lambda log: log.eval.task_args.update(dilemmas=2),
    # Logs from before there was such a thing were run with what is the default now.
    "older log": lambda log: [facts(log).pop(name) for name in ("explain", "readout", "wordings")],
    "older arguments": lambda log: log.eval.task_args.clear(),
}


@pytest.mark.parametrize("what", SAME)
def test_what_leaves_runs_comparable(what: str, log: EvalLog) -> None:
    before = key_of(log)
    SAME[what](log)
    assert differences(before, key_of(log)) == {}


def test_sampling_settings_are_told_in_one_order(log: EvalLog) -> None:
    log.eval.model_generate_config.top_p = 0.5
    log.plan.config.temperature = 0.0
    log.plan.config.stop_seqs = ["x\ny"]
    assert sampling_of(log) == 'stop_seqs=["x\\ny"], temperature=0.0, top_p=0.5'
