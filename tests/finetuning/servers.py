"""Local stand-ins for OpenAI's fine-tuning jobs and for the Hugging Face Hub, which fail on demand.

Faults are scripted for each kind of request, in order of arrival.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any, ClassVar, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from protocol.server import ProtocolServer

Act = Callable[[Request], Awaitable[Response]]


def _error(status: int, code: str, message: str, param: str | None = None) -> Response:
    """An error of OpenAI."""
    error = {"message": message, "type": "invalid_request_error", "code": code, "param": param}
    return JSONResponse({"error": error}, status_code=status)


# Fewer bytes than announced: the server closes the connection.
_CUT = Response('{"id":', headers={"content-length": "1000"})
COMMON: dict[str, Response] = {
    "dropped": _CUT,  # the connection closes before anything was done
    "lost": _CUT,  # done, and the connection closes before the answer is out
    "page": PlainTextResponse("<!doctype html><p>Welcome to the proxy</p>"),
}


@dataclass
class ScriptedServer(ProtocolServer):
    """A server with scripted faults; enter it as a context."""

    faults: dict[str, list[str]] = field(default_factory=dict)  # by kind of request
    requests: list[str] = field(default_factory=list)  # the kind of each

    key: ClassVar[str]
    key_fault: ClassVar[str]
    responses: ClassVar[Mapping[str, Response]]

    def forget(self) -> None:
        """Reset all state, so that one server, whose start takes a while, serves many tests."""
        for name, value in vars(type(self)()).items():
            if not name.startswith("_"):
                setattr(self, name, value)

    def route(self, step: str, path: str, method: str, act: Act) -> Route:
        async def handle(request: Request) -> Response:
            self.requests.append(step)
            waiting = self.faults.get(step)
            fault = waiting.pop(0) if waiting else "none"
            if request.headers.get("authorization") != f"Bearer {self.key}":
                fault = self.key_fault
            await request.body()  # a real server reads a request before it refuses it
            if fault not in ("none", "lost"):
                return {**COMMON, **self.responses}[fault]
            answer = await act(request)
            return COMMON["lost"] if fault == "lost" else answer

        return Route(path, handle, methods=[method])


class Sent(NamedTuple):
    """A file that was uploaded."""

    name: str
    content: bytes
    purpose: str = "fine-tune"


@dataclass
class JobsServer(ScriptedServer):
    """OpenAI's files and jobs, by id.

    A job has the first state of `course` when it is created, and the next at each poll; `left`
    holds the states to come, by job. `failure` is code, message and parameter of a failed job.
    """

    course: tuple[str, ...] = ("validating_files", "queued", "running", "succeeded")
    failure: tuple[str, str, str | None] = ("server_error", "The job\nfailed.", None)
    bodies: list[dict[str, Any]] = field(default_factory=list)  # the requests for jobs
    files: dict[str, Sent] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)

    key = "not-a-key"
    key_fault = "key_expired"
    responses: ClassVar = {
        "rate_limited": _error(429, "rate_limit_exceeded", "Too many requests."),
        "server_error": _error(500, "server_error", "The server had an error."),
        "key_expired": _error(401, "invalid_api_key", "Incorrect API key provided: not-a****key."),
        "file_rejected": _error(400, "invalid_jsonl", "Example 1 is\nmissing 'messages'.", "file"),
    }

    def routes(self) -> list[Route]:
        jobs = "/v1/fine_tuning/jobs"
        return [
            self.route("upload", "/v1/files", "POST", self._upload),
            self.route("create", jobs, "POST", self._create),
            self.route("poll", jobs + "/{job}", "GET", self._poll),
        ]

    async def _upload(self, request: Request) -> Response:
        kind = request.headers["content-type"].encode()
        form = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + await request.body())
        parts: dict[Any, Any] = {
            part.get_param("name", header="content-disposition"): part for part in form.walk()
        }
        purpose, content = (parts[one].get_payload(decode=True) for one in ("purpose", "file"))
        name = f"file-{len(self.files) + 1}"
        self.files[name] = Sent(parts["file"].get_filename(), content, purpose.decode())
        return JSONResponse({"object": "file", "id": name})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        if body["training_file"] not in self.files:
            return _error(400, "invalid_file", "The file does not exist.", "training_file")
        name = f"ftjob-{len(self.jobs) + 1}"
        status, *self.left[name] = self.course
        self.jobs[name] = {
            **{"id": name, "model": body["model"] + "-2025-04-14", "status": status},
            **{"training_file": body["training_file"], "suffix": body.get("suffix")},
            **dict.fromkeys(("fine_tuned_model", "trained_tokens", "error")),
        }
        return JSONResponse(self.jobs[name])

    async def _poll(self, request: Request) -> Response:
        name = request.path_params["job"]
        if name not in self.jobs:
            return _error(404, "not_found", f"Could not find fine tune: {name}")
        job = self.jobs[name]
        if self.left[name]:
            job["status"] = self.left[name].pop(0)
        if job["status"] == "succeeded":
            model = f"ft:{job['model']}:org:{job['suffix'] or ''}:{name[-1]}"
            job |= {"fine_tuned_model": model, "trained_tokens": 12_345}
        if job["status"] == "failed":
            job["error"] = dict(zip(("code", "message", "param"), self.failure, strict=True))
        return JSONResponse(job)


@dataclass
class Model:
    """A repository of the Hub: whether only its owner sees it, its files, and its commits."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


@dataclass
class HubServer(ScriptedServer):
    """The Hub, which takes every file with the commit itself, as the Hub takes small ones."""

    models: dict[str, Model] = field(default_factory=dict)

    key = "hf_not_a_token"
    key_fault = "unknown_token"
    responses: ClassVar = {
        "unknown_token": JSONResponse({"error": "Invalid username or password."}, 401),
        "not_allowed": JSONResponse({"error": "You don't have the rights to create a model."}, 403),
        "many_lines": JSONResponse({"error": "Rejected.\nFiles are too large.\n\nSee."}, 400),
    }

    def routes(self) -> list[Route]:
        model = "/api/models/{owner}/{name}"
        return [
            self.route("create", "/api/repos/create", "POST", self._create),
            self.route("card", "/api/validate-yaml", "POST", self._card),
            self.route("info", model, "GET", self._info),
            self.route("files", model + "/preupload/main", "POST", self._files),
            self.route("commit", model + "/commit/main", "POST", self._commit),
        ]

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        name = f"{body['organization']}/{body['name']}"
        status = 409 if name in self.models else 200
        # Versions of the client say it in either way.
        private = body.get("visibility") == "private" or bool(body.get("private"))
        self.models.setdefault(name, Model(private))
        return JSONResponse({"url": f"{self.url}/{name}", "error": "exists"}, status)

    async def _info(self, request: Request) -> Response:
        name = _name(request)
        if name not in self.models:
            return JSONResponse({"error": "Repository not found"}, 404)
        return JSONResponse({"id": name, "private": self.models[name].private, "siblings": []})

    async def _card(self, request: Request) -> Response:
        return JSONResponse({"errors": [], "warnings": []})

    async def _files(self, request: Request) -> Response:
        paths = [one["path"] for one in (await request.json())["files"]]
        mode = {"uploadMode": "regular", "shouldIgnore": False}
        return JSONResponse({"files": [{"path": path, **mode} for path in paths]})

    async def _commit(self, request: Request) -> Response:
        name = _name(request)
        for line in (await request.body()).decode().splitlines():
            part = json.loads(line)
            if part["key"] == "header":
                self.models[name].commits.append(part["value"]["summary"])
            else:
                content = base64.b64decode(part["value"]["content"])
                self.models[name].files[part["value"]["path"]] = content
        url = f"{self.url}/{name}/commit/{'1' * 40}"
        return JSONResponse({"success": True, "commitOid": "1" * 40, "commitUrl": url})


def _name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['name']}"
