"""One odd log gets a line; the logs beside it are shown as they are without it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from kidney_evals.reporting.loading import load
from reporting.conftest import Made
from reporting.making_logs import quick
from reporting.odd_logs import KINDS, odd_log

Cli = Callable[..., Result]

QUICK = (
    "infinite values",
    "infinite counts",
    "wordings a number",
    "condition unknown",
    "people a word",
    "study huge",
    "reference of samples a number",
    "score's facts a list",
    "broken summaries",
    "torn",
    "a folder",
)


@pytest.mark.parametrize("kind", quick(KINDS, *QUICK))
def test_the_others_are_shown(kind: str, made: Made, tmp_path: Path, kidney_evals: Cli) -> None:
    logs, page = tmp_path / "logs", tmp_path / "report.html"
    logs.mkdir()
    good = Path(shutil.copy(made.forced, logs / "good.eval"))
    odd = odd_log(kind, made.coin, logs / "odd.eval")
    alone = kidney_evals("show", good).stdout
    shown = kidney_evals("show", logs)
    assert shown.exit_code == 0 and alone in shown.stdout, shown.output
    table = kidney_evals("table", logs, "--format", "csv")
    assert table.exit_code in (0, 1), table.output
    for line in kidney_evals("table", good, "--format", "csv").stdout.splitlines():
        assert line in table.stdout
    reported = kidney_evals("report", logs, "-o", page)
    assert reported.exit_code == 0, reported.output
    text = page.read_text(encoding="utf-8")
    assert "forced_choice" in text
    if odd.is_file():
        # It is named: shown, passed over, or shown with what is wrong.
        assert "odd.eval" in shown.output
        for told in (shown, table, reported):
            lines = [one for one in told.output.splitlines() if "odd.eval" in one]
            assert all(len(line) < 500 for line in lines if line.startswith("passed over"))
    compared = kidney_evals("compare", good, logs)
    assert compared.exit_code == 0 and "forced_choice" in compared.stdout, compared.output


@pytest.mark.parametrize(
    "kind", quick(KINDS, "broken summaries", "shares words", "kind a number", "condition a list")
)
def test_frames_hold_the_others(kind: str, made: Made, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    shutil.copy(made.forced, tmp_path / "good.eval")
    odd_log(kind, made.coin, tmp_path / "odd.eval")
    frames = load(tmp_path)
    # 4 dilemmas in 2 orders.
    assert (frames.decisions["condition"] == "forced_choice").sum() == 8
    known = {str(one) for one in frames.runs["log"]} | {one.location for one in frames.passed_over}
    assert any(name.endswith("good.eval") for name in known)
    if (tmp_path / "odd.eval").is_file():
        assert any(name.endswith("odd.eval") for name in known)


def test_what_is_wrong_is_said(made: Made, tmp_path: Path, kidney_evals: Cli) -> None:
    shutil.copy(made.forced, tmp_path / "good.eval")
    told = {
        "infinite values": "Infinite in the log, and left out:",
        "condition unknown": "condition: Input should be 'forced_choice' or 'coin_flip'",
        "model huge": "a model's name of 1000000 letters",
        "torn": "cannot be read as a log, or only half written",
    }
    for kind, says in told.items():
        odd_log(kind, made.coin, tmp_path / "odd.eval")
        shown = kidney_evals("show", tmp_path).stdout
        assert says in shown.replace("\n", " "), kind
        (tmp_path / "odd.eval").unlink()
