"""What the page about the run sweeper takes for granted."""

from tsunagu.cdk import HandlerFunctionProps, Step

preprocessor: HandlerFunctionProps
steps: list[Step]
