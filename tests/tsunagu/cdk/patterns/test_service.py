from typing import Any

import pytest
from aws_cdk import Duration, Stack

from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.patterns.service import Service
from tsunagu.errors import InvalidPropsError


def test_construct_id_is_the_name_in_pascal_case(package: HandlerPackage) -> None:
    assert Service(name="quality-check-2", package=package).construct_id == "QualityCheck2"


def test_longest_way_is_two_sets_of_dead_letters_and_two_waits(stack: Stack, package: HandlerPackage) -> None:
    slow = QueueChannelProps(handler_timeout=Duration.seconds(5), retention=Duration.days(6))
    channel = QueueChannel(stack, "Slow", slow)

    assert Service(name="billing", package=package).longest_way.to_days() == 14 + 4 + 14 + 4
    assert Service(name="billing", package=package, channel=channel).longest_way.to_days() == 14 + 6 + 14 + 6


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"name": "Billing"},
            ("name must be 1 to 32 lower-case letters, digits and hyphens, and begin with a letter, got 'Billing'"),
        ),
        (
            {"name": "../billing"},
            ("name must be 1 to 32 lower-case letters, digits and hyphens, and begin with a letter, got '../billing'"),
        ),
        (
            {"name": "billing", "handler_timeout": Duration.seconds(901)},
            "handler_timeout must be between 1 and 900 seconds, got 901",
        ),
        ({"name": "billing", "max_attempts": 0}, "max_attempts must be between 1 and 100, got 0"),
        (
            {"name": "billing", "on_death": "park_group"},
            (
                "on_death must be continue_group for billing, because the requests of a pipeline do not wait for each "
                "other, got park_group"
            ),
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_sentence(
    package: HandlerPackage, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        Service(package=package, **settings)

    assert str(refusal.value) == sentence


def test_handler_timeout_with_a_channel_is_refused(stack: Stack, package: HandlerPackage) -> None:
    channel = QueueChannel(stack, "Slow", QueueChannelProps(handler_timeout=Duration.seconds(5)))

    with pytest.raises(InvalidPropsError, match="handler_timeout of billing must be left out with channel, which has"):
        Service(name="billing", package=package, channel=channel, handler_timeout=Duration.seconds(5))
