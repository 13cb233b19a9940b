"""A report as a reader sees it, in a browser and on paper."""

import functools
import http.server
import re
import threading
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from kidney_evals.errors import UserError
from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.reporting.page.site import write_site
from reporting.making_logs import Made, another, edited, spec

SIZES = {"phone": (360, 740), "desktop": (1280, 900), "paper": (703, 1017)}
"""Pixels; an A4 page between the margins that the page sets is 210 mm less 12 mm at both sides."""

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

OVER = """() => [...document.querySelectorAll('svg.kc')].flatMap(svg => {
    const all = [...svg.querySelectorAll('text')].filter(one => one.textContent.trim())
    const boxes = all.map(one => one.getBoundingClientRect())
    // The box of a line of type is higher than its letters.
    const air = 3 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
    return all.flatMap((one, i) => all.slice(i + 1).flatMap((two, j) => {
        const a = boxes[i], b = boxes[i + 1 + j]
        const over = a.left < b.right - 0.5 && b.left < a.right - 0.5
            && a.top + air < b.bottom - air && b.top + air < a.bottom - air
        return over ? [`${one.textContent} / ${two.textContent}`] : []
    }))
})"""
"""Pairs of texts of a picture that cover one another."""

SMALLEST = """() => Math.min(...[...document.querySelectorAll('svg.kc text')].map(
    one => parseFloat(getComputedStyle(one).fontSize)
        * one.ownerSVGElement.getBoundingClientRect().width
        / one.ownerSVGElement.viewBox.baseVal.width))"""

UNSEEN = """() => [...document.querySelectorAll('td, li, dd, svg text')].filter(one => {
    const box = one.getBoundingClientRect()
    const seen = box.width && box.height && one.checkVisibility({contentVisibilityAuto: true})
    if (seen || !one.textContent.trim() || one.closest('nav, .screen')) return false
    // The sentence at the head of a row need not be repeated in its cells.
    const row = one.closest('#differences tr')
    const sentence = row && row.cells[0].getBoundingClientRect().width && row.cells[0].textContent
    return !(sentence && (one.textContent === '–' || sentence.includes(one.textContent)
        || sentence.includes('not compared')))
}).map(one => one.textContent)"""
"""Texts of cells, lists and pictures that are not visible on paper."""

SCROLLING = """() => [...document.querySelectorAll('.table, pre, details')].filter(one =>
    getComputedStyle(one).overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1
).map(one => one.textContent.slice(0, 60))"""
"""Boxes that have to be scrolled, which paper cannot do."""

INKS = """() => [...document.querySelectorAll('body, td, p, .quiet, svg.kc text')].map(one => {
    const how = getComputedStyle(one)
    return one.ownerSVGElement ? how.fill : how.color
})"""

LONG = (
    "openrouter/some-vendor-with-a-long-name/a-model-whose-name-nobody-would-type-72b-instruct",
    "Überlänge — ½ кириллица 中文 😀" * 4,
    "W" * 36,
)
"""Names that are wider than a column, whatever the typeface."""


def test_a_site_is_replaced_only_when_told(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write_site([str(made.coin)], out)
    before = (out / "index.html").read_bytes()
    with pytest.raises(UserError, match="--overwrite"):
        write_site([str(made.coin)], out)
    assert (out / "index.html").read_bytes() == before
    write_site([str(made.coin), str(made.forced)], out, overwrite=True)
    assert len(list((out / "viewer" / "logs").glob("*.eval"))) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.fixture(scope="module")
def site(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site([str(made.coin), str(made.forced)], folder)
    return folder


@pytest.fixture(scope="module")
def printed(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with names that are too wide; logs are read before a browser starts."""
    folder = tmp_path_factory.mktemp("printed")
    long = [
        edited(made.coin, folder / f"{at}.eval", another(spec("model", name), number=at))
        for at, name in enumerate(LONG, 2)
    ]
    page = as_html(read_report([str(one) for one in (made.coin, made.forced, *long)]))
    (folder / "report.html").write_text(page, "utf-8")
    return folder / "report.html"


def opened(browser: Any, path: Path, size: str, scheme: str = "light") -> Any:
    """Return a tab without a network, with a file in it."""
    width, height = SIZES[size]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    page.goto(path.as_uri())
    return page


@pytest.mark.slow
@pytest.mark.parametrize("font", ["", "DejaVu Sans", "Liberation Sans"])
def test_words_of_figures_are_inside_and_apart_in_whatever_typeface(
    printed: Path, browser: Any, font: str
) -> None:
    page = opened(browser, printed, "desktop")
    # A figure does not inherit the spacing of its page.
    page.add_style_tag(content=":has(> svg.kc) { letter-spacing: 2px }")
    if font:
        page.add_style_tag(content=f"svg.kc {{ font-family: {font} !important }}")
    assert page.evaluate(CLIPPED) == page.evaluate(OVER) == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_prints_whole_and_dark_on_light(printed: Path, browser: Any, scheme: str) -> None:
    page = opened(browser, printed, "paper", scheme)
    page.emulate_media(media="print")
    assert page.evaluate(CLIPPED) == page.evaluate(SCROLLING) == page.evaluate(UNSEEN) == []
    # Nothing was opened by hand: what is folded on the screen is on the paper by itself.
    assert page.evaluate("document.querySelectorAll('details').length") > 0
    assert page.evaluate("document.querySelectorAll('details[open]').length") == 0
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    assert all(_light(ink) < 400 for ink in set(page.evaluate(INKS)))
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF-") and len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_page_opens_alone(site: Path, browser: Any, size: str, scheme: str) -> None:
    address = site / "index.html"
    page = opened(browser, address, size, scheme)
    told: list[str] = []
    page.on("request", lambda request: told.append(request.url))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.reload()
    assert [one for one in told if not one.startswith((address.as_uri(), "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(SMALLEST) >= 10
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert (_light(paper) > _light(ink)) == (scheme == "light")


@pytest.mark.slow
def test_links_lead_to_runs_and_samples(site: Path, browser: Any) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"#][^"]*)"', text)) - {"data:,"}
    assert links
    logs = {path.name for path in (site / "viewer" / "logs").iterdir()}
    for link in links:
        path, _, place = link.partition("#")
        assert (site / path).is_file(), link
        if place:
            assert unquote(place.split("/")[2]) in logs, link
    serve = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
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


def _light(colour: str) -> float:
    """Return how light a colour is, from 0 to 765."""
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3])
