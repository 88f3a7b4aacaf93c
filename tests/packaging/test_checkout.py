import shutil
import subprocess
from pathlib import Path

from tests.packaging.conftest import PROJECT, Environment
from tests.synthesis import WITHOUT_VALIDATION


def test_checkout_synthesizes_with_the_packages_of_requirements_txt_and_nothing_else(
    locked_environment: Environment, tmp_path: Path
) -> None:
    """`pip install -r requirements.txt && npx cdk synth`, in a copy, so that nothing of ours is found elsewhere."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    for name in listing.stdout.splitlines():
        if not name.startswith("tests/") and (PROJECT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    locked_environment.run("python", "-c", "import importlib.util as i; assert i.find_spec('tsunagu') is None")

    done = subprocess.run(
        [str(tmp_path / "node_modules" / ".bin" / "cdk"), "synth", "--quiet"],
        cwd=tmp_path,
        env=locked_environment.variables(VIRTUAL_ENV=str(locked_environment.directory), **WITHOUT_VALIDATION),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cdk.out" / "Payments.template.json").is_file()
