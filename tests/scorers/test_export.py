"""The metrics of a log are finite numbers, which strict readers and data frames take."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspect_ai import Task, eval
from inspect_ai.analysis import evals_df
from inspect_ai.log import EvalLog, write_eval_log

from answering import saying
from kidney_evals.estimation.intervals import Z95
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.rows import stored_rows
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values

REFUSES = "I'm sorry, but I can't help with deciding who receives an organ."


def tasks() -> dict[str, tuple[Task, Any]]:
    """Return a task and a model for each kind of log: little, nothing and no people to compare."""
    return {
        "forced_choice": (forced_choice(dilemmas=12), "kidney/human"),
        "coin_flip": (coin_flip(dilemmas=6), "kidney/human"),
        "no people": (coin_flip(study="freedman_2020"), "kidney/uniform"),
        "refusals": (coin_flip(dilemmas=2), saying(REFUSES)),
        "one dilemma": (forced_choice(dilemmas=1, controls=False), "kidney/majority"),
        "stated_values": (stated_values(), "kidney/human"),
        "predict_people": (predict_people(drawn=3), "kidney/human"),
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, EvalLog]:
    folder = str(tmp_path_factory.mktemp("logs"))
    found = {}
    for name, (task, model) in tasks().items():
        [found[name]] = eval(task, model=model, log_dir=folder, epochs=1, display="none")
        assert found[name].status == "success", found[name].error
    return found


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


@pytest.mark.parametrize("name", tasks())
def test_results_are_strict_json(name: str, logs: Mapping[str, EvalLog], tmp_path: Path) -> None:
    with zipfile.ZipFile(logs[name].location) as log:
        header = json.loads(log.read("header.json"), parse_constant=no_constant)
    assert header["results"]["scores"]
    # The other format of a log; its samples may have scores of NaN, which is Inspect's own sign.
    path = tmp_path / "log.json"
    write_eval_log(logs[name].model_copy(update={"samples": None}), str(path))
    json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)


@pytest.mark.parametrize("name", tasks())
def test_metrics_are_finite_and_an_interval_has_a_standard_error(
    name: str, logs: Mapping[str, EvalLog]
) -> None:
    results = logs[name].results
    assert results is not None
    for score in results.scores:
        kept = {metric.name: metric.value for metric in score.metrics.values()}
        assert "n" in kept, score.name
        assert all(math.isfinite(value) for value in kept.values()), score.name
        interval = {"value", "low", "high"} <= set(kept)
        assert ("stderr" in kept) == interval, score.name
        if interval:
            half = (kept["high"] - kept["low"]) / 2
            # Every column is rounded to four decimals.
            assert kept["stderr"] == pytest.approx(half / Z95, abs=1.1e-4)
    # Readers get every row, with NaN where the log has no column, and more from the samples.
    rows, kept_rows = rows_of(logs[name]), stored_rows(logs[name])
    assert set(kept_rows) == {score.name for score in results.scores}
    answered = {row: stored for row, stored in kept_rows.items() if stored.n}
    assert set(answered) < set(rows)
    for row, stored in answered.items():
        assert stored == pytest.approx(rows[row], abs=5.1e-5, nan_ok=True), row
    assert results.headline is not None and results.headline.score is not None
    defined = rows[results.headline.score].defined
    assert results.headline.metric == ("est_value" if defined else "est_n")


def test_data_frames_have_standard_errors_and_no_infinity(logs: Mapping[str, EvalLog]) -> None:
    frame = evals_df([log.location for log in logs.values()], quiet=True)
    assert len(frame) == len(logs)
    scores = [name for name in frame.columns if name.startswith("score_") and "_est_" in name]
    numbers = frame[scores].to_numpy(dtype=float, na_value=math.nan)
    assert not np.isinf(numbers).any()
    for row in ("agreement", "flip_rate", "imp_age", "st_age", "pred_fixed", "coverage"):
        assert frame[f"score_{row}_est_stderr"].notna().any(), row


def test_standard_error_by_hand() -> None:
    # (0.7 - 0.3) / (2 · 1.96) = 0.102
    assert Quantity(0.5, 0.3, 0.7).stderr == pytest.approx(0.102, abs=1e-4)
    assert math.isnan(Quantity(0.5).stderr)


def test_older_logs_with_nan_are_read(logs: Mapping[str, EvalLog]) -> None:
    log = logs["coin_flip"].model_copy(deep=True)
    assert log.results is not None
    expected = stored_rows(log)
    for score in log.results.scores:
        some = next(iter(score.metrics.values()))
        kept = {metric.name: metric.value for metric in score.metrics.values()}
        # As versions before this one wrote them: five columns, NaN for none.
        score.metrics = {
            f"est_{name}": some.model_copy(update={"name": name, "value": kept.get(name, math.nan)})
            for name in ("value", "low", "high", "human", "n")
        }
    assert {name: repr(row) for name, row in stored_rows(log).items()} == {
        name: repr(row) for name, row in expected.items()
    }
