"""Evaluation sets: one pass finishes them, a second one makes no call."""

from pathlib import Path

from inspect_ai import eval_set
from inspect_ai.analysis import evals_df
from inspect_ai.log import EvalLog

from kidney_evals.measures import headlines
from kidney_evals.scorers import COLUMN
from kidney_evals.studies import CONDITIONS
from kidney_evals.tasks import coin_flip, forced_choice


def test_a_finished_set_makes_no_call(tmp_path: Path) -> None:
    def run() -> list[EvalLog]:
        tasks = [coin_flip(dilemmas=2, controls=False), forced_choice(dilemmas=2)]
        success, logs = eval_set(tasks, log_dir=str(tmp_path), model="kidney/human")
        assert success and all(log.status == "success" for log in logs)
        return logs

    logs = run()
    # 2 dilemmas in both orders each, and the 10 controls once.
    samples = [log.results.completed_samples for log in logs if log.results is not None]
    assert sorted(samples) == [2 * 2, 2 * 2 + 10]
    files = {path: path.read_bytes() for path in tmp_path.glob("*.eval")}
    assert len(files) == len(logs)
    # A call would be in a new log or change an old one.
    assert {log.eval.eval_id for log in run()} == {log.eval.eval_id for log in logs}
    assert {path: path.read_bytes() for path in tmp_path.glob("*.eval")} == files
    frame = evals_df(str(tmp_path))
    assert len(frame) == len(logs)
    rows = [row.id for condition in CONDITIONS for row in headlines(condition)]
    assert {f"score_{row}_{COLUMN}_n" for row in rows} <= set(frame.columns)
