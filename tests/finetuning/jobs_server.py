"""The local protocol server with OpenAI's files and fine-tuning jobs, which fail on demand.

A job passes through the states of `course`, one for each question after it. When it succeeds its
model answers chat completions like any other; before that its name is unknown. Faults are
scripted for each kind of request, in order of arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from itertools import count
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from protocol.server import ProtocolServer

Step = Literal["upload", "file", "create", "list", "poll"]

Fault = Literal[
    "none",  # answered as it should be
    "rate_limited", "server_error", "key_expired", "no_quota",  # see REFUSALS
    "not_tunable", "file_rejected", "not_allowed", "odd",
    "dropped",  # the connection closes before anything was done
    "lost",  # done, and the connection closes before the answer is out
    "stalled",  # done, and the answer waits for as long as the server is `held`
    "page", "garbled",  # 200 with what is no JSON
]  # fmt: skip

KEY = "not-a-key"
SNAPSHOT = "-2025-04-14"
"""What the service puts behind a model's name: the version that is trained."""

COURSE = ("validating_files", "queued", "running", "succeeded")


@dataclass
class Sent:
    """A file that was uploaded."""

    name: str
    content: bytes
    purpose: str


@dataclass
class JobsServer(ProtocolServer):
    """The server; enter it as a context.

    Attributes:
        faults: What each kind of request is met with, in order of arrival; then nothing.
        course: States of a job, the first when it is created, the next at each question.
        failure: Code, sentence and parameter of a job that fails.
        held: Whether stalled answers go on waiting.
        lists_jobs: Whether the list of jobs shows any; one that lags does not.
        page: The most jobs in one answer of the list.
        requests: Every request, by its kind.
        bodies: What jobs were asked for with.
        files: What was uploaded, by id.
        jobs: The jobs, by id.
    """

    faults: dict[Step, list[Fault]] = field(default_factory=dict)
    course: tuple[str, ...] = COURSE
    failure: tuple[str, str, str | None] = ("server_error", "The job\nfailed.", None)
    held: bool = True
    lists_jobs: bool = True
    page: int = 100
    requests: list[Step] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Sent] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """Be as at the start: one server is enough for many tests, and starting takes a while."""
        for name, value in vars(JobsServer()).items():
            if not name.startswith("_"):
                setattr(self, name, value)

    def routes(self) -> list[Route]:
        chat, *others = super().routes()
        return [
            Route(chat.path, self._known_model(chat.endpoint), methods=["POST"]),
            *others,
            self._route("upload", "/files", "POST", self._upload),
            self._route("file", "/files/{file}", "GET", self._file),
            self._route("create", "/fine_tuning/jobs", "POST", self._create),
            self._route("list", "/fine_tuning/jobs", "GET", self._list),
            self._route("poll", "/fine_tuning/jobs/{job}", "GET", self._poll),
        ]

    def _route(
        self, step: Step, path: str, method: str, act: Callable[[Request], Awaitable[Response]]
    ) -> Route:
        async def handle(request: Request) -> Response:
            self.requests.append(step)
            waiting = self.faults.get(step)
            fault = waiting.pop(0) if waiting else "none"
            if request.headers.get("authorization") != f"Bearer {KEY}":
                fault = "key_expired"
            await request.body()  # a real server reads a request before it refuses it
            if fault == "lost":
                await act(request)
            if fault == "stalled":
                answer = await act(request)
                while self.held and not await request.is_disconnected():
                    await asyncio.sleep(0.01)
                return answer
            return _met_with(fault, self.retry_after) or await act(request)

        return Route(f"/v1{path}", handle, methods=[method])

    def _known_model(
        self, endpoint: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            model = (await request.json())["model"]
            made = {job["fine_tuned_model"] for job in self.jobs.values()}
            if model.startswith("ft:") and model not in made:
                return _error(404, "model_not_found", f"There is no model {model}.")
            return await endpoint(request)

        return handle

    async def _upload(self, request: Request) -> Response:
        kind = request.headers["content-type"].encode()
        form = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + await request.body())
        parts: dict[str, Any] = {}
        name = ""
        for part in form.get_payload():
            assert not isinstance(part, str)
            label = str(part.get_param("name", header="content-disposition"))
            parts[label] = part.get_payload(decode=True)
            name = part.get_filename() or name
        sent = Sent(name, parts["file"], parts["purpose"].decode())
        identity = f"file-{len(self.files) + 1}"
        self.files[identity] = sent
        return JSONResponse(_file(identity, sent))

    async def _file(self, request: Request) -> Response:
        identity = request.path_params["file"]
        if identity not in self.files:
            return _error(404, "not_found", f"No such File object: {identity}")
        return JSONResponse(_file(identity, self.files[identity]))

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        if body["training_file"] not in self.files:
            message = f"File {body['training_file']} does not exist."
            return _error(400, "invalid_file", message, "training_file")
        identity = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[identity] = {
            "object": "fine_tuning.job",
            "id": identity,
            "created_at": next(_CLOCK),
            "model": body["model"] + SNAPSHOT,
            "training_file": body["training_file"],
            "validation_file": body.get("validation_file"),
            "seed": body.get("seed"),
            "method": body["method"],
            "hyperparameters": body["method"]["supervised"]["hyperparameters"],
            "organization_id": "org-1",
            "result_files": [],
            "status": self.course[0],
            "fine_tuned_model": None,
            "trained_tokens": None,
            "estimated_finish": 1_800_000_000,
            "error": None,
            "suffix": body.get("suffix"),
            "asked": 0,
        }
        return JSONResponse(self._shown(identity))

    async def _list(self, request: Request) -> Response:
        latest = [identity for identity in reversed(self.jobs) if self.lists_jobs]
        if after := request.query_params.get("after"):
            latest = latest[latest.index(after) + 1 :]
        most = min(int(request.query_params["limit"]), self.page)
        shown = [self._shown(identity) for identity in latest[:most]]
        return JSONResponse({"object": "list", "data": shown, "has_more": len(latest) > most})

    async def _poll(self, request: Request) -> Response:
        identity = request.path_params["job"]
        if identity not in self.jobs:
            return _error(404, "not_found", f"Could not find fine tune: {identity}")
        job = self.jobs[identity]
        job["asked"] += 1
        job["status"] = self.course[min(job["asked"], len(self.course) - 1)]
        if job["status"] == "succeeded":
            suffix = job["suffix"] or ""
            job["fine_tuned_model"] = f"ft:{job['model']}:org:{suffix}:{identity[-1]}"
            job["trained_tokens"] = 12_345
        if job["status"] == "failed":
            code, message, param = self.failure
            job["error"] = {"code": code, "message": message, "param": param}
        return JSONResponse(self._shown(identity))

    def _shown(self, identity: str) -> dict[str, Any]:
        hidden = ("asked", "suffix")
        return {key: value for key, value in self.jobs[identity].items() if key not in hidden}


_CLOCK = count(1_700_000_000)


def _file(identity: str, sent: Sent) -> dict[str, Any]:
    return {
        "object": "file",
        "id": identity,
        "bytes": len(sent.content),
        "created_at": 1_700_000_000,
        "filename": sent.name,
        "purpose": sent.purpose,
        "status": "processed",
    }


REFUSALS: dict[str, tuple[int, str, str, str | None]] = {
    "rate_limited": (429, "rate_limit_exceeded", "Too many requests.", None),
    "server_error": (500, "server_error", "The server had an error.", None),
    "key_expired": (401, "invalid_api_key", "Incorrect API key provided: not-a****key.", None),
    "no_quota": (429, "insufficient_quota", "You exceeded your current quota.", None),
    "not_tunable": (400, "model_not_available", "Model gpt-9 is not available.", "model"),
    "file_rejected": (
        *(400, "invalid_jsonl"),
        *("Invalid file format.\nExample 1 is missing the key 'messages'.", "file"),
    ),
    "not_allowed": (403, "insufficient_permissions", "Missing scopes: api.files.write", None),
    "odd": (400, "unheard_of", "Something else.", None),
}
"""Status, code, sentence and parameter of each refusal."""

BROKEN: dict[str, Response] = {
    # Fewer bytes than announced: the server closes the connection.
    "dropped": Response('{"id":', headers={"content-length": "1000"}),
    "lost": Response('{"id":', headers={"content-length": "1000"}),
    "page": PlainTextResponse("<!doctype html><p>Welcome to the proxy</p>"),
    "garbled": Response('{"id": <!doctype', media_type="application/json"),
}


def _error(status: int, code: str, message: str, param: str | None = None) -> Response:
    error = {"message": message, "type": "invalid_request_error", "code": code, "param": param}
    return JSONResponse({"error": error}, status_code=status)


def _met_with(fault: Fault, retry_after: float) -> Response | None:
    if fault not in REFUSALS:
        return BROKEN.get(fault)
    response = _error(*REFUSALS[fault])
    if fault == "rate_limited":
        response.headers["Retry-After"] = str(retry_after)
    return response
