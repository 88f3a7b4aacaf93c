"""Synthesizes the app of a release, or one of its examples. It runs with any release of the library.

    python synthesize.py APP WHAT OUTPUT

`APP` is the folder that has `cdk_app`, `lambdas`, `cdk.json` and `examples`. `WHAT` is a stage, or the name of an
example. `PYTHONPATH` decides with which release.
"""

import json
import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Synthesize."""
    app, what, output = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    example = app / "examples" / what
    if example.is_dir():
        os.environ["CDK_OUTDIR"] = output
        sys.path.insert(0, str(example))
        runpy.run_path(str(example / "app.py"), run_name="__main__")
        return
    sys.path.insert(0, str(app))
    from cdk_app.app import build_app  # noqa: PLC0415 - of the folder that was just added
    from cdk_app.settings import load_settings  # noqa: PLC0415

    context = json.loads((app / "cdk.json").read_text())["context"]
    build_app(load_settings(context["tsunagu"], what), context=context, outdir=output).synth()


if __name__ == "__main__":
    main()
