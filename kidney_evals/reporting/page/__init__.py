"""One page for many logs: self-contained, readable offline, without script, in light and dark."""

from kidney_evals.reporting.page.content import Report, read_report, report_of
from kidney_evals.reporting.page.write import write_assets, write_page

__all__ = ["Report", "read_report", "report_of", "write_assets", "write_page"]
