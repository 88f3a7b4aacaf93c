"""Drives messages through the warehouse on the embedded cloud, and compares the effects with what was sent.

After `tsunagu up` and `eval "$(tsunagu env)"`: `python drive.py`. It fails if a message was lost, or an effect was
doubled.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3

from cdk_app.company import REGION, SECOND_REGION, TOPIC_NAME

PATIENCE_SECONDS = 180
SKUS = ("tea", "cup", "pot")
DELIVERIES, ORDERS = 30, 6

Items = dict[str, dict[str, Any]]


class Warehouse:
    """The deployed warehouse."""

    def __init__(self) -> None:
        (stack,) = _client("cloudformation").describe_stacks(StackName="Warehouse")["Stacks"]
        self._outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def announce(self, delivery: Mapping[str, Any]) -> None:
        """Publish a delivery to the company's topic, in the second region."""
        topic_arn = f"arn:aws:sns:{SECOND_REGION}:000000000000:{TOPIC_NAME}"
        _client("sns", SECOND_REGION).publish(TopicArn=topic_arn, Message=json.dumps(delivery))

    def command(self, *arguments: str, text: str | None = None) -> None:
        """Run the `tsunagu` command."""
        program = [str(Path(sys.executable).with_name("tsunagu")), *arguments]
        subprocess.run(program, input=text, check=True, text=True, capture_output=True)  # noqa: S603

    def items(self, table: str, key: str) -> Items:
        """Return the items of a table, by their key."""
        found = _client("dynamodb").scan(TableName=self._outputs[f"{table}TableName"])["Items"]
        return {item[key]["S"]: item for item in found}

    def stock(self) -> dict[str, int]:
        """Return the pieces of each article."""
        return {sku: int(item["pieces"]["N"]) for sku, item in self.items("Stock", "sku").items()}

    def dead_letters(self) -> int:
        """Return how many deliveries were dead-lettered."""
        queue_url = self._outputs["ReceiptsDeadLetterQueueUrl"]
        attributes = _client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
        return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def _client(service: str, region: str = REGION) -> Any:
    session: Any = boto3.Session(region_name=region)
    return session.client(service)


def main() -> None:
    """Drive the three flows one after the other."""
    warehouse = Warehouse()
    expected = _receipts(warehouse)
    expected = _shipments(warehouse, expected)
    _stocktake(warehouse, expected)


def _receipts(warehouse: Warehouse) -> dict[str, int]:
    """Announce each delivery twice, and one of nothing."""
    deliveries = [{"delivery": f"d-{n}", "sku": SKUS[n % len(SKUS)], "pieces": n} for n in range(1, DELIVERIES + 1)]
    for delivery in [*deliveries, *deliveries, {"delivery": "d-0", "sku": "tea", "pieces": 0}]:
        warehouse.announce(delivery)
    expected: Counter[str] = Counter()
    for delivery in deliveries:
        expected[str(delivery["sku"])] += int(str(delivery["pieces"]))
    _until("deliveries in the journal", lambda: _count(warehouse, "delivery-"), DELIVERIES)
    _until("dead-lettered deliveries", warehouse.dead_letters, 1)
    _until("stock", warehouse.stock, dict(expected))
    return dict(expected)


def _shipments(warehouse: Warehouse, stock: Mapping[str, int]) -> dict[str, int]:
    """Start each order twice, with its number as the idempotency key."""
    expected = dict(stock)
    for number in range(ORDERS):
        order = {"order": f"o-{number}", "sku": SKUS[number % len(SKUS)], "pieces": number + 1}
        for _ in range(2):
            warehouse.command(
                *("start", "shipments", "--file", "-", "--key", f"o-{number}", "--stack", "Warehouse", "--yes"),
                text=json.dumps(order),
            )
        expected[str(order["sku"])] -= int(str(order["pieces"]))
    _until("shipments in the journal", lambda: _count(warehouse, "shipment-"), ORDERS)
    _until("stock after shipments", warehouse.stock, expected)
    return expected


def _stocktake(warehouse: Warehouse, stock: Mapping[str, int]) -> None:
    warehouse.command("run", "stocktake", "--stack", "Warehouse", "--yes")

    def pieces() -> int | None:
        entry = warehouse.items("Journal", "entry").get("stocktake")
        return None if entry is None else int(entry["pieces"]["N"])

    _until("pieces of the stock-take", pieces, sum(stock.values()))


def _count(warehouse: Warehouse, prefix: str) -> int:
    return sum(entry.startswith(prefix) for entry in warehouse.items("Journal", "entry"))


def _until(what: str, look: Callable[[], object], expected: object) -> None:
    """Print what is there as soon as it is what was sent, and look once more; end the program if it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    if found == expected:
        time.sleep(1)
        found = look()
    print(f"{what}: {found}")
    if found != expected:
        sys.exit(f"error: {what} must be {expected}, got {found}")


if __name__ == "__main__":
    main()
