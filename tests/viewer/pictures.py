"""Take the pictures of the documentation again, from runs of the default task.

    PYTHONPATH=tests python -m viewer.pictures    # from the repository's root

Writes docs/viewer.png (a run: header and sample list), docs/sample.png (how a sample was scored)
and docs/report.png (the first screen of a report on three respondents). Needs what the browser test
needs: the system's Chromium and Playwright.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from inspect_ai import eval
from playwright.sync_api import FloatRect

from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.tasks import coin_flip, forced_choice
from viewer.browsing import DESKTOP, Viewer, browsing, chromium, desktop, private, viewing

DOCS = Path(__file__).resolve().parents[2] / "docs"
RESPONDENTS = ["kidney/human", "kidney/never_flips", "kidney/lexicographic"]
RUN = ("eval", "kidney_evals/coin_flip", "--model", "kidney/human", "--display", "none")

BAR = 28
MARGIN = 4


def take(docs: Path) -> None:
    """Run the default task, open it, and write the pictures into a folder."""
    with tempfile.TemporaryDirectory() as name:
        home, logs = Path(name), Path(name, "logs")
        logs.mkdir()
        inspect = Path(sys.executable).with_name("inspect")
        with viewing(logs, home) as address:
            subprocess.run([inspect, *RUN, "--log-dir", logs], check=True, env=private(home))
            (log,) = logs.glob("*.eval")
            with browsing(address, home) as viewer:
                viewer.open_run(log.name)
                snap(viewer, docs / "viewer.png", DESKTOP["height"])
                viewer.open_scoring()
                end = viewer.page.get_by_text("Read as").first.bounding_box()
                assert end is not None
                snap(viewer, docs / "sample.png", end["y"] + end["height"] + MARGIN)


def take_report(docs: Path) -> None:
    """Write a picture of the first screen of a report on three simulated respondents."""
    with tempfile.TemporaryDirectory() as home, chromium(Path(home)) as browser:
        tasks = [coin_flip(), forced_choice()]
        eval(tasks, model=RESPONDENTS, log_dir=f"{home}/logs", display="none")
        page = Path(home, "report.html")
        page.write_text(as_html(read_report([f"{home}/logs"])), encoding="utf-8")
        shown = desktop(browser)
        shown.goto(page.as_uri())
        shown.screenshot(path=docs / "report.png")


def snap(viewer: Viewer, path: Path, bottom: float) -> None:
    """Write the page above a height in pixels, without the bar that names local folders."""
    viewer.page.wait_for_timeout(1000)
    area = FloatRect(x=0, y=BAR, width=DESKTOP["width"], height=bottom - BAR)
    viewer.page.screenshot(path=path, clip=area)


if __name__ == "__main__":
    take(DOCS)
    take_report(DOCS)
