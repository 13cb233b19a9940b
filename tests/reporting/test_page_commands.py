"""The commands on the page: they can be typed elsewhere, and name no folder of one machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.reporting.found import Found
from kidney_evals.reporting.page.commands import commands
from kidney_evals.reporting.runs import ModelRun
from reporting.conftest import Made


@pytest.fixture(scope="module")
def header(made: Made) -> EvalLog:
    return read_eval_log(str(made.forced), header_only=True)


def run_of(header: EvalLog, location: str = "logs/a.eval", **changed: Any) -> ModelRun:
    """Return a run whose header says something else; `facts` join those of the task."""
    copy = header.model_copy(deep=True)
    copy.eval.task_args_passed = {}
    for name, value in changed.items():
        if name == "facts":
            copy.eval.metadata = (copy.eval.metadata or {}) | value
        elif name in ("epochs", "limit", "sample_shuffle"):
            setattr(copy.eval.config, name, value)
        elif name in ("temperature", "stop_seqs", "logit_bias"):
            setattr(copy.plan.config, name, value)
        else:
            setattr(copy.eval, name, value)
    return ModelRun(Found(location, "finished", "finished", copy, 1, 1), "name")


START = "inspect eval kidney_evals/forced_choice --model kidney/human"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"task_args_passed": {"wording": ["a", "b"]}}, " -T wording=a,b"),
        ({"task_args_passed": {"controls": False, "draw_seed": None}},
         " -T controls=false -T draw_seed=null"),
        ({"task_args_passed": {"system_prompt": "/no_think and/or not"}},
         " -T 'system_prompt=/no_think and/or not'"),
        ({"model_args": {"seed": 7, "device": {"map": "auto"}}},
         """ -M seed=7 -M 'device={"map": "auto"}'"""),
        ({"epochs": 3, "limit": 5}, " --limit 5 --epochs 3"),
        # As it is typed: from 1, the last included.
        ({"limit": (10, 20)}, " --limit 11-20"),
        ({"sample_shuffle": True}, " --sample-shuffle"),
        ({"temperature": 0.5, "stop_seqs": ["END", "."]}, " --temperature 0.5 --stop-seqs END,."),
        ({"logit_bias": {42: 10.0}}, " --logit-bias 42=10.0"),
    ],
)  # fmt: skip
def test_settings_are_handed_on(header: EvalLog, changed: dict[str, Any], said: str) -> None:
    assert commands([run_of(header, **changed)]) == (START + said,)


@pytest.mark.parametrize(
    ("changed", "said", "file"),
    [
        ({"task_args_passed": {"study": "/home/me/my study"}}, " -T 'study=my study'", "my study"),
        ({"task_args_passed": {"study": "~/mine"}}, " -T study=mine", "mine"),
        ({"task_args_passed": {"study": "file:///tmp/x/mine"}}, " -T study=mine", "mine"),
        ({"task_args_passed": {"study": "C:\\Users\\me\\mine"}}, " -T study=mine", "mine"),
        ({"model_args": {"model_path": "/data/adapter"}}, " -M model_path=adapter", "adapter"),
        ({"task_args_passed": {"revealed": "/tmp/gone/b.eval"}}, " -T revealed=b.eval", "b.eval"),
    ],
)
def test_files_of_one_machine_are_named_and_said_to_be_missing(
    header: EvalLog, changed: dict[str, Any], said: str, file: str
) -> None:
    note, line = commands([run_of(header, **changed)])
    assert note == f"# {file}: a file or folder of whoever ran this; name yours."
    assert line == START + said


def test_a_line_break_in_a_name_ends_no_comment(header: EvalLog) -> None:
    note, line = commands([run_of(header, task_args_passed={"study": "/x/y/a\nrm -r b"})])
    assert note == "# a rm -r b: a file or folder of whoever ran this; name yours."
    assert shlex.split(line)[-1] == "study=a\nrm -r b"


def test_a_model_in_a_folder_is_named_by_the_folder(header: EvalLog) -> None:
    _, line = commands([run_of(header, model="hf//home/me/models/small")])
    assert line == "inspect eval kidney_evals/forced_choice --model hf/small"


def test_a_place_that_others_reach_is_kept(header: EvalLog) -> None:
    given = {"study": "s3://bucket/study", "revealed": "s3://bucket/c.eval"}
    assert commands([run_of(header, task_args_passed=given)]) == (
        f"{START} -T study=s3://bucket/study -T revealed=s3://bucket/c.eval",
    )


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_log_that_another_run_read_is_made_again_first(header: EvalLog, by: str) -> None:
    shown = run_of(header, "/tmp/x/2026_forced.eval", eval_id="one")
    # A copy has another name and the same run.
    name = "2026_forced.eval" if by == "name" else "moved.eval"
    said = run_of(
        header,
        "/tmp/x/stated.eval",
        eval_id="two",
        task_registry_name="kidney_evals/stated_values",
        task_args_passed={"revealed": f"/tmp/x/{name}"},
        facts={"revealed_log": "one"} if by == "id" else {},
    )
    first, second = commands([said, shown])
    assert first == f"{START} --log-dir revealed/1"
    assert second == (
        "inspect eval kidney_evals/stated_values --model kidney/human "
        "-T revealed=$(ls revealed/1/*.eval)"
    )
    assert shlex.split(second)[-2:] == ["revealed=$(ls", "revealed/1/*.eval)"]


def test_arms_stand_together_and_each_line_once(header: EvalLog) -> None:
    arm = run_of(header, eval_id="arm", epochs=2, facts={"sft_arm": "before"})
    assert commands([arm, run_of(header), run_of(header, "logs/b.eval", eval_id="b")]) == (
        START,
        "# Runs of `kidney-evals sft evaluate`, which asks all of them in one go:",
        f"{START} --epochs 2",
    )


def test_no_folder_of_the_logs_stands_on_the_page(made: Made, tmp_path: Path) -> None:
    from kidney_evals.reporting.page import read_report
    from kidney_evals.reporting.page.write import as_html

    found = read_report([str(made.forced), str(made.other)])
    assert found.passed_over == (f"{made.other}: of another evaluation (sums)",)
    assert found.passed_over_here == (f"{made.other.name}: of another evaluation (sums)",)
    page = as_html(found)
    assert str(made.forced.parent) not in page and str(made.other.parent) not in page
