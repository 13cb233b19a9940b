"""The style sheet: bound to the figures, readable on a light and on a dark page."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from charts.drawn import PANELS, Drawn
from kidney_evals.charts import STYLE, DotRow, Line, dot_panel, grid, line_chart, standalone
from kidney_evals.charts.drawing import plain


def rules(sheet: str) -> list[tuple[str, str]]:
    """Return selector and declarations of every rule, those within `@media` too."""
    bare = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", sheet)
    return [(one.strip(), inner) for one, inner in re.findall(r"([^{}]+)\{([^{}]*)\}", bare)]


def colours(dark: bool) -> dict[str, str]:
    light, night = STYLE.split("@media")
    found = dict(re.findall(r"--kc-(\w+): (#\w+)", light))
    return found | dict(re.findall(r"--kc-(\w+): (#\w+)", night)) if dark else found


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    levels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in levels]
    return sum(one * weight for one, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_every_rule_is_bound_to_the_figures() -> None:
    assert len(rules(STYLE)) > 20
    for selector, _ in rules(STYLE):
        assert all(one.strip().startswith("svg.kc") for one in selector.split(",")), selector
    # Nothing that would end the <style> of a page, or fetch.
    assert "<" not in STYLE and "url(" not in STYLE and "@import" not in STYLE


@pytest.mark.parametrize("dark", [False, True])
def test_every_colour_can_be_read_on_its_page(dark: bool) -> None:
    found = colours(dark)
    # 4.5 for text and 3 for marks are what WCAG 2 asks for.
    for name in ("ink", "muted"):
        assert contrast(found[name], found["page"]) >= 4.5
    for name in ("people", "model", "baseline", "model2"):
        assert contrast(found[name], found["page"]) >= 3


def test_text_on_a_part_can_be_read() -> None:
    declared = dict(rules(STYLE))
    ink = declared["svg.kc .on"].partition("fill: ")[2][:7]
    for index in range(3):
        fill = declared[f"svg.kc .part{index}"].partition("color: ")[2][:7]
        assert contrast(ink, fill) >= 4.5
    # The last is not filled: what is written on it stands on the page.
    assert "fill: var(--kc-ink)" in declared["svg.kc .part3.on"]


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
        line_chart("t", "x", "y", [Line("a", [0, 1], [0.0, 1.0], people=True)]),
    ],
)
def test_a_file_has_one_style_sheet_with_a_rule_for_every_class(svg: str) -> None:
    assert svg.count("<style>") == 1 and svg.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    # The ids of several figures on one page would clash.
    assert " id=" not in svg and "url(" not in svg
    found = Drawn(svg)
    classes = {name for one in found.root.iter() for name in one.get("class", "").split()}
    unstyled = {".kc", ".stroke0", ".stroke3"}
    assert {f".{name}" for name in classes} - unstyled <= set(re.findall(r"\.\w+", STYLE))
    [page] = found.of("rect", "page")
    assert (page.get("width"), page.get("height")) == ("100%", "100%")


def test_the_plain_sheet_has_literal_light_colours_and_no_links() -> None:
    linked = standalone(
        dot_panel("t", [DotRow("a", 0.1, 0.0, 0.2, "model", href="run")], low=0, high=1)
    )
    svg = plain(linked)
    assert Drawn(linked).of("a") and not Drawn(svg).of("a")
    assert Drawn(svg).said() == Drawn(linked).said()
    [sheet] = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert "var(" not in sheet and "@media" not in sheet and "--kc" not in sheet
    declared = dict(rules(sheet))
    assert colours(False)["people"] in declared["svg.kc .people"]
    assert colours(False)["page"] in declared["svg.kc .page"]
