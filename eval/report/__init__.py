"""The report of a run and of a comparison: content, drawings, and the page and file they become."""

from __future__ import annotations

from eval.report.against import comparison_document
from eval.report.html import html
from eval.report.markdown import markdown
from eval.report.run import run_document

__all__ = ["comparison_document", "html", "markdown", "run_document"]
