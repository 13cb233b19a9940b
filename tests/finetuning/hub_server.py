"""A local stand-in for the Hugging Face Hub: models with files, commits, and faults on demand.

It takes every file with the commit itself, as the Hub takes small ones.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from protocol.server import ProtocolServer

Step = Literal["create", "info", "card", "files", "commit"]

Fault = Literal[
    "unknown_token",  # 401
    "not_allowed",  # 403
    "server_error",  # 500
    "page",  # 500 with a page for people
    "many_lines",  # 400 with an explanation of several lines
    "dropped",  # the connection closes in the middle of the answer
]

TOKEN = "hf_not_a_token"


@dataclass
class Model:
    """A repository.

    Attributes:
        private: Whether only its owner sees it.
        files: What is in it.
        commits: The messages of its commits.
    """

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


@dataclass
class HubServer(ProtocolServer):
    """The server; enter it as a context.

    Attributes:
        models: The repositories, by name.
        faults: What a kind of request is met with, until it is taken out.
        requests: Every request, by its kind.
    """

    models: dict[str, Model] = field(default_factory=dict)
    faults: dict[Step, Fault] = field(default_factory=dict)
    requests: list[Step] = field(default_factory=list)

    def forget(self) -> None:
        """Be as at the start: one server is enough for many tests, and starting takes a while."""
        self.models, self.faults, self.requests = {}, {}, []

    def routes(self) -> list[Route]:
        model = "/api/models/{owner}/{name}"
        return [
            self._route("create", "/api/repos/create", "POST", self._create),
            self._route("card", "/api/validate-yaml", "POST", self._card),
            self._route("info", model, "GET", self._info),
            self._route("files", model + "/preupload/main", "POST", self._files),
            self._route("commit", model + "/commit/main", "POST", self._commit),
        ]

    def _route(
        self, step: Step, path: str, method: str, act: Callable[[Request], Awaitable[Response]]
    ) -> Route:
        async def handle(request: Request) -> Response:
            self.requests.append(step)
            await request.body()  # a real server reads a request before it refuses it
            fault = self.faults.get(step)
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                fault = "unknown_token"
            return _met_with(fault) if fault else await act(request)

        return Route(path, handle, methods=[method])

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        name = f"{body['organization']}/{body['name']}"
        if name in self.models:
            message = "You already created this model repo"
            return JSONResponse({"error": message, "url": self._url(name)}, status_code=409)
        # Versions of the client say it in either way.
        self.models[name] = Model(body.get("visibility") == "private" or bool(body.get("private")))
        return JSONResponse({"url": self._url(name)})

    async def _info(self, request: Request) -> Response:
        name = _name(request)
        if name not in self.models:
            return _error(404, "Repository not found", {"X-Error-Code": "RepoNotFound"})
        known = self.models[name]
        siblings = [{"rfilename": file} for file in known.files]
        about = {"id": name, "private": known.private, "siblings": siblings, "sha": "0" * 40}
        return JSONResponse(about)

    async def _card(self, request: Request) -> Response:
        body: dict[str, Any] = await request.json()
        if not str(body["content"]).startswith("---\n"):
            problem = {"message": "empty or missing yaml metadata"}
            return JSONResponse({"errors": [problem], "warnings": []}, status_code=400)
        return JSONResponse({"errors": [], "warnings": []})

    async def _files(self, request: Request) -> Response:
        asked = (await request.json())["files"]
        mode = {"uploadMode": "regular", "shouldIgnore": False}
        return JSONResponse({"files": [{"path": one["path"], **mode} for one in asked]})

    async def _commit(self, request: Request) -> Response:
        name = _name(request)
        known = self.models[name]
        for line in (await request.body()).decode().splitlines():
            part = json.loads(line)
            if part["key"] == "header":
                known.commits.append(part["value"]["summary"])
            else:
                assert part["key"] == "file", part
                known.files[part["value"]["path"]] = base64.b64decode(part["value"]["content"])
        url = f"{self._url(name)}/commit/{'1' * 40}"
        return JSONResponse({"success": True, "commitOid": "1" * 40, "commitUrl": url})

    def _url(self, name: str) -> str:
        return f"{self.url}/{name}"


def _name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['name']}"


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    told = {"X-Error-Message": message, "X-Request-Id": "req-1"}
    return JSONResponse({"error": message}, status_code=status, headers=told | (headers or {}))


def _met_with(fault: Fault) -> Response:
    match fault:
        case "unknown_token":
            return _error(401, "Invalid username or password.")
        case "not_allowed":
            return _error(403, "You don't have the rights to create a model under this namespace.")
        case "server_error":
            return _error(500, "Internal Error - We're working hard to fix this.")
        case "page":
            return Response("<!doctype html>\n<p>Sorry</p>", 500, media_type="text/html")
        case "many_lines":
            message = "Your push was rejected.\nFiles are too large.\n\nSee the docs."
            return JSONResponse({"error": message}, status_code=400)
        case "dropped":
            # Fewer bytes than announced: the server closes the connection.
            return Response('{"url":', headers={"content-length": "1000"})
