"""The page and copies of logs name no secret and no folder of one machine."""

import zipfile
from pathlib import Path

from inspect_ai.event import ErrorEvent
from inspect_ai.log import EvalError, EvalLog, EvalRetryError
from inspect_ai.model import ModelCall, ModelConfig

from kidney_evals.reporting.logs import LogFile
from kidney_evals.reporting.model_arguments import shown_arguments
from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.reporting.page.site import write_site
from kidney_evals.reporting.runs import read_runs
from reporting.making_logs import Made, edited


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
    plain = {"dtype": "float16", "max_model_len": 4096}
    assert shown_arguments(plain | SECRETS) == plain | dict.fromkeys(SECRETS, "…")
    # Two runs are told apart by a number where their secrets alone differ.
    logs = []
    for number, token in enumerate(("sk-1", "sk-2")):
        log = header.model_copy(deep=True)
        log.eval.model_args, log.eval.eval_id = {"token": token}, str(number)
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
