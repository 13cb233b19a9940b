"""Inspect's real providers, connected to the local server, and what their runs leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model, get_model

from protocol.server import Protocol, ProtocolServer


@dataclass(frozen=True)
class Provider:
    """A model of a provider, and where and how it is asked."""

    model: str
    path: str = "/v1"
    config: dict[str, Any] = field(default_factory=dict)


PROVIDERS: dict[Protocol, Provider] = {
    "chat": Provider("openai/gpt-4o"),
    "responses": Provider("openai/o3"),
    "messages": Provider("anthropic/claude-sonnet-4-6", "", {"reasoning_tokens": 1024}),
}


def connect(server: ProtocolServer, protocol: Protocol, **client: Any) -> Model:
    """A model whose calls go to the server."""
    provider = PROVIDERS[protocol]
    return get_model(provider.model, base_url=server.url + provider.path, memoize=False, **client)


def samples_of(log: EvalLog) -> list[EvalSample]:
    """The samples of a log that has some."""
    assert log.samples is not None
    return log.samples


def outcome(sample: EvalSample) -> str:
    """How the sample was read, by the scorer that sees every sample."""
    assert sample.scores
    return str((sample.scores["answers"].metadata or {})["outcome"])
