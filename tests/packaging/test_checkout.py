import json
from pathlib import Path

from tests.packaging.conftest import PROJECT, Environment
from tests.synthesis import WITHOUT_VALIDATION


def test_checkout_synthesizes_with_the_packages_of_requirements_txt_and_nothing_else(
    locked_environment: Environment, tmp_path: Path
) -> None:
    context = json.dumps(json.loads((PROJECT / "cdk.json").read_text())["context"])
    variables = {"CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(tmp_path), **WITHOUT_VALIDATION}

    locked_environment.run("python", "app.py", cwd=PROJECT, variables=variables)

    assert (tmp_path / "Payments.template.json").is_file()
