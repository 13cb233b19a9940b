"""The style sheet that all figures share, and a figure as a file of its own.

The palette is Okabe and Ito's (2008), which colour-blind readers can tell apart: people are always
blue, a model vermillion, a baseline grey. Their marks differ in shape too (`drawing.mark`) and the
parts of a bar in pattern, so that colour is never the only difference.
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
"""The style sheet: light colours, dark ones on the screens of readers who prefer them."""

_RULES, _COLOURS = STYLE.split("/* Colours", 1)

_LIGHT: Final = dict(re.findall(r"--kc-(\w+): (#\w+)", _COLOURS.split("@media")[0]))
_PLAIN: Final = re.sub(r"var\(--kc-(\w+)\)", lambda used: _LIGHT[used[1]], _RULES)


def standalone(svg: str) -> str:
    """Return a panel as a file: with its title, the style sheet and a background."""
    head, end, rest = svg.partition(">")
    title = head.partition('aria-label="')[2].partition('"')[0]
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{head}{end}\n<title>{title}</title>\n<style>{STYLE}</style>\n{page}{rest}"


def plain(svg: str) -> str:
    """Return a file with literal light colours and no links, for programs that draw pictures.

    These know neither `@media` nor custom properties.
    """
    return re.sub(r"</?a\b[^>]*>", "", svg.replace(STYLE, _PLAIN))
