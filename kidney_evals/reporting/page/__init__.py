"""Write the report: one self-contained HTML page for many logs.

The page has no script, is readable offline, and has a light and a dark colour scheme.
"""

from kidney_evals.reporting.page.content import Report, as_html, asset_contents, read_report

__all__ = ["Report", "as_html", "asset_contents", "read_report"]
