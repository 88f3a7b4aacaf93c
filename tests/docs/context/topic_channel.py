"""What the page about topics takes for granted."""

from tsunagu.cdk import QueueChannel

billing: QueueChannel
