"""A local server that speaks the protocols of OpenAI and Anthropic and fails on demand.

It answers every prompt with `ANSWER: A`, in the schema of the request or by a call of its tool.
Like OpenAI and Anthropic, it refuses a conversation that goes on after a tool call without its
result. The probe that Inspect sends before a first reasoning call uses up no scripted reply.
"""

import json
import math
import random
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Protocol = Literal["chat", "responses", "messages"]

Body = Mapping[str, Any]
"""The JSON of a request."""

Outcome = Literal[
    "answer",  # 200, a final line that names patient A
    "dropped",  # 200, then the connection closes in the middle of the body
    "truncated",  # cut off before the final line
    "undecided",  # both patients named, neither chosen: unreadable
    "refused",  # a refusal in the protocol's own field
    "filtered",  # a content filter cut in
    "no_quota",  # 429, insufficient_quota (OpenAI) or an empty balance (Anthropic: 400)
    "calls_unoffered",  # a call of a tool that no request offers, beside an answer in text
    "calls_parallel",  # two calls of the offered tool that disagree, else of a tool not offered
]


@dataclass(frozen=True)
class Fault:
    """An HTTP response that is no answer."""

    status: int
    body: str  # a text, or the message of an error in the form of OpenAI and Anthropic
    code: str | None = None  # of the error, if `body` is its message
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0  # seconds before it is sent

    def response(self) -> Response:
        """Return the response; Anthropic's client ignores `code` and `param`."""
        if self.code is None:
            return Response(self.body, status_code=self.status, headers=dict(self.headers))
        error = {"message": self.body, "type": self.code, "code": self.code, "param": None}
        body = {"type": "error", "error": error}
        return JSONResponse(body, status_code=self.status, headers=dict(self.headers))


Reply = Outcome | Fault

NO_QUOTA = Fault(429, "The quota of this account is used up.", "insufficient_quota")
NO_CREDIT = Fault(
    400, "Your credit balance is too low to access the Anthropic API.", "invalid_request_error"
)
FLAGGED = Fault(400, "This prompt is flagged.", "policy")

_JSON = {"content-type": "application/json"}
MALFORMED = Fault(200, '{"id": <!doctype', headers=_JSON)
_EMPTY = '{"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": []}'
NO_CHOICES = Fault(200, _EMPTY, headers=_JSON)

ANSWER = "Patient A is younger, and the rest is alike.\n\nANSWER: A"
CUT_OFF = "Let me think about patient A and patient B. Patient A is"
UNDECIDED = "Option A: the first patient. Option B: the second patient."
REFUSAL = "I'm sorry, but I can't help with choosing who lives."
CHOICE = {"index": 0, "logprobs": None, "finish_reason": "stop"}


class Call(NamedTuple):
    """A request for an answer."""

    body: dict[str, Any]
    outcome: Reply


class Said(NamedTuple):
    """A reply in no protocol: its text, names and arguments of its calls by id, and how it ends."""

    text: str
    calls: Mapping[str, tuple[str, dict[str, Any]]]
    end: str


@dataclass
class ProtocolServer:
    """The server; enter it as a context to start it on a free port of 127.0.0.1."""

    script: Sequence[Reply] = ()  # to the first requests, in order of arrival
    default: Reply = "answer"  # to every other request
    # Probabilities of answer words, from which chat answers are drawn with their log-probabilities.
    chances: Mapping[str, float] = field(default_factory=dict)
    varied: bool = False  # whether chat answers depend on the question, as `answer_to` says
    pause: float = 0  # seconds before an answer is sent
    calls: list[Call] = field(default_factory=list)  # the requests, without probes
    probes: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        # Without a log configuration of its own uvicorn stays silent about connections cut short.
        quiet: dict[str, Any] = {"log_config": None, "log_level": "critical"}
        app = Starlette(routes=self.routes())
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, **quiet))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def routes(self) -> list[Route]:
        """Return the addresses and their handlers."""
        return [
            Route("/v1/chat/completions", self._handler("chat", _chat), methods=["POST"]),
            Route("/v1/responses", self._handler("responses", _responses), methods=["POST"]),
            Route("/v1/messages", self._handler("messages", _messages), methods=["POST"]),
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline, "the protocol server did not start"
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    @property
    def url(self) -> str:
        """The server's address, without `/v1`."""
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    @property
    def outcomes(self) -> list[Reply]:
        """The replies, in order of arrival."""
        return [call.outcome for call in self.calls]

    def _handler(
        self, protocol: Protocol, speak: Callable[[Said], dict[str, Any]]
    ) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            body = await request.json()
            with self._lock:
                if body.get("input") == "Please say 'hello, world'":
                    self.probes += 1
                    return JSONResponse(speak(_said("answer", {})))
                arrived = len(self.calls)
                reply = self.script[arrived] if arrived < len(self.script) else self.default
                self.calls.append(Call(body, reply))
            if reply == "no_quota":
                reply = NO_CREDIT if protocol == "messages" else NO_QUOTA
            if isinstance(reply, Fault):
                await anyio.sleep(reply.pause)
                return reply.response()
            if reply == "dropped":
                # Fewer bytes than announced: the server closes the connection.
                return Response('{"id":', headers={"content-length": "1000"})
            await anyio.sleep(self.pause)
            if unanswered := _unanswered(body):
                message = f"No result for tool calls {sorted(unanswered)}."
                return Fault(400, message, "invalid_request_error").response()
            said = _said(reply, body)
            if self.varied:
                said = said._replace(text=f"ANSWER: {answer_to(prompt_of(body))}")
            spoken = speak(said)
            if self.chances and protocol == "chat":
                spoken["choices"] = [_drawn(self.chances, body, arrived + 1)]
            return _stream(spoken) if body.get("stream") else JSONResponse(spoken)

        return handle


def prompt_of(body: Body) -> str:
    """Return the first question of a chat request."""
    return next(str(turn["content"]) for turn in body["messages"] if turn["role"] == "user")


def answer_to(prompt: str) -> str:
    """Return the answer of a `varied` server, which depends on the question only."""
    return ("A", "B", "COIN")[zlib.crc32(prompt.encode()) % 3]


def _drawn(chances: Mapping[str, float], body: Body, arrived: int) -> dict[str, Any]:
    """Return a choice drawn with known chances, with its log-probabilities if requested.

    A final message of the assistant is continued, as servers of local models do.
    """
    [word] = random.Random(arrived).choices([*chances], weights=[*chances.values()])
    begun = body["messages"][-1]["role"] == "assistant"
    label = "" if begun else "ANSWER:"
    message = {"role": "assistant", "content": f"{label} {word}", "refusal": None}
    choice: dict[str, Any] = CHOICE | {"message": message}
    if body.get("max_tokens") == 1:
        choice["finish_reason"] = "length"
    if body.get("logprobs"):
        answers = {f" {one}": chance for one, chance in chances.items()}
        places = [("ANSWER", {"ANSWER": 1.0}), (":", {":": 1.0}), (f" {word}", answers)]
        places = places[-1:] if begun else places
        content = []
        for token, place in places:
            likely = sorted(place, key=lambda one: -place[one])
            listed = [_token(one, place[one]) for one in likely[: body.get("top_logprobs") or 0]]
            content.append(_token(token, place[token]) | {"top_logprobs": listed})
        choice["logprobs"] = {"content": content, "refusal": None}
    return choice


def _token(token: str, chance: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(chance), "bytes": list(token.encode())}


def _stream(message: dict[str, Any]) -> Response:
    """Return a Claude message as server-sent events: Inspect streams whenever Claude thinks."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        at, kind = {"index": index}, block["type"]
        if kind == "tool_use":
            start = block | {"input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        else:
            fields = sorted(block.keys() - {"type"})
            start = dict.fromkeys(fields, "") | {"type": kind}
            deltas = [{"type": f"{name}_delta", name: block[name]} for name in fields]
        events.append({"type": "content_block_start", **at, "content_block": start})
        events += [{"type": "content_block_delta", **at, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", **at})
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": stop, "usage": message["usage"]})
    events.append({"type": "message_stop"})
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return Response("".join(lines), media_type="text/event-stream")


def schema_of(body: Body) -> dict[str, Any]:
    """Return the schema of a request for the reply, in any of the three protocols."""
    chat = (body.get("response_format") or {}).get("json_schema") or {}
    responses = (body.get("text") or {}).get("format") or {}
    messages = body.get("output_format") or {}
    return dict((chat or responses or messages).get("schema") or {})


def tool_of(body: Body) -> dict[str, Any]:
    """Return the parameters of a request's only tool, in any of the three protocols."""
    [tool] = body.get("tools") or [{}]
    tool = tool.get("function", tool)
    return dict(tool.get("parameters") or tool.get("input_schema") or {})


def _said(outcome: Outcome, body: Body) -> Said:
    """Return the reply to a request, in its schema or by a call of its tool."""
    schema, tool = schema_of(body), tool_of(body)
    text = {"truncated": CUT_OFF, "undecided": UNDECIDED, "refused": REFUSAL}.get(outcome, ANSWER)
    if schema and outcome != "refused":
        cut_off = '{"reasons": "' + CUT_OFF
        text = cut_off if outcome == "truncated" else json.dumps(_fields(outcome, schema))
    calls: list[tuple[str, dict[str, Any]]] = []
    if outcome == "calls_unoffered" or (outcome == "calls_parallel" and not tool):
        calls = [("patient_record", {"patient": name}) for name in "AB"]
    elif outcome == "calls_parallel":
        calls = [("answer", _fields(outcome, tool) | {"answer": name}) for name in "AB"]
    elif tool and outcome in ("answer", "undecided"):
        calls = [("answer", _fields(outcome, tool))]
    if outcome == "filtered" or (calls and outcome != "calls_unoffered"):
        text = ""
    end = "calls" if calls else str(outcome)
    return Said(text, {f"call_{place}": call for place, call in enumerate(calls, 1)}, end)


def _fields(outcome: Outcome, schema: Body) -> dict[str, Any]:
    answer = UNDECIDED if outcome == "undecided" else "A"
    return {name: answer if name == "answer" else "Younger." for name in schema["required"]}


def _turns(body: Body) -> list[dict[str, Any]]:
    """Return the messages of a conversation and the parts of their contents."""
    turns = list(body.get("messages") or body.get("input") or [])
    for turn in list(turns):
        content = turn.get("content")
        turns += [*(content if isinstance(content, list) else []), *(turn.get("tool_calls") or [])]
    return turns


def _unanswered(body: Body) -> set[str]:
    """Return the ids of the tool calls in a conversation that have no result."""
    called, returned = set(), set()
    for turn in _turns(body):
        kind, id = turn.get("type"), turn.get("call_id") or turn.get("id")
        if kind in ("function", "function_call", "tool_use"):
            called.add(str(id))
        elif kind == "function_call_output":
            returned.add(str(id))
        returned |= {turn[name] for name in ("tool_call_id", "tool_use_id") if name in turn}
    return called - returned


def _chat(said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": None}
    if said.end == "refused":
        message |= {"content": None, "refusal": said.text}
    if said.calls:
        message["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(of)}}
            for id, (name, of) in said.calls.items()
        ]
        message["content"] = said.text or None
    ends = {"truncated": "length", "filtered": "content_filter", "calls": "tool_calls"}
    choice = CHOICE | {"message": message, "finish_reason": ends.get(said.end, "stop")}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    return {"id": "chatcmpl-1", "model": "gpt-4o", "choices": [choice], "usage": usage}


def _responses(said: Said) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": "Comparing the two patients."}]
    output: list[dict[str, Any]] = [{"id": "rs_1", "type": "reasoning", "summary": summary}]
    reason = {"truncated": "max_output_tokens", "filtered": "content_filter"}.get(said.end)
    # Without a message: all the tokens went into reasoning, the filter cut in, or a call answers.
    if said.text and not reason:
        content: dict[str, Any] = {"type": "output_text", "text": said.text, "annotations": []}
        if said.end == "refused":
            content = {"type": "refusal", "refusal": said.text}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
        output.append(message | {"content": [content]})
    for id, (name, of) in said.calls.items():
        call = {"id": f"fc_{id}", "type": "function_call", "call_id": id, "status": "completed"}
        output.append(call | {"name": name, "arguments": json.dumps(of)})
    usage: dict[str, Any] = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
    usage["input_tokens_details"] = {"cached_tokens": 0}
    usage["output_tokens_details"] = {"reasoning_tokens": 8}
    return {
        "id": "resp_1",
        "model": "o3",
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "output": output,
        "usage": usage,
    }


def _messages(said: Said) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if said.end not in ("refused", "filtered"):
        thinking = {"type": "thinking", "thinking": "Comparing the two.", "signature": "c2lnbmVk"}
        content.append(thinking)
    if said.text:
        content.append({"type": "text", "text": said.text})
    for id, (name, of) in said.calls.items():
        content.append({"type": "tool_use", "id": id, "name": name, "input": of})
    # Anthropic has the same stop reason for refusals and filters.
    ends = {"truncated": "max_tokens", "calls": "tool_use"}
    ends |= {"refused": "refusal", "filtered": "refusal"}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"}
    end = {"stop_reason": ends.get(said.end, "end_turn"), "stop_sequence": None}
    return message | end | {"content": content, "usage": {"input_tokens": 100, "output_tokens": 20}}
