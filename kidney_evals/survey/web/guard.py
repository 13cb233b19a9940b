"""The outermost layer of the survey's server: it sees every request before anything is parsed.

It finds the client behind trusted proxies, limits rates and the size of bodies, and adds the
security headers to every response. Nothing that tells people apart is logged.
"""

from __future__ import annotations

import asyncio
import ipaddress
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kidney_evals.survey.store import StoreError
from kidney_evals.survey.web.limits import LOGGER, RateLimit, Refusals

MAX_BODY: Final = 4096
"""Size limit of a form, in bytes."""

BODY_SECONDS: Final = 10.0
"""Longest time in which a client may send a form."""

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), interest-cohort=()",
    "x-robots-tag": "noindex",
}

FORM_TYPE: Final = "application/x-www-form-urlencoded"

Refuse = Callable[[Scope, int, float], ASGIApp]
"""Returns the page that refuses a request, for its status and the seconds to wait."""


@dataclass
class Guard:
    """The ASGI application around the pages.

    Attributes:
        app: The pages.
        refuse: Makes the response to a refused request.
        refusals: Counts refused requests.
        proxies: Number of trusted reverse proxies in front of the server.
        root: Path under which a reverse proxy serves the pages ("/survey"), or "".
        requests: The limit of all requests of a client. It is high, as the people of a school or
            a hospital may share one address.
    """

    app: ASGIApp
    refuse: Refuse
    refusals: Refusals
    proxies: int = 0
    root: str = ""
    requests: RateLimit = field(default_factory=lambda: RateLimit(burst=600, per_second=60))
    _reported: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        client, scheme = _origin(scope, headers, self.proxies)
        path = scope["path"]
        if self.root and f"{path}/".startswith(f"{self.root}/"):
            path = path.removeprefix(self.root) or "/"
        scope = {**scope, "path": path, "root_path": "", "scheme": scheme, "client_key": client}
        started = False

        async def secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found.setdefault(name, value)
                found.setdefault("cache-control", "no-store")
            await send(message)

        try:
            if wait := self.requests.spend(client):
                await self._stop(429, "above the rate limit", scope, receive, secured, wait)
                return
            if scope["method"] == "POST":
                body = await _read(headers, receive)
                if isinstance(body, int):
                    reason = {413: "with a body too large", 415: "with a body of another type"}
                    await self._stop(
                        body, reason.get(body, "with an incomplete body"), scope, receive, secured
                    )
                    return
                scope["form_body"] = body
            await self.app(scope, receive, secured)
        except Exception as error:
            self._report(error)
            if not started:
                await self.refuse(scope, 500, 0.0)(scope, receive, secured)

    async def _stop(
        self,
        status: int,
        reason: str,
        scope: Scope,
        receive: Receive,
        send: Send,
        wait: float = 0.0,
    ) -> None:
        self.refusals.add(reason)
        await self.refuse(scope, status, wait)(scope, receive, send)

    def _report(self, error: Exception) -> None:
        """Log an error of the program: the place in full once, then only its count."""
        stack = traceback.extract_tb(error.__traceback__)
        frames = [one for one in stack if "kidney_evals" in one.filename] or stack[-1:]
        place = f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}"
        self.refusals.add(f"failed by {place}")
        if place not in self._reported and len(self._reported) < 100:
            self._reported.add(place)
            # Other messages may hold what somebody answered.
            shown = str(error) if isinstance(error, StoreError) else place
            LOGGER.error("%s\n%s", shown, "".join(traceback.format_list(frames)).rstrip())


def _origin(scope: Scope, headers: Headers, proxies: int) -> tuple[str, str]:
    """Return the client of a request, for limits, and its scheme.

    Each trusted proxy appends the address that it was called from, so that the last `proxies`
    entries can be believed and the first of them is the client.
    """
    address, scheme = (scope.get("client") or ("unknown", 0))[0], scope["scheme"]
    if proxies:
        if entries := _listed(headers, "x-forwarded-for"):
            address = entries[-min(proxies, len(entries))]
        if entries := _listed(headers, "x-forwarded-proto"):
            scheme = entries[-min(proxies, len(entries))]
    # Some proxies append the port: "192.0.2.1:4711", "[2001:db8::1]:4711".
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100], "https" if scheme == "https" else "http"
    # Whoever has one address of version 6 usually has all of its network.
    width = 64 if found.version == 6 else 32
    network = ipaddress.ip_network(f"{found}/{width}", strict=False)
    return str(network), "https" if scheme == "https" else "http"


def _listed(headers: Headers, name: str) -> list[str]:
    values = ",".join(headers.getlist(name)).split(",")
    return [value.strip() for value in values if value.strip()]


async def _read(headers: Headers, receive: Receive) -> bytes | int:
    """Return the body of a form, or the status that refuses it."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > MAX_BODY:
        return 413
    kind = headers.get("content-type", FORM_TYPE).split(";")[0].strip().lower()
    if kind != FORM_TYPE:
        return 415
    try:
        return await asyncio.wait_for(_chunks(receive), BODY_SECONDS)
    except TimeoutError:
        return 408


async def _chunks(receive: Receive) -> bytes | int:
    body = b""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return 400
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY:
            return 413
        if not message.get("more_body"):
            return body
