"""The style sheet of all figures, and functions that make a file of a panel.

The palette is that of Okabe and Ito (2008), which colour-blind readers can distinguish: blue for
people, vermillion for models, grey for baselines. Marks (`drawing.mark`) also differ in shape and
the parts of a bar in pattern, so that no distinction depends on colour alone.
"""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

OKABE_ITO: Final = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}

STYLE: Final = files("kidney_evals.charts").joinpath("charts.css").read_text(encoding="utf-8")
"""The style sheet: light colours, and dark colours for readers whose system prefers them."""

_RULES, _COLOURS = STYLE.split("/* Colours", 1)

_LIGHT: Final = dict(re.findall(r"--kc-(\w+): (#\w+)", _COLOURS.split("@media")[0]))
_PLAIN: Final = re.sub(r"var\(--kc-(\w+)\)", lambda used: _LIGHT[used[1]], _RULES)


def standalone(svg: str) -> str:
    """Return a panel as an SVG file with its title, the style sheet and a background."""
    head, end, rest = svg.partition(">")
    title = head.partition('aria-label="')[2].partition('"')[0]
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{head}{end}\n<title>{title}</title>\n<style>{STYLE}</style>\n{page}{rest}"


def plain(svg: str) -> str:
    """Return an SVG file with literal light colours and without links.

    Programs that convert SVG to pictures support neither `@media` nor custom properties.
    """
    return re.sub(r"</?a\b[^>]*>", "", svg.replace(STYLE, _PLAIN))
