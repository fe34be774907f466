"""Many questions at once, from a table or of every paper, with a journal that a stopped run goes on from."""

from assistant.batch.summary import Forecast, Summary
from assistant.batch.tasks import papers_task, table_task
from assistant.batch.work import Options, Plan, forecast, prepare, run

__all__ = [
    "Forecast",
    "Options",
    "Plan",
    "Summary",
    "forecast",
    "papers_task",
    "prepare",
    "run",
    "table_task",
]
