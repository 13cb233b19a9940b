"""`-T channel=…`: a simulated respondent answers alike, sample by sample, in all three."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalLog, EvalSample

from kidney_evals.elicitation.channels import CHANNELS
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip, forced_choice

TASKS = {"forced_choice": forced_choice, "coin_flip": coin_flip}
# Every second sample or so has a fault; what is unreadable is asked again.
FAULTS = {"refusing": 0.1, "unreadable": 0.3, "truncated": 0.1, "seed": 2}
# Rows that are counts of answers; the others come from the same answers.
ROWS = {
    "forced_choice": ("coverage", "refusal", "truncated", "unreadable", "unprompted", "agreement"),
    "coin_flip": ("coverage", "refusal", "truncated", "unreadable", "flip_rate", "agreement"),
}


def _run(task: Any, folder: Path, **respondent: Any) -> EvalLog:
    log: EvalLog = eval(
        task, model="kidney/human", model_args=respondent, log_dir=str(folder), score_display=False
    )[0]
    assert log.status == "success", log.error
    return log


def _answers(log: EvalLog) -> dict[tuple[str, int], tuple[Any, Any]]:
    """What was read of each sample, and of its first answer where it was asked twice."""
    assert log.samples is not None
    found = {}
    for sample in log.samples:
        assert sample.scores is not None
        score = sample.scores["answers"]
        found[str(sample.id), sample.epoch] = (score.answer, score.metadata)
    return found


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
    logs = {}
    for channel in CHANNELS:
        task = TASKS[condition](
            dilemmas=10, controls=False, wording=wording, explain=explain, channel=channel
        )
        # Undecided where no coin is offered too.
        logs[channel] = _run(task, tmp_path, indecision=0.3, **FAULTS)
    text = _answers(logs["text"])
    rows = rows_of(logs["text"])
    outcomes = {str(metadata["outcome"]) for _, metadata in text.values()}
    assert outcomes >= {"decision", "refusal", "truncated", "unreadable"} | (
        {"unprompted_indecision"} if condition == "forced_choice" else set()
    )
    for channel in CHANNELS[1:]:
        log = logs[channel]
        assert _answers(log) == text
        found = rows_of(log)
        for name in ROWS[condition]:
            assert found[name].value == pytest.approx(rows[name].value, nan_ok=True), name
        assert (log.eval.metadata or {})["channel"] == channel
        assert log.samples is not None
        for sample, plain in zip(log.samples, logs["text"].samples or [], strict=True):
            assert sample.metadata["channel"] == channel and "channel" not in plain.metadata
            # A sample's id does not name the channel: a run with another one is another task.
            assert sample.id == plain.id
            assert len(_texts(sample)) == len(_texts(plain))
            assert _texts(sample)[0].split("\n\n")[:-1] == _texts(plain)[0].split("\n\n")[:-1]
            explanation = (sample.scores or {})["answers"].explanation or ""
            if (sample.scores or {})["answers"].answer:
                where = {"json": "from a JSON object", "tool": "from a tool call"}[channel]
                assert f"({where})" in explanation
    assert (logs["text"].eval.metadata or {})["channel"] == "text"
