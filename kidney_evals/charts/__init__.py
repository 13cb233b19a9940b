"""Numbers in, SVG out: the figures of reports. Nothing here knows of logs, studies or Inspect.

`dot_panel`, `share_panel` and `line_panel` return panels without their style sheet, of which a
page that holds many needs one (`STYLE`); `standalone` makes a file of one panel, `grid` of
several, `line_chart` a wider one. `charts.png` draws pictures of files.
"""

from kidney_evals.charts.drawing import Kind, grid
from kidney_evals.charts.lines import Line, line_chart, line_panel
from kidney_evals.charts.rows import DotRow, ShareRow, dot_panel, share_panel
from kidney_evals.charts.style import STYLE, standalone

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
