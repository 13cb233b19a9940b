"""What the survey's server does with requests that no page of it makes."""

import http.client
import itertools
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from kidney_evals.studies import Study
from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Store
from kidney_evals.survey.web.app import SurveyApp
from kidney_evals.survey.web.guard import RateLimit
from survey.serving import TOKEN, Form, Server, Visitor, serving

SETTINGS = """\
consent: Nobody is asked here.
questions: 5
controls: 0
repeats: 0
ask: [{id: card, label: "Do you hold a donor card?", options: ["Yes", "No"]}]
"""

CLIENTS = (f"192.0.2.{number}" for number in itertools.count(1))
"""A new client for each use, as behind a proxy."""

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "' OR '1'='1",
    "1; DROP TABLE survey_answers; --",
    "a' UNION SELECT code FROM survey_participants --",
    "../../../etc/passwd",
    "\x00\x1b[31m\r\nSet-Cookie: survey=x",
    "=HYPERLINK(1)",
    "\ud7ff\U0010ffff",
    "-1",
    "9" * 3000,
    "",
)


@pytest.fixture(scope="module")
def server(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = time.monotonic()
    with serving(study.path, tmp_path_factory.mktemp("server"), "--proxy", "1") as running:
        yield running
        running.stop()
    # One line for all refused requests of a minute, and nothing that a client sent.
    lines = running.log.splitlines()
    assert len(lines) <= 1 + (time.monotonic() - started) // 60
    for line in lines:
        assert re.fullmatch(r"[\d :,-]+ WARNING refused requests: [\w,.' -]+", line), line
        assert "192.0.2" not in line


def visitor(server: Server) -> Visitor:
    return Visitor(server.address, {"x-forwarded-for": next(CLIENTS)})


def begun(server: Server) -> Visitor:
    """Return a person who answered the first question."""
    person = visitor(server)
    person.begin()
    person.post({"ask0": "0"})
    person.post({"answer": "a"})
    assert person.path == "/question/2"
    return person


def guess(server: Server, count: int) -> tuple[Counter[int], bytes]:
    """Guess the owner's token; return the statuses, and all bodies of one status after another."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    client = visitor(server)
    form = client.get("/results").form
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "cookie": f"survey={client.session}",
        "x-forwarded-for": client.client.headers["x-forwarded-for"],
    }
    statuses: Counter[int] = Counter()
    bodies = b""
    near = [TOKEN[:-1], TOKEN + "x", TOKEN.upper(), TOKEN[::-1], f" {TOKEN}\x00", "", *HOSTILE]
    for number in range(count):
        token = near[number] if number < len(near) else secrets.token_urlsafe(24)
        body = urlencode({**form.fields, "token": token.encode("utf-8", "replace")})
        connection.request("POST", "/results", body, headers)
        response = connection.getresponse()
        content = response.read()
        if not statuses[response.status]:
            bodies += content
        statuses[response.status] += 1
        assert response.getheader("set-cookie") is None
    connection.close()
    return statuses, bodies


@pytest.mark.slow
def test_guesses_of_the_owners_token_read_nothing(server: Server) -> None:
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: guess(server, 2500), range(4)))
    for statuses, bodies in results:
        # Ten tries at once and one more each minute; then nothing is compared any more.
        assert statuses[403] in range(10, 14) and statuses[429] == 2500 - statuses[403]
        assert b"people and answers by condition" not in bodies
    owner = visitor(server)
    owner.get("/results")
    owner.post({"token": TOKEN})
    assert "people and answers by condition" in owner.page.text


FORGED = (
    *("", "x", "visitor.", "owner.", "owner." + "a" * 43, "visitor." + "a" * 32),
    *("0" * 16, "k7mf-q2xd-9hzr-41bt", "a" * 5000, "' OR 1=1 --", "%00", '"quoted; value"'),
)


@pytest.mark.parametrize("session", FORGED)
def test_a_forged_session_is_nobody(session: str, server: Server, store: Store) -> None:
    before = store.counts()
    client = visitor(server)
    client.client.headers["cookie"] = f"survey={session}"
    own = ("/question", "/question/2", "/person", "/leave", "/end")
    owners = ("/results", "/results/export.csv")
    for path, shown in (dict.fromkeys(own, "/") | dict.fromkeys(owners, "/results")).items():
        client.get(path)
        assert client.response.status_code == 200 and client.path == shown
        assert "people and answers by condition" not in client.page.text
    assert store.counts() == before


FORMS = {
    "/begin": ("consent", "language"),
    "/resume": ("code",),
    "/person": ("ask0", "ask1"),
    "/question/2": ("answer",),
    "/question/x": ("answer",),
    "/results": ("token",),
    "/results/leave": ("token",),
}


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.slow
def test_hostile_text_in_a_field_is_neither_stored_nor_run(
    path: str, server: Server, store: Store
) -> None:
    for field, text in itertools.product((*FORMS[path], "form"), HOSTILE):
        person = visitor(server)
        person.begin()
        before = store.counts()
        fields = person.get("/leave").forms[0].fields
        good = {"consent": "yes", "language": "en", "answer": "a", **fields}
        values = {**good, field: text}
        response = person.client.post(path, data=values)
        assert response.status_code in (200, 400, 403, 404, 413), (field, text)
        if field == "form":
            assert response.status_code in (403, 413)
        assert "<script" not in response.text and "<img" not in response.text
        if (path, field) == ("/resume", "code") and 0 < len(text) < 100 and text.isprintable():
            assert f'value="{escape(text)}"' in response.text
        assert store.counts() == before


def test_hostile_text_in_addresses_and_headers(server: Server) -> None:
    client = visitor(server)
    for text in HOSTILE:
        quoted = urlencode({"x": text.encode("utf-8", "replace")})[2:]
        for start in ("/", "/resume/", "/question/", "/?language="):
            path = f"{start}{quoted}"
            response = client.client.get(path)
            assert response.status_code in (200, 404), path
            assert "<script" not in response.text and "<img" not in response.text
    person = begun(server)
    cookie = {"cookie": f"survey={person.session}"}
    for host in ('"><script>', "evil.example/x", "a b", "x" * 300):
        response = person.client.get("/leave", headers={**cookie, "host": host})
        assert response.status_code in (200, 400)
        assert "<script" not in response.text and "evil.example/x" not in response.text
    for language in ("<script>", "de;q=x," * 500, "\u00e9"):
        header = {b"accept-language": language.encode("latin-1")}
        assert client.client.get("/", headers=header).status_code == 200


def test_a_form_without_its_sessions_token_changes_nothing(server: Server, store: Store) -> None:
    person, other = begun(server), begun(server)
    known = store.participant(person.session)
    assert known is not None
    answers = store.answers(known)
    foreign = other.page.form.fields["form"]
    for path in ("/question/2", "/person", "/close", "/delete", "/begin", "/resume", "/results"):
        for token in (None, "", foreign, "0" * 64, "\u00e9"):
            fields = {"answer": "b", "ask0": "1", "consent": "yes", "language": "en"}
            if token is not None:
                fields["form"] = token
            response = person.client.post(path, data=fields)
            assert response.status_code == 403
            assert "This form is no longer valid." in response.text
    # A page of another site has no cookie at all, since it is sent with SameSite=Lax.
    stranger = visitor(server)
    stranger.post({"answer": "b"}, Form("/question/2", {"form": person.page.form.fields["form"]}))
    assert stranger.response.status_code == 403
    assert store.participant(person.session) == known and store.answers(known) == answers


def raw(server: Server, request: bytes) -> bytes:
    """Send bytes and return the response."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with suppress(ConnectionError):  # the server may close before it has read everything
            connection.sendall(request)
        return connection.recv(65536)


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    client = f"X-Forwarded-For: {next(CLIENTS)}"
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", client, *lines, "", ""]).encode()


FORM = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        # Refused by the announced length, before any of it is sent.
        (head("/begin", FORM, "Content-Length: 4097"), 413),
        (head("/begin", FORM, "Content-Length: 10000000000"), 413),
        (head("/begin", FORM, "Content-Length: " + "9" * 19), 413),
        # Refused by the length received.
        (head("/begin", FORM, "Transfer-Encoding: chunked") + b"1001\r\n" + b"a" * 4097, 413),
        (head("/begin", "Content-Type: multipart/form-data; boundary=x", "Content-Length: 9"), 415),
        (head("/begin", "Content-Type: application/json", "Content-Length: 2") + b"{}", 415),
        # As many fields as fit.
        (head("/begin", FORM, "Content-Length: 4096") + b"a&" * 2048, 400),
        (head("/begin", FORM, "Content-Length: 4096") + b"a=" + b"%00" * 1364 + b"aa", 403),
        (head("/" + "x" * 300_000, method="GET"), 400),
        (head("/", "Cookie: " + "a=b; " * 60_000, method="GET"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_oversized_and_malformed_requests(request_: bytes, status: int, server: Server) -> None:
    answer = raw(server, request_)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]


def test_wrong_methods(server: Server) -> None:
    client = visitor(server).client
    paths = {
        **dict.fromkeys(("/", "/question", "/end", "/leave", "/results/export.csv"), "GET, HEAD"),
        **dict.fromkeys(("/begin", "/close", "/delete", "/results/leave"), "POST"),
        **dict.fromkeys(("/results", "/resume", "/question/1", "/person"), "GET, HEAD, POST"),
    }
    for path, allowed in paths.items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MERGE"):
            response = client.request(method, path, follow_redirects=False)
            if method in allowed:
                assert response.status_code in (200, 303, 403)
            else:
                assert response.status_code == 405, (method, path)
                assert {*response.headers["allow"].split(", ")} == {*allowed.split(", ")}


def test_a_client_is_slowed_down_alone(study: Study, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "answers.db"), study, load_survey(study))
    app, now = SurveyApp(store, TOKEN, proxies=1), [100.0]
    # As by default, but smaller: three at once, one more every two seconds.
    app.asgi.requests = RateLimit(burst=3, per_second=0.5, clock=lambda: now[0])
    client = TestClient(app.asgi)

    def status(address: str) -> int:
        return client.get("/", headers={"x-forwarded-for": address}).status_code

    assert [status("192.0.2.1") for _ in range(5)] == [200, 200, 200, 429, 429]
    assert status("192.0.2.2") == 200
    # A client cannot take another address, since the proxy appends the true one.
    assert status("198.51.100.7, 192.0.2.1") == 429
    # Some proxies append a port, which differs between connections.
    assert status("192.0.2.1:4711") == 429
    # Addresses of one network of version 6 are one client.
    assert [status(f"2001:db8::{n}") for n in range(4)] == [200, 200, 200, 429]
    assert status("2001:db8:0:1::1") == 200
    now[0] += 2.0
    assert [status("192.0.2.1") for _ in range(2)] == [200, 429]
    response = client.get("/", headers={"x-forwarded-for": "192.0.2.1"})
    assert response.headers["retry-after"] == "2"
    assert "Please wait 2 seconds" in response.text


EXPECTED = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", path, 200) for path in ("/", "/resume", "/question/2", "/leave", "/results")),
        *(("GET", path, 404) for path in ("/nothing", "/resume/a/b")),
        *(("GET", path, 303) for path in ("/question", "/end", "/results/export.csv")),
        ("PUT", "/", 405),
        ("POST", "/begin", 403),
    ],
)
def test_every_response_has_strict_headers_and_at_most_one_cookie(
    method: str, path: str, status: int, server: Server
) -> None:
    person = begun(server) if path in ("/question/2", "/leave") else visitor(server)
    response = person.client.request(method, path, follow_redirects=False)
    assert response.status_code == status
    assert {name: response.headers[name] for name in EXPECTED} == EXPECTED
    assert "server" not in response.headers
    cookies = response.headers.get_list("set-cookie")
    assert len(cookies) <= 1
    for cookie in cookies:
        name, *flags = cookie.split("; ")
        assert name.startswith("survey=") and {*flags} == {"HttpOnly", "Path=/", "SameSite=lax"}


@pytest.mark.slow
def test_a_slow_body_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head("/begin", FORM, "Content-Length: 20") + b"a=")
        started = time.monotonic()
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert 8 < time.monotonic() - started < 25
