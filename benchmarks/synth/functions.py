"""An app of functions, one for each handler package below the folder `PACKAGES`. Run as a script, it synthesizes."""

import os
from pathlib import Path

from aws_cdk import App, Duration, Stack

from tsunagu.cdk import HandlerFunction, HandlerFunctionProps, HandlerPackage

if __name__ == "__main__":
    app = App()
    stack = Stack(app, "Functions")
    for folder in sorted(Path(os.environ["PACKAGES"]).iterdir()):
        props = HandlerFunctionProps(package=HandlerPackage(path=folder), timeout=Duration.seconds(5))
        HandlerFunction(stack, folder.name.title().replace("_", ""), props)
    app.synth()
