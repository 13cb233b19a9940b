"""The survey's server in a process of its own, and a client that reads its pages."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx

from cli.calling import environment

COMMAND = Path(sys.executable).with_name("kidney-evals")
TOKEN = "the-owners-token-of-these-tests"
PATIENCE = 90
"""Seconds to wait for the start of the server."""


@dataclass
class Server:
    """A server of a study's folder; its own files are in `folder`."""

    study: Path
    folder: Path
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str:
        return str(self.folder / "answers.db")

    @property
    def log(self) -> str:
        """What the server wrote to standard error."""
        return (self.folder / "log").read_text(encoding="utf-8")

    @property
    def output(self) -> str:
        """What the server wrote to standard output since its last start."""
        return (self.folder / "output").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the server, on the port that it had before."""
        command: list[str | Path] = [COMMAND, "survey", self.study, "--store", self.store]
        command += ["--port", str(self.port), "--token-file", self.folder / "token", *self.options]
        with (self.folder / "output").open("wb") as output, (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=log, env=environment(), cwd=self.folder
            )
        until = time.monotonic() + PATIENCE
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/results", self.output)):
            assert self.process.poll() is None and time.monotonic() < until, self.log
            time.sleep(0.05)
        self.port = int(found[1])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the server and return its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(timeout=30)


@contextmanager
def serving(
    study: Path, folder: Path, *options: str, token: str | None = TOKEN
) -> Iterator[Server]:
    """Serve a study's folder; without `token` the server makes one."""
    folder.mkdir(parents=True, exist_ok=True)
    if token is not None:
        (folder / "token").write_text(f"{token}\n", encoding="utf-8")
    server = Server(study, folder, options)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@dataclass
class Form:
    """A form of a page: where it posts, its hidden fields, and its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page:
    """What a program reads of a page, whose markup is that of the survey's own templates.

    Attributes:
        text: All text, spaces collapsed.
        links: Addresses of links.
        facts: The values of each candidate, in the order shown.
    """

    def __init__(self, page: str) -> None:
        self.text = " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())
        self.links: list[str] = re.findall('<a [^>]*href="([^"]*)"', page)
        self.facts = [
            [unescape(value) for value in re.findall("<dd>(.*?)</dd>", card)]
            for card in re.findall("(?s)<section.*?</section>", page)
        ]
        hidden = '<input type="hidden" name="(.*?)" value="(.*?)"'
        button = '<button[^>]* name="(.*?)" value="(.*?)"'
        self.forms = [
            Form(action, dict(re.findall(hidden, content)), re.findall(button, content))
            for action, content in re.findall('(?s)<form .*?action="(.*?)">(.*?)</form>', page)
        ]

    @property
    def form(self) -> Form:
        """The only form."""
        (form,) = self.forms
        return form

    @property
    def answers(self) -> list[str]:
        """The values of the buttons that answer a question."""
        return [value for name, value in self.form.buttons if name == "answer"]


class Visitor:
    """A browser without JavaScript: it keeps the cookie, follows redirects and posts forms."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        self.client = httpx.Client(
            base_url=address,
            follow_redirects=True,
            headers=dict(headers or {}),
            timeout=30,
            trust_env=False,
            verify=False,  # reading certificates takes longer than a test
        )
        self.page = Page("")
        self.response = httpx.Response(0)

    @property
    def path(self) -> str:
        """The path of the page on screen."""
        return self.response.url.path

    @property
    def session(self) -> str:
        return self.client.cookies.get("survey") or ""

    def get(self, path: str) -> Page:
        return self._show(self.client.get(path))

    def post(self, values: Mapping[str, str], form: Form | None = None) -> Page:
        """Post the form on screen, or another one, with its hidden fields and these values."""
        form = form or self.page.form
        return self._show(self.client.post(form.action, data={**form.fields, **values}))

    def begin(self, path: str = "/") -> Page:
        """Consent, and return the page after it; a person who has consented goes on."""
        self.get(path)
        forms = [one for one in self.page.forms if one.action.endswith("/begin")]
        return self.post({"consent": "yes"}, forms[0]) if forms else self.page

    def _show(self, response: httpx.Response) -> Page:
        self.response, self.page = response, Page(response.text)
        return self.page
