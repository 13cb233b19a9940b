"""The one style sheet: bound to the charts, readable on a light and on a dark page."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from charts.drawn import Drawn
from charts.every_panel import PANELS
from kidney_evals.charts import STYLE, DotRow, dot_panel, grid, standalone
from kidney_evals.charts.line_chart import Line, line_chart
from kidney_evals.charts.style import PARTS, plain


def rules(sheet: str) -> list[tuple[str, str]]:
    """Return selector and declarations of every rule, those within `@media` too."""
    inner = re.sub(r"@media[^{]*\{((?:[^{}]*\{[^{}]*\})*)\}", r"\1", sheet)
    return re.findall(r"([^{}]+)\{([^{}]*)\}", inner)


def inks(dark: bool) -> dict[str, str]:
    media = re.search(r"@media \(prefers-color-scheme:dark\)\{(.*?)\}\}", STYLE)
    assert media is not None
    found = dict(re.findall(r"--kc-(\w+):(#\w+)", media[1] if dark else STYLE[: media.start()]))
    assert {"page", "ink", "muted", "people", "model", "baseline"} <= set(found)
    return found


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    levels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in levels]
    return sum(one * weight for one, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_every_rule_is_bound_to_the_charts() -> None:
    assert len(rules(STYLE)) > 20
    for selector, _ in rules(STYLE):
        assert all(one.strip().startswith("svg.kc") for one in selector.split(",")), selector
    # Nothing that would end the <style> of a page, or fetch.
    assert "<" not in STYLE and "url(" not in STYLE and "@import" not in STYLE


@pytest.mark.parametrize("dark", [False, True])
def test_every_ink_can_be_read_on_its_page(dark: bool) -> None:
    found = inks(dark)
    # 4.5 for text and 3 for signs are what WCAG 2 asks for.
    for name in ("ink", "muted"):
        assert contrast(found[name], found["page"]) >= 4.5
    for name in ("people", "model", "baseline", "line0", "line1"):
        assert contrast(found[name], found["page"]) >= 3


def test_what_is_written_on_a_part_can_be_read() -> None:
    declared = dict(rules(STYLE))
    for index, fill in enumerate(PARTS[:-1]):
        match = re.search(r"fill:(#\w+)", declared[f"svg.kc .on{index}"])
        assert match is not None and contrast(match[1], fill) >= 4.5
    # The last is not filled: what is written on it stands on the page.
    assert PARTS[-1] == "none" and "fill:var(--kc-ink)" in declared["svg.kc .on3"]


def test_people_and_models_are_told_apart_without_colour() -> None:
    svg = PANELS["dots"]("t", ["people", "model", "baseline"], [0.1, 0.2, 0.3])
    shapes = [
        {(one.tag, one.get("class"), one.get("r")) for one in Drawn(svg).of(tag, kind, of)}
        for tag, kind, of in (
            ("polygon", "people", "mark"), ("circle", "model", "mark"),
            ("circle", "baseline", "open"),
        )
    ]  # fmt: skip
    assert all(shapes) and all(not one & two for one, two in combinations(shapes, 2))


@pytest.mark.parametrize(
    "svg",
    [
        standalone(PANELS["dots"]("t", ["a"], [0.1])),
        grid([panel("t", ["a"], [0.1]) for panel in PANELS.values()], 2, "t"),
        line_chart("t", "x", "y", [Line("a", [0, 1], [0.0, 1.0], dashed=True)]),
    ],
)
def test_a_file_has_one_style_sheet_with_a_rule_for_every_class(svg: str) -> None:
    assert svg.count("<style>") == 1 and standalone(svg) == svg
    found = Drawn(svg)
    classes = {
        name
        for one in found.root.iter()
        for name in one.get("class", "").split()
    }  # fmt: skip
    # `beyond` is there for readers of the SVG.
    assert {f".{name}" for name in classes - {"kc", "beyond"}} <= set(re.findall(r"\.\w+", STYLE))
    [page] = found.of("rect", "page")
    assert (page.get("width"), page.get("height")) == ("100%", "100%")


def test_panels_in_a_page_bring_no_style_and_no_ids() -> None:
    for panel in PANELS.values():
        svg = panel("t", ["a", "b"], [0.1, 0.2])
        assert "<style" not in svg and " id=" not in svg and "url(" not in svg
        assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" class="kc"')


def test_the_plain_sheet_says_light_colours_outright() -> None:
    linked = dot_panel("t", [DotRow("a", 0.1, 0.0, 0.2, "model", href="run")], low=0, high=1)
    svg = plain(linked)
    # A picture leads nowhere.
    assert Drawn(linked).of("a") and not Drawn(svg).of("a")
    assert Drawn(svg).said() == Drawn(linked).said()
    [sheet] = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert "var(" not in sheet and "@media" not in sheet and "--kc" not in sheet
    declared = dict(rules(sheet))
    assert declared["svg.kc .people"] == f"color:{inks(False)['people']}"
    assert declared["svg.kc .page"].startswith(f"fill:{inks(False)['page']}")
