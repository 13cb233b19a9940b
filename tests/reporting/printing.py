"""What a page must hold to on paper, looked at in a browser that lays it out for print."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

A4 = 703
"""Pixels of an A4 page between the margins that the page sets: 210 mm less 12 mm at both sides."""

CUT = """() => {
    const out = []
    const wide = document.documentElement.clientWidth
    for (const one of document.querySelectorAll('h1,h2,h3,h4,p,li,dt,dd,summary,code,th,td,svg')) {
        const box = one.getBoundingClientRect()
        if (box.width && (box.right > wide + 1 || box.left < -1))
            out.push(one.textContent.slice(0, 60))
    }
    for (const one of document.querySelectorAll('svg.kc text')) {
        const svg = one.ownerSVGElement.getBoundingClientRect(), box = one.getBoundingClientRect()
        if (box.width && (box.right > svg.right + 0.5 || box.left < svg.left - 0.5))
            out.push(one.textContent)
    }
    for (const one of document.querySelectorAll('.table, pre, details'))
        if (getComputedStyle(one).overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1)
            out.push('scrolls: ' + one.textContent.slice(0, 60))
    return out
}"""
"""Texts that stick out of the paper or of their picture, and boxes that paper cannot scroll."""

UNSEEN = """() => [...document.querySelectorAll('td, li, dd, svg text')].filter(one => {
    const box = one.getBoundingClientRect()
    const seen = box.width && box.height && one.checkVisibility({contentVisibilityAuto: true})
    if (seen || !one.textContent.trim() || one.closest('nav, .screen')) return false
    // What the sentence at the head of a row says already need not stand there twice.
    const row = one.closest('#differences tr')
    const sentence = row && row.cells[0].getBoundingClientRect().width && row.cells[0].textContent
    return !(sentence && (one.textContent === '–' || sentence.includes(one.textContent)
        || sentence.includes('not compared')))
}).map(one => one.textContent)"""
"""Texts with numbers that are nowhere on the paper."""


def looked_at(browser: Any, page: Path, scheme: str) -> dict[str, Any]:
    """Lay a page out for print, and say what is wrong, what its colours are, and the PDF's start.

    Args:
        browser: A browser.
        page: The page's file.
        scheme: "light" or "dark", what the reader's screen prefers.
    """
    context = browser.new_context(
        viewport={"width": A4, "height": 1017}, color_scheme=scheme, offline=True
    )
    try:
        tab = context.new_page()
        tab.goto(page.as_uri())
        tab.emulate_media(media="print")
        inks = """() => [...document.querySelectorAll('body, td, p, .quiet, svg.kc text')]
            .map(one => { const how = getComputedStyle(one)
                          return one.ownerSVGElement ? how.fill : how.color })"""
        return {
            "cut": tab.evaluate(CUT),
            "unseen": tab.evaluate(UNSEEN),
            "folded": tab.evaluate("document.querySelectorAll('details').length"),
            "open": tab.evaluate("document.querySelectorAll('details[open]').length"),
            "paper": tab.evaluate("getComputedStyle(document.body).backgroundColor"),
            "inks": set(tab.evaluate(inks)),
            "pdf": tab.pdf(prefer_css_page_size=True),
        }
    finally:
        context.close()


def brightness(colour: str) -> float:
    """Return how light a colour is, from 0 to 765."""
    return sum(float(part) for part in re.findall(r"[\d.]+", colour)[:3])


def assert_prints(browser: Any, page: Path, scheme: str) -> None:
    """Assert that a page prints whole, dark on light, whatever the screen."""
    found = looked_at(browser, page, scheme)
    assert found["cut"] == []
    assert found["unseen"] == []
    # Nothing was opened by hand: what is folded on the screen is on the paper by itself.
    assert found["folded"] > 0 and found["open"] == 0
    assert found["paper"] == "rgb(255, 255, 255)"
    assert all(brightness(ink) < 400 for ink in found["inks"]), found["inks"]
    pages = len(re.findall(rb"/Type\s*/Page\b", found["pdf"]))
    assert found["pdf"].startswith(b"%PDF-") and pages >= 3
