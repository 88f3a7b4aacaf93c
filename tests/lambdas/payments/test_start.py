"""The start of the payments function loads nothing of pipelines, jobs and requests, which it does not use."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]


def test_payments_load_no_module_of_pipelines_and_scheduled_jobs_and_requests() -> None:
    program = "import sys, lambdas.payments.handler; print(*sorted(sys.modules))"
    child = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    loaded = [name for name in child.stdout.split() if name.startswith(("tsunagu.runtime", "tsunagu.contracts"))]
    assert "tsunagu.runtime.receiving.receiver" in loaded
    assert [
        name
        for name in loaded
        if "pipeline" in name
        or "single_flight" in name
        or "request" in name
        or name.endswith((".claim_check", ".s3", ".dataclass_reader", ".single_writes"))
    ] == []
