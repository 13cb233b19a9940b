"""The outermost layer of the survey's server: it sees every request before anything is parsed.

It finds the client behind trusted proxies, limits rates and the size of bodies, and adds the
security headers to every response. Nothing that tells people apart is logged.
"""

import asyncio
import ipaddress
import logging
import time
import traceback
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kidney_evals.survey.store import StoreError

MAX_BODY: Final = 4096
"""Size limit of a form, in bytes."""

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

_REASONS: Final = {
    413: "with a body too large",
    415: "with a body of another type",
    429: "above the rate limit",
}

LOGGER: Final = logging.getLogger("kidney_evals.survey")


@dataclass
class RateLimit:
    """A limit of events for each client (a token bucket); `clock` returns seconds.

    A client can cause `burst` events at once, then `per_second` events in each second.
    """

    burst: float
    per_second: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def spend(self, client: str) -> float:
        """Count an event of a client and return 0, or refuse it and return the seconds to wait."""
        with self._lock:
            now = self.clock()
            left, since = self._left.get(client, (self.burst, 0.0))
            available = min(self.burst, left + (now - since) * self.per_second)
            if available < 1:
                return (1 - available) / self.per_second
            self._left[client] = (available - 1, now)
            self._left.move_to_end(client)
            if len(self._left) > 10_000:  # the client not seen for longest goes first
                self._left.popitem(last=False)
            return 0.0


class Refusals:
    """Counts of refused requests by reason, logged as one line for all of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, reason: str) -> None:
        """Count a refused request.

        The log shows the count followed by `reason` ("above the rate limit").
        """
        with self._lock:
            self._counts[reason] += 1

    def log(self) -> None:
        """Log the counts since the last call as one line; log nothing if there are none."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if counts:
            listed = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
            LOGGER.warning("refused requests: %s", listed)


Refuse = Callable[[Scope, int, float], ASGIApp]
"""Returns the application that refuses a request, for an HTTP status and the seconds to wait."""


@dataclass
class Guard:
    """The ASGI application around the pages.

    Attributes:
        app: The application of the pages.
        refuse: Makes the response to a refused request.
        refusals: The counts of refused requests.
        proxies: As in `SurveyApp`.
        root: As in `SurveyApp`.
        requests: The limit of all requests of a client. It is high, as the people of a school or a
            hospital may share one address.
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
            wait = self.requests.spend(client)
            refused = 429 if wait else None
            if not wait and scope["method"] == "POST":
                body = await _read(headers, receive)
                refused = body if isinstance(body, int) else None
                scope["form_body"] = body
            if refused is not None:
                self.refusals.add(_REASONS.get(refused, "with an incomplete body"))
                await self.refuse(scope, refused, wait)(scope, receive, secured)
            else:
                await self.app(scope, receive, secured)
        except Exception as error:
            self._report(error)
            if not started:
                await self.refuse(scope, 500, 0.0)(scope, receive, secured)

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
        address = _forwarded(headers, "x-forwarded-for", proxies) or address
        scheme = _forwarded(headers, "x-forwarded-proto", proxies) or scheme
    scheme = "https" if scheme == "https" else "http"
    # Some proxies append the port: "192.0.2.1:4711", "[2001:db8::1]:4711".
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100], scheme
    # Whoever has one address of version 6 usually has all of its network.
    width = 64 if found.version == 6 else 32
    return str(ipaddress.ip_network(f"{found}/{width}", strict=False)), scheme


def _forwarded(headers: Headers, name: str, proxies: int) -> str:
    values = [value.strip() for value in ",".join(headers.getlist(name)).split(",")]
    entries = [value for value in values if value]
    return entries[-min(proxies, len(entries))] if entries else ""


async def _read(headers: Headers, receive: Receive) -> bytes | int:
    """Return the body of a form, or the status that refuses it."""
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length[:20]) > MAX_BODY:
        return 413
    kind = headers.get("content-type", FORM_TYPE).split(";")[0].strip().lower()
    if kind != FORM_TYPE:
        return 415
    try:
        return await asyncio.wait_for(_chunks(receive), timeout=10.0)
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
