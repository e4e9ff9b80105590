"""`report.html`: a study as one self-contained page that needs no network."""

from lit_idim.report.content import ReportContent, ReportFigure, ReportTable
from lit_idim.report.page import report_page, write_report

__all__ = ["ReportContent", "ReportFigure", "ReportTable", "report_page", "write_report"]
