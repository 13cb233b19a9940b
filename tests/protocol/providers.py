"""Small runs of the tasks through Inspect's real providers, connected to the local server."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import get_model

from cli import calling
from kidney_evals.reporting.rows import Rows
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from protocol.server import Protocol, ProtocolServer

QUIET: dict[str, Any] = {"log_realtime": False, "score_display": False}
"""Options of a run that prints nothing."""

ONCE = {"max_retries": 0}
"""Options of a client that repeats no call by itself."""


MODELS: dict[Protocol, str] = {
    "chat": "openai/gpt-4o",
    "responses": "openai/o3",
    "messages": "anthropic/claude-sonnet-4-6",
}

TASKS: dict[str, Callable[[], Task]] = {
    "forced_choice": lambda: forced_choice(controls=False),
    "json": lambda: coin_flip(controls=False, channel="json"),
    "tool": lambda: coin_flip(controls=False, channel="tool"),
    "precision": lambda: coin_flip(dilemmas=100, controls=False, precision=0.05),
    "stated_values": stated_values,
    "predict_people": lambda: predict_people(drawn=10),
}


def prefilled(task: Task, server: ProtocolServer, logs: Path) -> EvalLog:
    """Run a task on a local server's model, which continues a begun answer."""
    options: dict[str, Any] = {"base_url": f"{server.url}/v1", "api_key": "none", "memoize": False}
    model = get_model("openai-api/local/m", **options)
    [log] = eval(task, model=model, log_dir=str(logs), **QUIET)
    return log


def run(
    task: Task | str,
    server: ProtocolServer,
    logs: Path,
    *,
    protocol: Protocol = "chat",
    client: Mapping[str, Any] = ONCE,
    **options: Any,
) -> EvalLog:
    """Run a task through a provider's client."""
    is_claude = protocol == "messages"
    url = server.url if is_claude else f"{server.url}/v1"
    model = get_model(MODELS[protocol], base_url=url, memoize=False, **client)
    options = {**QUIET, **({"reasoning_tokens": 1024} if is_claude else {}), **options}
    made = TASKS[task]() if isinstance(task, str) else task
    return eval(made, model=model, log_dir=str(logs), **options)[0]


def samples_of(log: EvalLog) -> list[EvalSample]:
    """Return the samples of a log."""
    assert log.samples is not None
    return log.samples


def outcomes_of(sample: EvalSample) -> tuple[str, str | None]:
    """Return the outcome of a sample, and that of its first answer if the question was repeated."""
    assert sample.scores
    name = next(one for one in ("human_alignment", "stated", "predictions") if one in sample.scores)
    metadata = sample.scores[name].metadata or {}
    return str(metadata["outcome"]), metadata.get("first_outcome")


def printed(*arguments: object) -> str:
    """Return the output of a command of this package, without line breaks."""
    return " ".join(calling.printed(*arguments).split())


CHANCES = {"A": 0.5, "B": 0.27, "COIN": 0.2, "Neither": 0.03}
"""Probabilities at the position of the answer; the last word is no answer."""


def meets(rows: Rows, *, power: float = 1, within: float = 1e-4) -> None:
    """Check the rows of a readout of `CHANCES` to a power: 1 over the temperature."""
    a, b, coin, other = (chance**power for chance in CHANCES.values())
    assert rows["flip_rate"].value == pytest.approx(coin / (a + b + coin), abs=within)
    assert rows["pos_bias"].value == pytest.approx(a / (a + b) - 0.5, abs=within)
    assert rows["outside"].value == pytest.approx(other / (a + b + coin + other), abs=within)
