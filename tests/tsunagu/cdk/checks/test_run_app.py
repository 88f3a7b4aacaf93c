from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs

from tests.apps import new_app
from tsunagu.cdk import InvalidPropsError, add_checks, run_app


def app_with_a_queue(folder: Path, **props: object) -> App:
    app = new_app(outdir=str(folder))
    add_checks(app)
    queue: type = sqs.Queue
    queue(Stack(app, "Stack"), "Queue", **props)
    return app


def test_findings_of_checks_end_the_process_with_a_sentence_that_names_the_report(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ending:
        run_app(lambda: app_with_a_queue(tmp_path, queue_name="fixed"))

    report = tmp_path / "validation-report.json"
    assert ending.value.code == f"error: checks must find nothing, got findings: they are above, and in {report}"
    assert report.is_file()


def test_wrong_props_end_the_process_with_their_sentence() -> None:
    def build() -> App:
        msg = "max_attempts must be above 0, got 0"
        raise InvalidPropsError(msg)

    with pytest.raises(SystemExit) as ending:
        run_app(build)

    assert ending.value.code == "error: max_attempts must be above 0, got 0"


def test_error_of_the_code_of_the_app_keeps_its_traceback() -> None:
    def build() -> App:
        msg = "a bug"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="a bug"):
        run_app(build)


def test_app_without_findings_is_synthesized(tmp_path: Path) -> None:
    run_app(lambda: new_app(outdir=str(tmp_path)))

    assert (tmp_path / "manifest.json").is_file()
