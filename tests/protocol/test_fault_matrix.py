"""Every fault of a provider, a killed process and a full disk: no answer is lost or changed.

Each fault meets a run of 20 samples; `eval_retry` then finishes the run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from inspect_ai import eval_retry
from inspect_ai.log import EvalLog, read_eval_log

from cli.calling import INSPECT, environment
from kidney_evals.tasks import coin_flip
from protocol.providers import QUIET, run
from protocol.server import Fault, ProtocolServer, Reply, answer_to, prompt_of

SAMPLES = 20

CONNECTIONS = 4
"""Samples that may be in flight."""

MIDDLE = 8
"""Answers before a fault begins."""

JSON = {"content-type": "application/json"}
NO_CHOICES = '{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'

PASSING: dict[str, Reply] = {
    "429 with Retry-After": Fault(429, "Slow down.", "rate_limit_exceeded", {"Retry-After": "0.1"}),
    "500": Fault(500, "The server had an error.", "server_error"),
    "529": Fault(529, "Overloaded.", "overloaded_error"),
    "connection dropped mid-body": "dropped",
    "malformed JSON with 200": Fault(200, '{"id": <!doctype', headers=JSON),
    "HTML with 200": Fault(200, "<html><title>Login</title></html>"),
    "no choices with 200": Fault(200, NO_CHOICES, headers=JSON),
    "timeout": Fault(200, NO_CHOICES, headers=JSON, pause=1.5),
}
"""Faults of one request, after which the server answers again."""

LASTING: dict[str, Reply] = {
    "401": Fault(401, "The key has expired.", "invalid_api_key"),
    "404": Fault(404, "The model `x` was retired.", "model_not_found"),
    "400, refused parameter": Fault(400, "Unsupported value: 'temperature'.", "unsupported_value"),
    "402, credit": Fault(402, "Insufficient Balance", "invalid_request_error"),
    "400, credit": Fault(400, "Your credit balance is too low.", "invalid_request_error"),
    "429, credit": Fault(429, "You exceeded your current quota.", "insufficient_quota"),
}
"""Faults that stay until somebody does something about them."""


class Line(NamedTuple):
    """What a fault does to a run.

    Attributes:
        fault: The fault.
        lost: Samples without an answer in the last log.
        repeated: Samples that were answered more than once over both runs.
        changed: Samples with another answer than in a run without a fault.
    """

    fault: str
    lost: int
    repeated: int
    changed: int


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_fault_loses_or_changes_an_answer(tmp_path: Path) -> None:
    lines = [_met(fault, [reply] * 2, "answer", tmp_path) for fault, reply in PASSING.items()]
    lines += [_met(fault, [], reply, tmp_path) for fault, reply in LASTING.items()]
    lines.append(_met("404, at once", [], LASTING["404"], tmp_path, after=0))
    lines.append(_interrupted("kill -9", tmp_path, signal.SIGKILL))
    lines.append(_interrupted("interrupt (Ctrl-C)", tmp_path, signal.SIGINT))
    # A full disk is tried only by root, who can mount a small file system.
    full = _full_disk(tmp_path)
    for line in [*lines, *([full] if full else [])]:
        assert (line.lost, line.changed) == (0, 0), line
        stopped = line.fault in ("kill -9", "interrupt (Ctrl-C)", "full disk")
        assert line.repeated <= (CONNECTIONS + 1 if stopped else 0), line


def _met(fault: str, script: list[Reply], default: Reply, logs: Path, after: int = MIDDLE) -> Line:
    """Run with a fault after some answers; the fault has passed when the run is continued."""
    with ProtocolServer(varied=True, pause=0.02) as server:
        delivered: list[Reply] = ["answer"] * after
        server.script, server.default = [*delivered, *script], default
        options: dict[str, Any] = {"max_connections": CONNECTIONS, "epochs": 1}
        task = coin_flip(dilemmas=SAMPLES // 2, controls=False)
        log = run(task, server, logs / fault, client={"client_timeout": 1}, **options)
        return _line(fault, server, log)


def _line(fault: str, server: ProtocolServer, log: EvalLog) -> Line:
    """Continue a run if anything is missing, and compare its answers with the server's."""
    server.script, server.default, server.pause = (), "answer", 0
    if len(_read(log)) < SAMPLES:
        log = eval_retry(log, log_dir=str(Path(log.location).parent), **QUIET)[0]
        assert log.status == "success", (fault, log.error)
    read = _read(log)
    times = Counter(prompt_of(call.body) for call in server.calls if call.outcome == "answer")
    return Line(
        fault,
        lost=SAMPLES - len(read),
        repeated=sum(count > 1 for count in times.values()),
        changed=sum(answer != answer_to(prompt) for prompt, answer in read.items()),
    )


def _read(log: EvalLog) -> dict[str, str]:
    """Return the answer to each question that was answered."""
    return {
        next(message.text for message in sample.messages if message.role == "user"): (
            sample.scores["answers"].answer or ""
        )
        for sample in log.samples or ()
        if not sample.error and sample.scores
    }


def _interrupted(fault: str, folder: Path, number: int) -> Line:
    """Run on the command line, with a signal in the middle."""
    with ProtocolServer(varied=True, pause=0.3) as server:
        logs = folder / fault
        process = _start(server, logs)
        _wait(lambda: len(server.calls) >= MIDDLE + CONNECTIONS or process.poll() is not None)
        os.killpg(process.pid, number)
        process.wait(60)
        return _line(fault, server, _log(logs))


def _full_disk(folder: Path) -> Line | None:
    """Run with a log folder that is too small; None if no file system can be mounted."""
    logs = folder / "full disk"
    logs.mkdir()
    with _mounted(logs, "60k") as mounted:
        if not mounted:
            return None
        with ProtocolServer(varied=True, pause=0.1) as server:
            _start(server, logs).wait(120)
            assert len(server.calls) < SAMPLES
            _mount(logs, "remount,size=32m")
            return _line("full disk", server, _log(logs))


@contextmanager
def _mounted(place: Path, size: str) -> Iterator[bool]:
    mounted = os.name == "posix" and os.getuid() == 0 and _mount(place, f"size={size}")
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)


def _mount(place: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _start(server: ProtocolServer, logs: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(str(INSPECT), "eval", "kidney_evals/coin_flip", "--model", "openai/gpt-4o"),
            *("--model-base-url", f"{server.url}/v1", "--log-dir", str(logs), "--epochs", "1"),
            *("-T", f"dilemmas={SAMPLES // 2}", "-T", "controls=false", "--display", "plain"),
            *("--max-connections", str(CONNECTIONS), "--log-buffer", "1"),
        ],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.02)


def _log(logs: Path) -> EvalLog:
    (path,) = logs.glob("*.eval")
    return read_eval_log(str(path))
