"""Colours of the charts and the one style sheet that all of them share.

Okabe and Ito's palette (2008), which the colour-blind can tell apart: people are always blue, a
model vermillion, a baseline grey. Their signs differ in shape too (`svg.mark`), the parts of a
bar in their pattern, so that colour is never the only sign.

Every rule is bound to `svg.kc`: a chart inside a page restyles nothing of it, and a page that
holds many charts needs the sheet once. A page may set `--kc-ink` and the others itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

OKABE_ITO: Final[Mapping[str, str]] = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}

LINES: Final = ("vermillion", "green", "purple", "orange", "sky")
"""Colours of a line chart's measured lines, in turn; people's is theirs."""

_NIGHT: Final = {"sky": "blue"}
"""On a dark page people have the lighter blue, and the last line, which few charts have, theirs."""

LIGHT: Final[Mapping[str, str]] = {
    "page": "#ffffff",
    "ink": "#1f2328",
    "muted": "#57606a",
    "faint": "#d8dde3",
    "people": OKABE_ITO["blue"],
    "model": OKABE_ITO["vermillion"],
    "baseline": "#6e7781",
    **{f"line{index}": OKABE_ITO[name] for index, name in enumerate(LINES)},
}
"""Inks by what they are for, on a light page and on paper."""

DARK: Final[Mapping[str, str]] = {
    "page": "#14181f",
    "ink": "#e6e8eb",
    "muted": "#a9b2bd",
    "faint": "#39414c",
    "people": OKABE_ITO["sky"],
    "model": OKABE_ITO["vermillion"],
    "baseline": "#a9b2bd",
    **{f"line{index}": OKABE_ITO[_NIGHT.get(name, name)] for index, name in enumerate(LINES)},
}
"""The same on a dark page, where the darker blue could not be made out."""

PARTS: Final = (OKABE_ITO["green"], OKABE_ITO["purple"], "#b9c0c9", "none")
"""Fills of the parts of a bar, in turn, light or dark; what is written on them is dark."""

FONT: Final = (
    "system-ui,Segoe UI,Roboto,Helvetica Neue,Arial,Liberation Sans,DejaVu Sans,Noto Sans,"
    "sans-serif"
)

_ON_PART: Final = "#1f2328"


def _inks(inks: Mapping[str, str]) -> str:
    return "svg.kc{" + "".join(f"--kc-{name}:{colour};" for name, colour in inks.items()) + "}"


def _rules() -> str:
    parts = "".join(
        f"svg.kc .part{index}{{fill:{fill};stroke:{_ON_PART if fill != 'none' else line};"
        f"stroke-width:.75}}svg.kc .on{index}{{fill:{ink};stroke:{fill};stroke-width:3;"
        "paint-order:stroke}"
        for index, fill in enumerate(PARTS)
        for ink, line in [
            ("var(--kc-ink)", "var(--kc-muted)") if fill == "none" else (_ON_PART, "")
        ]
    )
    kinds = "".join(
        f"svg.kc .{kind}{{color:var(--kc-{kind})}}"
        for kind in (
            "people",
            "model",
            "baseline",
            *(f"line{index}" for index in range(len(LINES))),
        )
    )
    return (
        f"svg.kc{{max-width:100%;height:auto;align-self:flex-start;font-family:{FONT};"
        "font-variant-numeric:tabular-nums;letter-spacing:normal;word-spacing:normal}"
        "svg.kc text{fill:var(--kc-ink);stroke:none;white-space:nowrap}"
        "svg.kc .title{font-weight:bold}"
        "svg.kc .muted{fill:var(--kc-muted)}"
        "svg.kc .page{fill:var(--kc-page);stroke:none}"
        "svg.kc .grid{stroke:var(--kc-faint);stroke-width:1}"
        "svg.kc .axis{stroke:var(--kc-muted);stroke-width:1}"
        "svg.kc .hit{fill:none;stroke:none;pointer-events:all}"
        "svg.kc .over{stroke:var(--kc-page);stroke-width:3;paint-order:stroke}"
        "svg.kc .thin{color:var(--kc-ink)}"
        "svg.kc a text{text-decoration:underline}"
        f"{kinds}"
        "svg.kc .mark{fill:currentColor;stroke:var(--kc-page);stroke-width:1}"
        "svg.kc .open{fill:var(--kc-page);stroke:currentColor;stroke-width:1.75}"
        "svg.kc .bar{stroke:currentColor;stroke-width:1.5;fill:none}"
        "svg.kc .line{stroke:currentColor;stroke-width:2;fill:none;stroke-linejoin:round}"
        "svg.kc .dashed{stroke-dasharray:5 4}"
        "svg.kc .band{fill:currentColor;fill-opacity:.2;stroke:none}"
        "svg.kc .dot{fill:currentColor;fill-opacity:.35;stroke:none}"
        f"{parts}"
        f"svg.kc .hatch{{stroke:{_ON_PART};stroke-opacity:.45;stroke-width:1;fill:none}}"
    )


STYLE: Final = (
    f"{_inks(LIGHT)}"
    f"@media (prefers-color-scheme:dark){{{_inks(DARK)}}}"
    f"@media print{{{_inks(LIGHT)}}}"
    f"{_rules()}"
)
"""What a page that holds charts puts into a `<style>`, once: light, dark, and light on paper."""

_MEDIA: Final = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_SET: Final = re.compile(r"(--[\w-]+):([^;}]*)")
_USED: Final = re.compile(r"var\((--[\w-]+)\)")
_LINK: Final = re.compile(r"</?a\b[^>]*>")
_NAMED: Final = re.compile(r'aria-label="([^"]+)"')
_SHEET: Final = re.compile(r"(<style>)(.*?)(</style>)", re.DOTALL)


def standalone(svg: str) -> str:
    """Return a chart as a file of its own: with its style sheet, and a page behind it.

    Args:
        svg: A panel; what has its style sheet already comes back as it is.
    """
    if _SHEET.search(svg):
        return svg
    end = svg.index(">") + 1
    named = _NAMED.search(svg, 0, end)
    title = f"<title>{named[1]}</title>\n" if named else ""
    page = '<rect class="page" width="100%" height="100%"/>'
    return f"{svg[:end]}\n{title}<style>{STYLE}</style>\n{page}{svg[end:]}"


def plain(svg: str) -> str:
    """Return a chart as a file whose style says its light colours outright, without links.

    For what draws pictures: it need know neither `@media` nor custom properties.

    Args:
        svg: A panel, or a file with its style sheet.
    """

    def resolved(found: re.Match[str]) -> str:
        sheet = _MEDIA.sub("", found[2])
        inks = dict(_SET.findall(sheet))
        sheet = _USED.sub(lambda used: inks[used[1]], _SET.sub("", sheet))
        return f"{found[1]}{sheet}{found[3]}"

    return _SHEET.sub(resolved, _LINK.sub("", standalone(svg)), count=1)
