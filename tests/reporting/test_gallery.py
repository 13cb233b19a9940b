"""The gallery as a reader sees it: every section filled, in a browser without a network."""

import functools
import html
import http.server
import re
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from kidney_evals.errors import UserError
from kidney_evals.reporting.gallery import AFTER, BEFORE, FEWEST, REMARKS, make_gallery, notes
from kidney_evals.reporting.page import Report
from kidney_evals.reporting.page.site import write_site
from kidney_evals.respondents import respondent_names

SIZES = {"phone": (360, 740), "desktop": (1280, 900)}

CLIPPED = """() => {
    const out = []
    const wide = document.documentElement.clientWidth
    for (const one of document.querySelectorAll('h1,h2,h3,h4,p,li,dt,dd,summary,pre')) {
        const box = one.getBoundingClientRect()
        const cut = one.scrollWidth > one.clientWidth + 1
        if (box.width && (box.right > wide + 1 || box.left < -1 || cut))
            out.push(one.textContent.slice(0, 60))
    }
    for (const one of document.querySelectorAll('svg.kc text')) {
        const svg = one.ownerSVGElement.getBoundingClientRect(), box = one.getBoundingClientRect()
        if (box.width && (box.right > svg.right + 0.5 || box.left < svg.left - 0.5))
            out.push(one.textContent)
    }
    return out
}"""
"""Texts that stick out of the page, of their own box or of their picture."""

SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg.kc text')].map(
    one => parseFloat(getComputedStyle(one).fontSize)
        * one.ownerSVGElement.getBoundingClientRect().width
        / one.ownerSVGElement.viewBox.baseVal.width))"""


def test_every_respondent_of_the_guide_is_one() -> None:
    names = [name.removeprefix("kidney/") for name in notes()]
    assert len(names) == 8
    assert set(names) <= set(respondent_names())
    assert {BEFORE, AFTER} <= set(notes())
    assert BEFORE in REMARKS["trained"] and AFTER in REMARKS["trained"]


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UserError, match="not empty"):
            make_gallery(tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_too_few_dilemmas_are_refused_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs 30 dilemmas or more, not 29"):
        make_gallery(tmp_path / "site", dilemmas=29)
    assert not (tmp_path / "site").exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    site = tmp_path_factory.mktemp("gallery") / "site"
    return make_gallery(site, dilemmas=FEWEST, say=lambda line: None), site


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_section_is_filled(made: tuple[Report, Path]) -> None:
    report, site = made
    assert {section.id: section.absent for section in report.sections if section.absent} == {}
    assert all(section.figures for section in report.sections)
    assert len(report.models) == 8
    # Reasons are of every dilemma in both orders, and of no control.
    (reasons,) = (section for section in report.sections if section.id == "reasons")
    place = reasons.figures[0].table.heads.index("n")
    assert {row[place] for row in reasons.figures[0].table.rows} == {2 * (FEWEST // 4)}
    # The arms of fine-tuning stand aside, both conditions of both.
    assert report.aside == 4
    page = html.unescape((site / "index.html").read_text(encoding="utf-8"))
    assert REMARKS["trained"] in page
    # No folder of the machine that made it, in a command or anywhere else.
    assert tempfile.gettempdir() not in page and str(Path.home()) + "/" not in page
    assert all(note in page for note in (n.split("`")[0] for n in notes().values()))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_opens_alone(
    made: tuple[Report, Path], browser: Any, size: str, scheme: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    address = (made[1] / "index.html").as_uri()
    page.goto(address)
    assert [one for one in asked if one != address and not one.startswith("data:")] == []
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(SMALLEST) >= 10
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (_light(paper) > _light(ink)) == (scheme == "light")
    context.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_links_lead_to_runs_and_samples(made: tuple[Report, Path], browser: Any) -> None:
    _, site = made
    text = (site / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"#][^"]*)"', text)) - {"data:,"}
    assert links
    logs = {path.name for path in (site / "viewer" / "logs").iterdir()}
    for link in links:
        path, _, place = link.partition("#")
        assert (site / path).is_file(), link
        if place:
            assert unquote(place.split("/")[2]) in logs, link
    serve = functools.partial(_Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = browser.new_page()
    sample = sorted(link for link in links if "/sample/" in link)[0].replace("&amp;", "&")
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/{sample}")
        page.get_by_text("Scoring", exact=True).wait_for(timeout=30_000)
    finally:
        page.close()
        server.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_site_is_replaced_only_when_told(made: tuple[Report, Path], tmp_path: Path) -> None:
    logs = made[1] / "viewer" / "logs"
    one = str(sorted(logs.glob("*coin*.eval"))[0])
    out = tmp_path / "site"
    write_site([one], out)
    before = (out / "index.html").read_bytes()
    with pytest.raises(UserError, match="--overwrite"):
        write_site([one], out)
    assert (out / "index.html").read_bytes() == before
    two = str(sorted(logs.glob("*forced*.eval"))[0])
    write_site([one, two], out, overwrite=True)
    assert len(list((out / "viewer" / "logs").glob("*.eval"))) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _light(colour: str) -> float:
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3])
