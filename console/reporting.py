"""A run's report as a page: one file, which can be mailed and kept."""

from __future__ import annotations

from pathlib import Path

from crm_store.content.settings import Company
from crm_store.insight.runs import Report, Run

_PAGE = Path(__file__).parent / "report.html.j2"


def page(report: Report, company: Company) -> str:
    """HTML that needs no other file; whatever comes from the store is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_PAGE.read_text(encoding="utf-8"))
    slowest = None if report.slowest is None else report.slowest.total_seconds()
    return template.render(report=report, run=report.run, company=company, slowest=slowest, sum_law=sum_law(report.run))


def sum_law(run: Run) -> str:
    """`100 eligible = 95 sent + 5 skipped`, or that it is not so."""
    parts = [f"{count:,} {state.replace('_', ' ')}" for state, count in run.states.items() if count] or ["nothing"]
    if run.holds:
        return f"{run.eligible:,} eligible = {' + '.join(parts)}"
    return f"THE SUM LAW IS BROKEN: {run.eligible:,} eligible, but {' + '.join(parts)}"
