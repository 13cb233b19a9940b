"""The session cookie, the token of forms that belongs to it, and the owner's sessions.

The cookie holds the person's code after consent. Before, and for the owner, it holds a random id
with a prefix that no code has.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from threading import Lock
from typing import Final

COOKIE: Final = "survey"

FORM_TOKEN: Final = "form"
"""Name of the field, in every form, that holds the token of the session."""

_VISITOR, _OWNER = "visitor.", "owner."
_SESSION = re.compile(r"[A-Za-z0-9_.-]{8,100}", re.ASCII)


def new_session() -> str:
    """Return a new session, for a visitor who has not consented yet."""
    return _VISITOR + secrets.token_urlsafe(24)


def well_formed(session: str) -> bool:
    """Return whether a cookie has the form of a session or a code."""
    return _SESSION.fullmatch(session) is not None


def is_code(session: str) -> bool:
    """Return whether a session is a person's code."""
    return not session.startswith((_VISITOR, _OWNER))


def form_token(session: str) -> str:
    """Return the token of the forms of a session.

    It can be computed only from the cookie, which no other site can read. It needs no
    key of the server, so that an open page stays valid when the server is started again.
    """
    return hmac.digest(session.encode(), b"kidney_evals survey form", "sha256").hex()


def is_form_token(session: str, token: str) -> bool:
    """Return whether `token` is the form token of a session; the comparison takes constant time."""
    return hmac.compare_digest(form_token(session).encode(), token.encode("utf-8", "replace"))


class Owner:
    """The token of the survey's owner, and the owner's open sessions.

    A session ends after an hour. Sessions are in memory only.
    """

    def __init__(self, token: str) -> None:
        self._digest = hashlib.sha256(token.encode()).digest()
        self._until: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def login(self, token: str) -> str | None:
        """Return a new session if `token` is the owner's, else None.

        The comparison takes constant time.
        """
        given = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        if not hmac.compare_digest(given, self._digest):
            return None
        session = _OWNER + secrets.token_urlsafe(32)
        with self._lock:
            self._until[session] = time.monotonic() + 3600.0  # then the token is asked for again
            if len(self._until) > 100:  # the oldest session ends first
                self._until.popitem(last=False)
        return session

    def is_open(self, session: str) -> bool:
        """Return whether a session is the owner's and has not ended."""
        with self._lock:
            return self._until.get(session, 0.0) > time.monotonic()

    def logout(self, session: str) -> None:
        """End a session."""
        with self._lock:
            self._until.pop(session, None)
