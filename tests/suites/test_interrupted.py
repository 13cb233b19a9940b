"""A run that is killed and taken up again gives the rows of one that was left alone."""

from pathlib import Path

import pytest
from inspect_ai import eval
from inspect_ai.log import read_eval_log

from cli.calling import inspect
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip
from killing import FLUSHED, killed_run

DILEMMAS = 60


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_and_retry(tmp_path: Path) -> None:
    path, killed = killed_run(tmp_path, "--model", "kidney/human", "-T", f"dilemmas={DILEMMAS}")
    assert read_eval_log(str(path), header_only=True).status == "started"
    assert FLUSHED <= len(killed) < 2 * DILEMMAS + 10

    done = inspect("eval-retry", path, "--log-dir", "retried", "--display", "plain", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (again,) = (tmp_path / "retried").glob("*.eval")
    retried = read_eval_log(str(again))
    assert retried.status == "success"
    # What was safe was not asked again.
    assert {one.uuid for one in killed} <= {one.uuid for one in retried.samples or []}

    undisturbed = eval(
        coin_flip(dilemmas=DILEMMAS),
        model="kidney/human",
        log_dir=str(tmp_path / "undisturbed"),
    )[0]
    expected, found = rows_of(undisturbed), rows_of(retried)
    assert len(expected) > 30
    assert {name: repr(row) for name, row in found.items()} == {
        name: repr(row) for name, row in expected.items()
    }
