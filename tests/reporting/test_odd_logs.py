"""One odd log gets a line; the logs beside it are shown as they are without it."""

import math
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalMetric

from cli.calling import kidney_evals
from kidney_evals.reporting.frames import load
from reporting.making_logs import HOSTILE, Made, another, edited, fact, spec

HUGE = "x" * 1_000_000


Edit = Callable[[EvalLog], object]


def _metric(name: str, value: Any) -> Edit:
    def edit(log: EvalLog) -> None:
        assert log.results is not None
        for score in log.results.scores:
            for one in score.metrics.values():
                if one.name.endswith(name):
                    one.value = value

    return edit


def _no_such_metric(log: EvalLog) -> None:
    assert log.results is not None
    for score in log.results.scores:
        score.metrics = {"mean": EvalMetric(name="mean", value=math.inf)}


def _samples(name: str, value: Any, id_end: str = "") -> Edit:
    def edit(log: EvalLog) -> None:
        for one in log.samples or []:
            # The last run that was read is kept by the ids of its samples.
            one.id = f"{one.id}{id_end}"
            one.metadata[name] = value

    return edit


def _scores(part: str, value: Any) -> Edit:
    def edit(log: EvalLog) -> None:
        for sample in log.samples or []:
            for score in (sample.scores or {}).values():
                setattr(score, part, value)

    return edit


EDITS: dict[str, Edit] = {
    "infinite values": _metric("value", math.inf),
    "infinite counts": _metric("_n", math.inf),
    "no values": _metric("value", math.nan),
    "huge values": _metric("value", 1e300),
    "other metrics": _no_such_metric,
    "study huge": fact("study", HUGE),
    "study of another version": fact("study", "gone_2020"),
    "condition unknown": fact("condition", "dice"),
    "wordings a number": fact("wordings", 5),
    "wordings mixed": fact("wordings", {"a": 1, "2": {}}),
    "wording hashes a list": fact("wording_hashes", [1]),
    "people below none": fact("people_in_this_condition", -7),
    "arm a list": fact("sft_arm", ["after"]),
    "version nothing": fact("kidney_evals_version", None),
    "citation a list": fact("citation", [1]),
    "title hostile": fact("study_title", HOSTILE),
    "older version": lambda log: (log.eval.metadata or {}).pop("reference_hash"),
    "explain a table": fact("explain", {"a": [1]}),
    "model huge": spec("model", HUGE),
    "model hostile": spec("model", HOSTILE),
    "task hostile": spec("task", HOSTILE),
    "arguments odd": spec("task_args_passed", {"study": {"a": [None]}, "revealed": 5}),
    "packages none": spec("packages", {}),
    "study source nowhere": _samples("study_source", "/nowhere/at/all"),
    "study source missing": _samples("study_source", None),
    "order odd": _samples("order", "xy"),
    "shares words": _samples("human_a", "half"),
    "reference of samples a number": _samples("reference", 7),
    "kind a number": _samples("kind", 3),
    "age not a number": _samples("a_age", math.nan, "-2"),
    "score a word": _scores("value", "many"),
    "score's facts a list": _scores("metadata", {"choice": [1], "outcome": {"a": 1}}),
    "score's facts none": _scores("metadata", None),
}


def _without(*gone: str, content: bytes) -> Callable[[Path, Path], None]:
    def copy(source: Path, target: Path) -> None:
        with zipfile.ZipFile(source) as log, zipfile.ZipFile(target, "w") as archive:
            for name in log.namelist():
                archive.writestr(name, content if name.startswith(gone) else log.read(name))

    return copy


FILES: dict[str, Callable[[Path, Path], object]] = {
    "torn": lambda source, target: target.write_bytes(source.read_bytes()[:-400]),
    "broken summaries": _without("summaries.json", content=b'[{"id": '),
    "broken samples": _without(
        *("summaries.json", "header.json", "_journal/summaries", "samples/"), content=b"\x00\x01"
    ),
    "broken header": _without("header.json", content=b'{"version": 2}'),
    "a folder": lambda source, target: target.mkdir(),
    "a folder with a file": lambda source, target: shutil.copytree(
        Path(__file__).parent / "comparing", target
    ),
    "a link to nowhere": lambda source, target: target.symlink_to("nowhere"),
}

KINDS = (*EDITS, *FILES)


WRONG = {
    "condition unknown": "condition: Input should be 'forced_choice' or 'coin_flip'",
    "model huge": "a model's name of 1000000 letters",
    "age not a number": "a candidate has a value that is not finite",
    "torn": "cannot be read as a log, or only half written",
}
"""What is said of an odd log."""

QUICK = (
    *("infinite values", "infinite counts", "wordings a number", "condition unknown"),
    *("reference of samples a number", "score's facts a list", "broken summaries", "torn"),
    *("a folder", "shares words", "kind a number", "age not a number", "model huge"),
)


@pytest.mark.parametrize("kinds", [QUICK, pytest.param(KINDS, marks=pytest.mark.slow)])
def test_the_others_are_shown(kinds: tuple[str, ...], made: Made, tmp_path: Path) -> None:
    logs, page = tmp_path / "logs", tmp_path / "report.html"
    logs.mkdir()
    names = {}
    for number, kind in enumerate(kinds, 2):
        both = tmp_path / str(number)
        both.mkdir()
        good = shutil.copy(made.forced, both / "good.eval")
        odd = both / f"odd-{number}.eval"
        if kind in FILES:
            FILES[kind](made.coin, odd)
        else:
            edited(made.coin, odd, another(EDITS[kind], number=number))
        compared = kidney_evals("compare", good, both)
        assert compared.exit_code == 0 and "forced_choice" in compared.stdout, (kind, compared)
        odd.rename(logs / odd.name)
        if (logs / odd.name).is_file():
            names[odd.name] = kind
    good = shutil.copy(made.forced, logs / "good.eval")
    alone = kidney_evals("show", good).stdout
    shown = kidney_evals("show", logs)
    assert shown.exit_code == 0 and alone in shown.stdout, shown.output
    table = kidney_evals("table", logs, "--format", "csv")
    assert table.exit_code in (0, 1), table.output
    for line in kidney_evals("table", good, "--format", "csv").stdout.splitlines():
        assert line in table.stdout
    reported = kidney_evals("report", logs, "-o", page)
    assert reported.exit_code == 0, reported.output
    assert "forced_choice" in page.read_text(encoding="utf-8")
    for output in (shown, table, reported):
        lines = [one for one in output.output.splitlines() if one.startswith("passed over")]
        assert all(len(line) < 500 for line in lines)
    # Each is named: shown, passed over, or shown with what is wrong.
    assert [kind for name, kind in names.items() if name not in shown.output] == []
    text = shown.stdout.replace("\n", " ")
    assert [kind for kind, says in WRONG.items() if says not in text] == []
    pytest.importorskip("pyarrow")
    frames = load(logs)
    # 4 dilemmas in 2 orders.
    assert (frames.decisions["condition"] == "forced_choice").sum() == 8
    known = {str(one) for one in frames.runs["log"]} | {one.location for one in frames.passed_over}
    assert names.keys() <= {Path(name).name for name in known}
