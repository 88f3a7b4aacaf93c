"""What the page about the pipeline takes for granted."""

from tsunagu.cdk import HandlerPackage, QueueChannel

preprocessor: HandlerPackage
inventory: HandlerPackage
billing: HandlerPackage
shipping: HandlerPackage
notifications: QueueChannel
