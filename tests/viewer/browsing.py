"""Inspect's viewer in a real browser: the system's Chromium, headless, driven by Playwright."""

import os
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, sync_playwright

CHROMIUM = shutil.which("chromium")

DESKTOP = {"width": 1440, "height": 900}

# For a browser that asks nobody but the viewer, and runs as root in a container.
SWITCHES = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)

SERVER_SECONDS = 90
"""Longest start of the viewer: on two busy cores importing Inspect takes 15 s."""

BLANKS = string.whitespace + "\u2003\u2060"
"""Invisible characters around texts, also in an explanation's table."""


class Viewer:
    """The viewer over one folder of logs."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []  # errors in the page's scripts or on its console
        self._address = address
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)

    def open_list(self, count: int) -> None:
        """Show the list of logs, which comes in one by one, until `count` have a score."""
        self.page.goto(f"{self._address}/#/tasks")
        scored = self.cells("score").filter(has_text=re.compile(r"\d|NaN"))
        scored.nth(count - 1).wait_for()

    def open_run(self, log: str) -> None:
        """Show one run: its header and its list of samples."""
        # From an empty page: else the run before would still be on screen for a moment.
        self.page.goto("about:blank")
        self.page.goto(f"{self._address}/#/logs/{Path(urlparse(log).path).name}/samples")
        self.page.get_by_text("All scoring").wait_for()
        self.cells("sampleId").first.wait_for()

    def open_scoring(self) -> None:
        """Show the scoring of the first sample in the list."""
        self.cells("sampleId").first.click()
        self.page.get_by_text("Scoring", exact=True).click()
        self.page.get_by_role("columnheader", name="Patient A").first.wait_for()

    def cells(self, column: str) -> Locator:
        """Return the cells of a column of the list on screen, by the column's id."""
        return self.page.locator(f'[role=gridcell][data-col-id="{column}"]')

    def heads(self) -> list[str]:
        """Return the heads of the list on screen, in order."""
        found = self.page.locator("[role=grid] [role=columnheader]").all()
        return [(head.get_attribute("title") or "").strip() for head in found]

    def table(self) -> list[list[str]]:
        """Return the texts of the first table on screen, row by row."""
        rows = self.page.locator("table").first.locator("tr").all()
        return [
            [cell.strip(BLANKS) for cell in row.locator("th, td").all_inner_texts()] for row in rows
        ]

    def _listen(self, message: ConsoleMessage) -> None:
        # The viewer asks for a flow file beside the logs and finds none: not ours.
        if message.type == "error" and "/api/flow" not in message.location["url"]:
            self.complaints.append(f"{message.text} {message.location['url']}")


@contextmanager
def viewing(logs: Path, home: Path) -> Iterator[str]:
    """Run `inspect view` over a folder of logs and yield its address; `home` is for its files."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = str(one.getsockname()[1])
    inspect = Path(sys.executable).with_name("inspect")
    command = (inspect, "view", "start", "--log-dir", logs, "--host", "127.0.0.1", "--port", port)
    with (home / "server.log").open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=output, env=private(home), start_new_session=True
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            # The server has a session of its own: the whole of it ends.
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@contextmanager
def browsing(address: str, home: Path) -> Iterator[Viewer]:
    """Open the viewer in headless Chromium as soon as it answers, and close the browser."""
    _wait_for(address)
    with chromium(home) as browser:
        yield Viewer(desktop(browser), address)


def desktop(browser: Browser) -> Page:
    """Return a new page of the size of a desktop's screen."""
    return browser.new_page(viewport={"width": DESKTOP["width"], "height": DESKTOP["height"]})


@contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """Start the system's Chromium without a window, and close it; `home` is for its files."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(SWITCHES), env={**private(home)}, timeout=60_000
        )
        try:
            yield browser
        finally:
            browser.close()


def private(home: Path) -> dict[str, str]:
    """Return an environment in which a program keeps its files under `home`."""
    folders = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    return {**os.environ, **dict.fromkeys(folders, str(home))}


def _wait_for(address: str) -> None:
    end = time.monotonic() + SERVER_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:  # as `URLError` is
            if time.monotonic() > end:
                raise TimeoutError(f"no viewer at {address} in {SERVER_SECONDS} s") from None
            time.sleep(0.2)
