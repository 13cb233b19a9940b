"""Numbers in, SVG out: the figures of reports, as panels that a page or a file puts together.

Nothing here knows of logs, studies or Inspect. `dot_panel`, `curve_panel`, `share_panel` and
`change_panel` return panels without their style sheet, of which a page that holds many needs one
(`STYLE`); `standalone` makes a file of one, `grid` of several, `charts.png` a picture.
`charts.line_chart` draws a wider one that is a file from the start.
"""

from kidney_evals.charts.changes import ChangeRow, change_panel
from kidney_evals.charts.curves import Curve, curve_panel
from kidney_evals.charts.dots import DotRow, dot_panel
from kidney_evals.charts.panel import WIDTH, grid
from kidney_evals.charts.shares import ShareRow, share_panel
from kidney_evals.charts.style import STYLE, standalone
from kidney_evals.charts.svg import Kind

__all__ = [
    "STYLE",
    "WIDTH",
    "ChangeRow",
    "Curve",
    "DotRow",
    "Kind",
    "ShareRow",
    "change_panel",
    "curve_panel",
    "dot_panel",
    "grid",
    "share_panel",
    "standalone",
]
