"""Draw the figures of reports as SVG. The input is plain numbers and labels.

`dot_panel`, `share_panel` and `line_panel` return a panel without a style sheet; a page that shows
several panels includes `STYLE` once. `standalone`, `grid` and `line_chart` return files, which
`charts.png` converts to PNG.
"""

from kidney_evals.charts.drawing import STYLE, Kind, grid, standalone
from kidney_evals.charts.lines import Line, line_chart, line_panel
from kidney_evals.charts.rows import DotRow, ShareRow, dot_panel, share_panel

__all__ = [
    "STYLE",
    "DotRow",
    "Kind",
    "Line",
    "ShareRow",
    "dot_panel",
    "grid",
    "line_chart",
    "line_panel",
    "share_panel",
    "standalone",
]
