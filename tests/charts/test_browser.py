"""Panels in a real browser: how wide words really are, and what a page's ink is on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from charts.drawn import PANELS
from charts.test_panels import LONG
from kidney_evals.charts import STYLE, grid
from viewer.required import require_browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TITLES = ["A title of some words, as a report has them", "Überlänge — ½ кириллица 中文 😀" * 4]

OUTSIDE = """() => [...document.querySelectorAll('svg.kc text')].flatMap(one => {
    const svg = one.ownerSVGElement.getBoundingClientRect(), box = one.getBoundingClientRect()
    const out = Math.max(svg.left - box.left, box.right - svg.right, svg.top - box.top,
                         box.bottom - svg.bottom)
    return out > 0.5 ? [`${one.textContent}: ${out}`] : []
})"""

OVER = """() => [...document.querySelectorAll('svg.kc')].flatMap(svg => {
    const all = [...svg.querySelectorAll('text')].filter(one => one.textContent.trim())
    const boxes = all.map(one => one.getBoundingClientRect())
    // The box of a line of type is higher than its letters.
    const air = 3
    return all.flatMap((one, i) => all.slice(i + 1).flatMap((two, j) => {
        const a = boxes[i], b = boxes[i + 1 + j]
        const over = a.left < b.right - 0.5 && b.left < a.right - 0.5
            && a.top + air < b.bottom - air && b.top + air < a.bottom - air
        return over ? [`${one.textContent} / ${two.textContent}`] : []
    }))
})"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    require_browser()
    from viewer.browsing import chromium

    with chromium(tmp_path_factory.mktemp("home")) as browser:
        yield browser.new_page(viewport={"width": 1100, "height": 800})


def inlined(font: str = "") -> str:
    values = [0.1, 0.31, -0.2, float("nan"), 1.7, 0.123456]
    panels = [
        panel(title, names, values)
        for panel in PANELS.values()
        for title in TITLES
        for names in (LONG, LONG[:2], ["中文" * 20, "😀" * 30, "Ж" * 40, "ſt" * 30])
    ]
    forced = f"svg.kc{{font-family:{font} !important}}" if font else ""
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}{forced}</style>"
        f"<style>body{{font:9px serif;letter-spacing:2px}}</style>{''.join(panels)}"
    )


@pytest.mark.parametrize("font", ["", "DejaVu Sans", "Liberation Sans"])
def test_words_are_inside_and_apart_in_whatever_typeface(page: Any, font: str) -> None:
    page.set_content(inlined(font))
    assert page.evaluate(OUTSIDE) == []
    assert page.evaluate(OVER) == []


def test_a_file_of_many_panels_is_readable_by_itself(page: Any, tmp_path: Path) -> None:
    panels = [panel("t", LONG, [0.1, 0.31]) for panel in PANELS.values()]
    file = tmp_path / "grid.svg"
    file.write_text(grid(panels, 3, "The whole", "A note"), encoding="utf-8")
    page.goto(file.as_uri())
    assert page.title() == "The whole"
    assert page.evaluate(OVER) == []
    page.goto("about:blank")
