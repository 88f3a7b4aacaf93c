"""`tsunagu graph` on files. What it reads of a deployed stack is in `operations/graph/test_sources.py`."""

import json
from pathlib import Path

import pytest

from tests.tsunagu.cli.conftest import Tsunagu
from tests.tsunagu.operations.graph.flows import QUEUE, arn, resource


@pytest.fixture
def template(tmp_path: Path) -> str:
    path = tmp_path / "shop.template.json"
    queue = resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("Dead")})
    path.write_text(json.dumps({"Resources": {"Orders": queue, "Dead": QUEUE}}))
    return str(path)


def test_picture_is_svg_unless_told_otherwise(tsunagu: Tsunagu, template: str) -> None:
    result = tsunagu("graph", "--template", template)

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("<svg ")
    assert ">Orders</text>" in result.out


def test_a_terminal_is_no_place_for_an_svg(tsunagu: Tsunagu, template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsunagu.cli.graph.sys.stdout.isatty", lambda: True, raising=False)

    refused = tsunagu("graph", "--template", template)

    assert refused.err == (
        "error: --output must name a file for an SVG, got a terminal: name one, or give --format mermaid\n"
    )
    assert tsunagu("graph", "--template", template, "--format", "mermaid").code == 0


def test_mermaid_is_written_to_a_file(tsunagu: Tsunagu, template: str, tmp_path: Path) -> None:
    result = tsunagu("graph", "--template", template, "--format", "mermaid", "--output", str(tmp_path / "shop.mmd"))

    assert (result.code, result.out) == (0, "")
    assert "    Orders -.-> Dead\n" in (tmp_path / "shop.mmd").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "STACK must name a deployed stack, or --template a template, got neither"),
        (("--template", "{template}", "--live"), "--live must be without --template"),
        (("--template", "gone.json"), "gone.json must be a template, or a folder that `cdk synth` wrote, got no"),
        (("shop", "--stack", "other"), "either STACK or --stack must name the stack, got both"),
        (("--template", "{template}", "--output", "/nowhere/x.svg"), "--output must name a file that can be written"),
    ],
)
def test_refusal_is_one_sentence(tsunagu: Tsunagu, template: str, arguments: tuple[str, ...], sentence: str) -> None:
    result = tsunagu("graph", *(argument.format(template=template) for argument in arguments))

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"error: {sentence}")
    assert result.err.count("\n") == 1
