"""Draw the figures of reports as SVG. The input is plain numbers and labels.

`dot_panel` and `verdict_panel` return a panel without a style sheet; a page that shows several
panels includes `STYLE` once. `grid`, `line_chart` and `standalone` return the text of SVG files,
which `charts.png` converts to PNG.
"""

from kidney_evals.charts.drawing import STYLE, Kind, grid, standalone
from kidney_evals.charts.lines import Line, line_chart
from kidney_evals.charts.rows import DotRow, dot_panel
from kidney_evals.charts.verdicts import Place, Verdict, legend, scale_mark, verdict_panel

__all__ = [
    "STYLE",
    "DotRow",
    "Kind",
    "Line",
    "Place",
    "Verdict",
    "dot_panel",
    "grid",
    "legend",
    "line_chart",
    "scale_mark",
    "standalone",
    "verdict_panel",
]
