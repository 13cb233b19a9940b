"""Write the report: one self-contained HTML page for many logs.

The page has no script, is readable offline, and has a light and a dark colour scheme.
"""

from kidney_evals.reporting.page.content import Report, read_report, report_of
from kidney_evals.reporting.page.write import as_html, asset_contents, write_assets, write_page

__all__ = [
    "Report",
    "as_html",
    "asset_contents",
    "read_report",
    "report_of",
    "write_assets",
    "write_page",
]
