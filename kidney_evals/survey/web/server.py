"""The server of the survey: the owner's token, the socket, and uvicorn's settings."""

import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from kidney_evals.errors import UserError
from kidney_evals.survey.store import Store
from kidney_evals.survey.web.app import SurveyApp
from kidney_evals.survey.web.guard import LOGGER, Refusals

_MIN_TOKEN, _MAX_TOKEN = 24, 200
"""Length of an owner's token in characters."""


def owner_token(path: Path) -> tuple[str, bool]:
    """Return the owner's token, and whether its file is new: a missing file is made.

    Raises:
        UserError: The file cannot be read or written, or its first line is no valid token.
    """
    try:
        with suppress(FileExistsError):
            token = secrets.token_urlsafe(32)
            place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(place, "w", encoding="ascii") as file:
                file.write(f"{token}\n")
            return token, True
        with path.open(encoding="utf-8") as file:
            token = file.readline(_MAX_TOKEN + 2).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UserError(f"cannot read or write the owner's token {path} ({why})") from error
    if not _MIN_TOKEN <= len(token) <= _MAX_TOKEN:
        raise UserError(
            f"{path} must hold an owner's token of {_MIN_TOKEN} to {_MAX_TOKEN} characters in its "
            "first line; delete the file to have a new one made"
        )
    return token, False


def clean_root(root: str) -> str:
    """Return a path with a slash before it and none behind ("/survey"), "" for an empty path.

    Raises:
        UserError: A part of the path is empty or has characters other than letters, digits and -.
    """
    path = root.strip("/")
    if not path:
        return ""
    parts = path.split("/")
    if not all(part.isascii() and part.replace("-", "").isalnum() for part in parts):
        raise UserError(
            f"the root path {root!r} must be a path of letters, digits and -, such as /survey"
        )
    return f"/{path}"


def serve(
    store: Store,
    *,
    host: str,
    port: int,
    token_file: Path,
    proxies: int,
    root: str,
    say: Callable[[str], None],
) -> None:
    """Run the survey's web server until the process is stopped; port 0 takes any free port.

    The owner's token is in `token_file`, which is made if it does not exist. `proxies` and `root`
    are those of `SurveyApp`; slashes around `root` do not matter. `say` prints a line.

    Raises:
        UserError: The root path or the token is invalid, or the server cannot listen there.
    """
    root = clean_root(root)
    token, made = owner_token(token_file)
    app = SurveyApp(store, token, proxies=proxies, root=root)
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        say(f"The survey of {store.study.id} is at {address}/ (stop it with Ctrl-C)")
        if made:
            say(f"Owner's token, shown only now and kept in {token_file}: {token}")
        say(f"The owner's page is at {address}/results")
        _log_to_stderr(app.refusals)
        config = uvicorn.Config(
            app.asgi,
            access_log=False,
            log_config=None,
            log_level="warning",
            # uvicorn would trust these headers from this machine; the guard reads them.
            proxy_headers=False,
            server_header=False,
            http="h11",
            ws="none",
            lifespan="on",
            h11_max_incomplete_event_size=16_384,
            limit_concurrency=1000,
            timeout_graceful_shutdown=5,
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=1024)
        # A page is sent in two parts; without this the second waits for the receipt of the first,
        # which takes 40 ms. asyncio sets it only for sockets with the protocol's number.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(f"cannot listen on {host}, port {port} ({why})") from error


def _log_to_stderr(refusals: Refusals) -> None:
    def is_logged(record: logging.LogRecord) -> bool:
        # Anybody can cause uvicorn's warnings about malformed requests, so they are only counted.
        if record.levelno > logging.WARNING:
            return True
        refusals.add("that were no valid HTTP")
        return False

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    server = logging.getLogger("uvicorn.error")
    server.addHandler(handler)
    server.addFilter(is_logged)
    server.propagate = False
