"""The reminders of the day, as a scheduled job."""

from tsunagu import Run, scheduled_job

from .tables import table_name


@scheduled_job("reminders")
def handler(run: Run) -> dict[str, int]:
    """Write the reminders of the day."""
    run.put(table_name(), {"id": f"reminders-{run.slot:%Y-%m-%d}", "run": run.number})
    return {"reminders": 1}
