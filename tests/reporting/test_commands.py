"""Commands on the page and copies of logs: they name no secret and no folder of one machine."""

from __future__ import annotations

import shlex
import zipfile
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.event import ErrorEvent
from inspect_ai.log import EvalError, EvalLog, EvalRetryError, read_eval_log
from inspect_ai.model import ModelCall, ModelConfig

from kidney_evals.reporting.logs import LogFile
from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.reporting.page.commands import commands
from kidney_evals.reporting.page.site import write_site
from kidney_evals.reporting.runs import ModelRun, read_runs
from reporting.conftest import Made
from reporting.making_logs import edited


@pytest.fixture(scope="module")
def header(made: Made) -> EvalLog:
    return read_eval_log(str(made.forced), header_only=True)


def run_of(header: EvalLog, **changed: Any) -> ModelRun:
    """Return a run with changed values in its header; `facts` join those of the task."""
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
    return ModelRun(LogFile("logs/a.eval", "finished", "finished", copy, 1, 1))


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
        ({"task_args_passed": {"study": "s3://bucket/study"}}, " -T study=s3://bucket/study"),
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
def test_settings_are_repeated(header: EvalLog, changed: dict[str, Any], said: str) -> None:
    assert commands([run_of(header, **changed)]) == (START + said,)


@pytest.mark.parametrize(
    ("changed", "said", "file"),
    [
        ({"task_args_passed": {"study": "/home/me/my study"}}, " -T 'study=my study'", "my study"),
        ({"task_args_passed": {"study": "~/mine"}}, " -T study=mine", "mine"),
        ({"task_args_passed": {"study": "file:///tmp/x/mine"}}, " -T study=mine", "mine"),
        ({"task_args_passed": {"study": "C:\\Users\\me\\mine"}}, " -T study=mine", "mine"),
        # A line break ends no comment.
        ({"task_args_passed": {"study": "/x/y/a\nrm b"}}, " -T 'study=a\nrm b'", "a rm b"),
        ({"model_args": {"model_path": "/data/adapter"}}, " -M model_path=adapter", "adapter"),
    ],
)
def test_files_of_one_machine_are_named_and_said_to_be_missing(
    header: EvalLog, changed: dict[str, Any], said: str, file: str
) -> None:
    note, line = commands([run_of(header, **changed)])
    assert note == f"# {file}: a file or folder of whoever ran this; name yours."
    assert line == START + said


def test_a_model_in_a_folder_is_named_by_the_folder(header: EvalLog) -> None:
    _, line = commands([run_of(header, model="hf//home/me/models/small")])
    assert line == "inspect eval kidney_evals/forced_choice --model hf/small"


def test_arms_stand_together_and_each_line_once(header: EvalLog) -> None:
    arm = run_of(header, eval_id="arm", epochs=2, facts={"sft_arm": "before"})
    assert commands([arm, run_of(header), run_of(header, eval_id="b")]) == (
        START,
        "# Runs of `kidney-evals sft evaluate`, which asks all of them in one go:",
        f"{START} --epochs 2",
    )


def test_no_folder_of_the_logs_stands_on_the_page(made: Made) -> None:
    found = read_report([str(made.forced), str(made.other)])
    assert found.passed_over == (f"{made.other}: of another evaluation (sums)",)
    assert found.passed_over_here == [f"{made.other.name}: of another evaluation (sums)"]
    page = as_html(found)
    assert str(made.forced.parent) not in page and str(made.other.parent) not in page


SECRETS = {
    "api_token": "sk-1",
    "default_headers": {"Authorization": "Bearer sk-2", "x": ["sk-3"]},
    "base_url": "https://me:sk-4@host/v1",
    "model_kwargs": {"dtype": "sk-5"},
    "device": {"token": "sk-6"},
    "tokenizer": "https://me:sk-7@host/x",
    "revision": "https://host/x?key=sk-8",
}


def test_values_that_may_be_secret_are_not_shown(header: EvalLog) -> None:
    run = run_of(
        header,
        model="openai/gpt",
        model_args={"dtype": "float16", "max_model_len": 4096, **SECRETS},
        model_base_url="https://me:sk-10@host/v1?key=sk-11",
    )
    note, line = commands([run])
    assert note == "# … stands for a value that may be secret; fill in yours."
    assert "sk-" not in line
    words = shlex.split(line)
    given = [words[at + 1] for at, word in enumerate(words) if word == "-M"]
    shown = ["dtype=float16", "max_model_len=4096"]
    assert given[:2] == shown and set(given[2:]) == {f"{name}=…" for name in SECRETS}
    assert words[words.index("--model-base-url") + 1] == "…"
    # Two runs are told apart by a number where their secrets alone differ.
    logs = []
    for number, token in enumerate(("sk-1", "sk-2")):
        log = run_of(header, model_args={"token": token}, eval_id=str(number)).header
        logs.append(LogFile(f"{number}.eval", "finished", "finished", log, 1, 1))
    names = [run.name for run in read_runs(logs)]
    assert names == ["kidney/human #1", "kidney/human #2"]


def test_a_site_holds_no_secret(made: Made, tmp_path: Path) -> None:
    def add(log: EvalLog) -> None:
        log.eval.model_args = {"dtype": "half", **SECRETS}
        log.eval.model_base_url = "https://me:sk-10@host/v1"
        log.eval.model_generate_config.extra_headers = {"key": "sk-11"}
        log.plan.config.extra_body = {"key": "sk-12"}
        log.eval.model_roles = {"judge": ModelConfig(model="m", base_url="sk-13", args=SECRETS)}
        # Inspect's errors repeat the request and its headers.
        error = EvalError(
            message='Request:\n{"key": "sk-16"}\n\nApiError("It is full.")',
            traceback='"key": "sk-17"',
            traceback_ansi='"key": "sk-18"',
        )
        for sample in log.samples or []:
            sample.error, sample.error_retries = error, [EvalRetryError(**error.model_dump())]
            for event in sample.events:
                if event.event == "model":
                    event.config.extra_headers = {"key": "sk-14"}
                    event.call = ModelCall(request={"extra_headers": {"key": "sk-15"}})
                    event.error, event.traceback = error.message, error.traceback
            sample.events.append(ErrorEvent(error=error))

    path = edited(made.forced, tmp_path / "a.eval", add)
    assert b"sk-14" in _content(path)
    write_site([str(path), str(made.coin)], tmp_path / "site")
    logs = tmp_path / "site" / "viewer" / "logs"
    content = _content(logs / "a.eval")
    assert b"It is full." in content
    assert b"sk-" not in content and b'"dtype"' in content and b"default_headers" in content
    # A log without any is the log itself.
    assert (logs / made.coin.name).read_bytes() == made.coin.read_bytes()
    assert "sk-" not in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def _content(path: Path) -> bytes:
    with zipfile.ZipFile(path) as log:
        return b"".join(log.read(name) for name in log.namelist())
