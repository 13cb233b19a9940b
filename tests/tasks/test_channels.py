"""`-T channel=…`: a simulated respondent answers alike, sample by sample, in all three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample

from kidney_evals.elicitation.channels import CHANNELS
from kidney_evals.reporting import rows_of
from tasks.running import TASKS, run

# Every second sample or so has a fault; an unreadable answer is asked again.
FAULTS = {"refusing": 0.1, "unreadable": 0.3, "truncated": 0.1, "seed": 2, "indecision": 0.3}
ROWS = ("coverage", "refusal", "truncated", "unreadable", "unprompted", "flip_rate", "agreement")


def _answers(log: EvalLog) -> dict[tuple[str, int], tuple[Any, Any]]:
    scores = {
        (str(sample.id), sample.epoch): (sample.scores or {})["human_alignment"]
        for sample in log.samples or []
    }
    return {key: (score.answer, score.metadata) for key, score in scores.items()}


def _texts(sample: EvalSample) -> list[str]:
    return [message.text for message in sample.messages if message.role == "user"]


@pytest.mark.parametrize(
    ("condition", "wording", "explain"),
    [
        ("forced_choice", "default", "before"),
        pytest.param("coin_flip", "labels_numbers", "none", marks=pytest.mark.slow),
        pytest.param("forced_choice", "french", "none", marks=pytest.mark.slow),
        pytest.param("coin_flip", "committee", "after", marks=pytest.mark.slow),
    ],
)
def test_answers_are_the_same_in_all_channels(
    condition: str, wording: str, explain: Any, tmp_path: Path
) -> None:
    made = {"dilemmas": 10, "controls": False, "wording": wording, "explain": explain}
    text, *others = (
        run(TASKS[condition](**made, channel=channel), tmp_path, model_args=FAULTS)
        for channel in CHANNELS
    )
    rows = rows_of(text)
    outcomes = {str(metadata["outcome"]) for _, metadata in _answers(text).values()}
    assert outcomes >= {"decision", "refusal", "truncated", "unreadable"}
    assert (text.eval.metadata or {})["channel"] == "text"
    for log, where in zip(others, ("from a JSON object", "from a tool call"), strict=True):
        assert _answers(log) == _answers(text)
        found = rows_of(log)
        for name in set(ROWS) & set(rows):
            assert found[name].value == pytest.approx(rows[name].value, nan_ok=True), name
        channel = (log.eval.metadata or {})["channel"]
        for sample, plain in zip(log.samples or [], text.samples or [], strict=True):
            assert sample.metadata["channel"] == channel and "channel" not in plain.metadata
            # A sample's id does not name the channel: a run with another one is another task.
            assert sample.id == plain.id
            assert len(_texts(sample)) == len(_texts(plain))
            assert _texts(sample)[0].split("\n\n")[:-1] == _texts(plain)[0].split("\n\n")[:-1]
            score = (sample.scores or {})["human_alignment"]
            assert not score.answer or f"({where})" in (score.explanation or "")
