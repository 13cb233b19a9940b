"""Small runs of the tasks through Inspect's real providers, connected to the local server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from inspect_ai import Task, eval
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model, get_model

from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values
from protocol.server import Protocol, ProtocolServer
from tasks import running

QUIET: dict[str, Any] = {"log_realtime": False, "score_display": False}
"""Options of a run that prints nothing."""


class Provider(NamedTuple):
    """A model of a provider, the path of its address, and the options of its runs."""

    model: str
    path: str
    options: dict[str, Any]


PROVIDERS: dict[Protocol, Provider] = {
    "chat": Provider("openai/gpt-4o", "/v1", {}),
    "responses": Provider("openai/o3", "/v1", {}),
    "messages": Provider("anthropic/claude-sonnet-4-6", "", {"reasoning_tokens": 1024}),
}

TASKS: dict[str, Callable[[], Task]] = {
    "forced_choice": lambda: forced_choice(controls=False),
    "json": lambda: coin_flip(controls=False, channel="json"),
    "tool": lambda: coin_flip(controls=False, channel="tool"),
    "precision": lambda: coin_flip(dilemmas=100, controls=False, precision=0.05),
    "stated_values": lambda: stated_values(),
    "predict_people": lambda: predict_people(drawn=10),
}


def connect(server: ProtocolServer, protocol: Protocol, **client: Any) -> Model:
    """Return a model whose calls go to the server."""
    provider = PROVIDERS[protocol]
    return get_model(provider.model, base_url=server.url + provider.path, memoize=False, **client)


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
    client: dict[str, Any] | None = None,
    **options: Any,
) -> EvalLog:
    """Run a task; its client repeats no call by itself unless `client` says so."""
    model = connect(server, protocol, **({"max_retries": 0} if client is None else client))
    options = {**QUIET, **PROVIDERS[protocol].options, **options}
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


def printed(*arguments: str) -> str:
    """Return the output of a command of this package, without line breaks."""
    return " ".join(running.printed(*arguments).split())
