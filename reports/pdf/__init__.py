"""`render(results, path, *, paper="A4")`: one results dict in, one PDF out; the same input gives the same bytes.

The order of imports matters here: `fonts` tells reportlab which base font to use before anything else of it loads.
"""

from reports.pdf import fonts as fonts
from reports.pdf.build import render

__all__ = ["render"]
