from typing import Any

import pytest
from aws_cdk import Duration, Environment, PhysicalName, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Annotations, Match

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.filter_policy import FilterPolicy, FilterScope
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.errors import InvalidPropsError

TOPIC, SUBSCRIPTION, QUEUE = "AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::SQS::Queue"
TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:Orders"
KEY_ARN = "arn:aws:kms:eu-west-1:111122223333:key/5a0d6f1e-9c3b-4a38-8d7c-2f0a2b6c1d11"
FROM_SNS = {"Service": "sns.amazonaws.com"}
MIB = 1_048_576


def topic(stack: Stack, **settings: Any) -> TopicChannel:
    return TopicChannel(stack, "Reserve", TopicChannelProps(**settings))


def channel(stack: Stack, name: str = "Billing", **settings: Any) -> QueueChannel:
    return QueueChannel(stack, name, QueueChannelProps(handler_timeout=Duration.seconds(5), **settings))


def key(stack: Stack, name: str) -> kms.IKey:
    return CustomerManagedKey(stack, name, CustomerManagedKeyProps(description=name)).key


def role(stack: Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def imported(stack: Stack, arn: str = TOPIC_ARN) -> sns.ITopic:
    return sns.Topic.from_topic_attributes(stack, "Existing", topic_arn=arn, key_arn=KEY_ARN)


def named(stack: Stack, resource_type: str, prefix: str) -> tuple[str, dict[str, Any]]:
    """The one resource of its type whose logical id is `prefix` and a hash."""
    [found] = [item for item in resources(stack, resource_type).items() if item[0][:-8] == prefix]
    return found


def allowed_to_sns(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Actions that a policy allows SNS, with their conditions."""
    return [
        {"actions": statement["Action"], "condition": statement["Condition"]}
        for statement in statements
        if statement["Effect"] == "Allow" and statement["Principal"] == FROM_SNS
    ]


def allowed_by_queues(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """Actions that the policy of each queue allows SNS."""
    return {
        policy["Properties"]["Queues"][0]["Ref"][:-8]: allowed_to_sns(
            policy["Properties"]["PolicyDocument"]["Statement"]
        )
        for policy in resources(stack, "AWS::SQS::QueuePolicy").values()
    }


def allowed_by_keys(stack: Stack) -> dict[str, list[dict[str, Any]]]:
    """Actions that the policy of each key allows SNS."""
    return {
        logical_id[:-8]: allowed_to_sns(found["Properties"]["KeyPolicy"]["Statement"])
        for logical_id, found in resources(stack, "AWS::KMS::Key").items()
    }


def test_topic_is_encrypted_with_a_key_of_its_own_and_refuses_what_comes_without_tls(stack: Stack) -> None:
    TopicChannel(stack, "Reserve")

    [made] = resources(stack, "AWS::KMS::Key")
    assert properties(stack, TOPIC) == {"KmsMasterKeyId": {"Fn::GetAtt": [made, "Arn"]}}
    [refusal] = properties(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert refusal["Effect"] == "Deny"
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_fifo_topic_gives_each_group_its_own_quota_when_asked(stack: Stack) -> None:
    topic(stack, fifo=True, high_throughput=True)

    assert properties(stack, TOPIC)["FifoTopic"] is True
    assert properties(stack, TOPIC)["FifoThroughputScope"] == "MessageGroup"


def test_larger_messages_are_accepted_when_the_prop_says_so(stack: Stack) -> None:
    topic(stack, max_message_bytes=MIB)

    assert properties(stack, TOPIC)["MaximumMessageSize"] == MIB


def test_subscriber_gets_the_message_as_it_was_published(stack: Stack) -> None:
    topic(stack).subscribe(channel(stack))

    found = properties(stack, SUBSCRIPTION)
    queue, _ = named(stack, QUEUE, "BillingQueue")
    [made] = resources(stack, TOPIC)
    assert found["TopicArn"] == {"Ref": made}
    assert (found["Protocol"], found["Endpoint"]) == ("sqs", {"Fn::GetAtt": [queue, "Arn"]})
    assert found["RawMessageDelivery"] is True
    assert "FilterPolicy" not in found


@pytest.mark.parametrize("scope", list(FilterScope))
def test_filter_reaches_the_subscription_as_it_is_written(stack: Stack, scope: FilterScope) -> None:
    conditions = {"service": [{"exists": False}, "billing"]}

    topic(stack).subscribe(channel(stack), filter_policy=FilterPolicy(conditions=conditions, scope=scope))

    assert properties(stack, SUBSCRIPTION)["FilterPolicy"] == conditions
    assert properties(stack, SUBSCRIPTION)["FilterPolicyScope"] == scope.value


def test_what_sns_cannot_deliver_is_kept_for_14_days(stack: Stack) -> None:
    topic(stack).subscribe(channel(stack, key=key(stack, "Secret")))

    dead_letter_queue, found = named(stack, QUEUE, "BillingSubscriptionDeadLetterQueue")
    assert properties(stack, SUBSCRIPTION)["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead_letter_queue, "Arn"]}
    }
    assert found["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    assert found["Properties"]["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("SecretKey")
    assert "FifoQueue" not in found["Properties"]


def test_what_a_fifo_topic_cannot_deliver_goes_to_a_fifo_queue_whatever_the_subscriber_is(stack: Stack) -> None:
    ordered = topic(stack, fifo=True)

    ordered.subscribe(channel(stack))
    ordered.subscribe(channel(stack, "Audit", fifo=True))

    for name in ("Billing", "Audit"):
        _, found = named(stack, QUEUE, f"{name}SubscriptionDeadLetterQueue")
        assert found["Properties"]["FifoQueue"] is True


def test_policies_let_sns_deliver_for_this_topic_into_queue_and_dead_letter_queue_and_use_their_keys(
    stack: Stack,
) -> None:
    billing = channel(stack, key=key(stack, "Secret"))

    topic(stack).subscribe(billing, dead_letter_key=key(stack, "Undelivered"))

    [made] = resources(stack, TOPIC)
    condition = {"ArnEquals": {"aws:SourceArn": {"Ref": made}}}
    send = [{"actions": "sqs:SendMessage", "condition": condition}]
    use = [{"actions": ["kms:Decrypt", "kms:GenerateDataKey"], "condition": condition}]
    assert allowed_by_queues(stack) == {
        "BillingQueue": send,
        "BillingSubscriptionDeadLetterQueue": send,
        "BillingDeadLetterQueue": [],  # SQS itself moves messages there
    }
    assert allowed_by_keys(stack) == {"SecretKey": use, "UndeliveredKey": use, "ReserveTopicKey": []}


def test_none_of_the_permissions_comes_from_the_cdk(stack: Stack) -> None:
    subscription = topic(stack).subscribe(channel(stack))

    made_by_cdk = (sns.Subscription, subscriptions.SqsSubscription)
    assert not [found for found in stack.node.find_all() if isinstance(found, made_by_cdk)]
    assert isinstance(subscription.subscription, sns.CfnSubscription)


def test_cdk_alone_leaves_the_key_of_a_dead_letter_queue_closed(stack: Stack) -> None:
    """The CDK alone adds no permission for the key, so that undeliverable messages would be lost."""
    undelivered = sqs.Queue(stack, "DeadLetters", encryption_master_key=key(stack, "Undelivered"))
    orders = sqs.Queue(stack, "Orders", encryption_master_key=key(stack, "Secret"))

    topic(stack).topic.add_subscription(subscriptions.SqsSubscription(orders, dead_letter_queue=undelivered))

    assert len(allowed_by_keys(stack)["SecretKey"]) == 1
    assert allowed_by_keys(stack)["UndeliveredKey"] == []


def test_subscription_waits_for_the_permission_of_the_queue(stack: Stack) -> None:
    topic(stack).subscribe(channel(stack))

    policy, _ = named(stack, "AWS::SQS::QueuePolicy", "BillingQueuePolicy")
    _, subscription = named(stack, SUBSCRIPTION, "BillingSubscription")
    assert policy in subscription["DependsOn"]


def test_key_of_several_queues_allows_sns_once(stack: Stack) -> None:
    reserve, secret = topic(stack), key(stack, "Secret")

    for name in ("Inventory", "Billing"):
        reserve.subscribe(channel(stack, name, key=secret))

    assert len(allowed_by_keys(stack)["SecretKey"]) == 1


def test_statements_of_several_topics_in_one_policy_have_no_names_that_could_be_equal(stack: Stack) -> None:
    secret = key(stack, "Secret")
    for name in ("Reserve", "Ship"):
        TopicChannel(stack, name).subscribe(channel(stack, f"{name}Queue", key=secret))

    _, found = named(stack, "AWS::KMS::Key", "SecretKey")
    statements = found["Properties"]["KeyPolicy"]["Statement"]
    assert len(allowed_to_sns(statements)) == 2
    assert not [statement for statement in statements if "Sid" in statement]


def test_queue_without_a_key_needs_no_permission_for_a_key(stack: Stack) -> None:
    topic(stack).subscribe(channel(stack))

    for name in ("BillingQueue", "BillingSubscriptionDeadLetterQueue"):
        assert named(stack, QUEUE, name)[1]["Properties"]["SqsManagedSseEnabled"] is True
        assert len(allowed_by_queues(stack)[name]) == 1


def test_imported_key_keeps_its_policy_and_synthesis_prints_what_it_must_allow(stack: Stack) -> None:
    secret = kms.Key.from_key_arn(stack, "Secret", KEY_ARN)

    topic(stack).subscribe(channel(stack, key=secret))

    told = Match.string_like_regexp("imported key must allow sns.amazonaws.com")
    assert Annotations.from_stack(stack).find_info("*", told)


def test_topic_and_subscriber_may_live_in_stacks_of_their_own(app_context: dict[str, Any]) -> None:
    app = new_app(context=app_context)
    topics, queues = Stack(app, "Topics"), Stack(app, "Queues")

    topic(topics).subscribe(channel(queues, key=key(queues, "Secret")))

    assert len(resources(queues, SUBSCRIPTION)) == 1
    assert not resources(topics, SUBSCRIPTION)


def test_key_of_a_third_stack_allows_topics_of_the_account_and_the_queue_allows_this_topic(
    app_context: dict[str, Any],
) -> None:
    app = new_app(context=app_context)
    keys, orders = Stack(app, "Keys"), Stack(app, "Orders")

    reserve = topic(orders)
    for name in ("Billing", "Inventory"):
        reserve.subscribe(channel(orders, name, key=key(keys, f"{name}Secret")))

    [permission] = allowed_by_keys(keys)["BillingSecretKey"]
    parts = permission["condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1]
    arn = "".join(part if isinstance(part, str) else part["Ref"] for part in parts)
    assert arn == "arn:AWS::Partition:sns:AWS::Region:AWS::AccountId:*"
    [made] = resources(orders, TOPIC)
    for name in ("BillingQueue", "BillingSubscriptionDeadLetterQueue"):
        [statement] = allowed_by_queues(orders)[name]
        assert statement["condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": made}}}


def test_key_of_a_third_stack_names_the_account_that_the_topic_is_in(app_context: dict[str, Any]) -> None:
    app = new_app(context=app_context)
    here = Environment(account="444455556666", region="eu-central-1")
    keys, queues = Stack(app, "Keys", env=here), Stack(app, "Queues", env=here)
    topics = Stack(app, "Topics", env=Environment(account="111122223333", region="eu-west-1"))
    theirs = sns.Topic(topics, "Theirs", topic_name=PhysicalName.GENERATE_IF_NEEDED)

    dead_letters = sqs.Queue.from_queue_arn(queues, "Dead", "arn:aws:sqs:eu-west-1:444455556666:dead")
    orders = channel(queues, key=key(keys, "Secret"))
    topic(queues, existing=theirs).subscribe(orders, dead_letter_queue=dead_letters)

    [permission] = allowed_by_keys(keys)["SecretKey"]
    assert permission["condition"] == {"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:*"}}


@pytest.mark.parametrize("home", ["Topics", "Queues"])
def test_key_in_the_stack_of_the_queue_or_the_topic_allows_this_topic_only(
    app_context: dict[str, Any], home: str
) -> None:
    app = new_app(context=app_context)
    stacks = {name: Stack(app, name) for name in ("Topics", "Queues")}

    topic(stacks["Topics"]).subscribe(channel(stacks["Queues"], key=key(stacks[home], "Secret")))

    [permission] = allowed_by_keys(stacks[home])["SecretKey"]
    assert set(permission["condition"]) == {"ArnEquals"}


def test_key_of_a_third_stack_names_an_imported_topic_whose_arn_is_known(app_context: dict[str, Any]) -> None:
    app = new_app(context=app_context)
    keys, queues = Stack(app, "Keys"), Stack(app, "Queues")

    topic(queues, existing=imported(queues)).subscribe(channel(queues, key=key(keys, "Secret")))

    [permission] = allowed_by_keys(keys)["SecretKey"]
    assert permission["condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC_ARN}}


def test_one_channel_can_be_subscribed_to_two_topics(stack: Stack) -> None:
    audit = channel(stack, "Audit")

    TopicChannel(stack, "Reserve").subscribe(audit)
    TopicChannel(stack, "Ship").subscribe(audit, construct_id="Shipments")

    assert len(allowed_by_queues(stack)["AuditQueue"]) == 2


def test_web_server_gets_signed_envelopes_and_its_failures_are_kept(stack: Stack) -> None:
    topic(stack).subscribe_https("Warehouse", "https://warehouse.example.com/orders")

    found = properties(stack, SUBSCRIPTION)
    assert (found["Protocol"], found["Endpoint"]) == ("https", "https://warehouse.example.com/orders")
    assert "RawMessageDelivery" not in found
    assert "deadLetterTargetArn" in found["RedrivePolicy"]
    assert len(allowed_by_queues(stack)["ReserveWarehouseDeadLetterQueue"]) == 1


def test_people_get_letters(stack: Stack) -> None:
    topic(stack).subscribe_email("Operations", "operations@example.com")

    found = properties(stack, SUBSCRIPTION)
    assert (found["Protocol"], found["Endpoint"]) == ("email", "operations@example.com")
    assert "deadLetterTargetArn" in found["RedrivePolicy"]


def test_grant_gives_publishing_with_the_key_and_no_more(stack: Stack) -> None:
    topic(stack).grant_publish(role(stack))

    assert permissions(stack) == {
        ("sns:Publish", "ReserveTopic"),
        ("kms:Decrypt", "ReserveTopicKey"),
        ("kms:GenerateDataKey", "ReserveTopicKey"),
    }


def test_existing_topic_and_its_key_keep_their_policies(stack: Stack) -> None:
    existing = topic(stack, existing=imported(stack))

    existing.grant_publish(role(stack))
    existing.subscribe(channel(stack, key=key(stack, "Secret")))

    assert not any(resources(stack, resource_type) for resource_type in (TOPIC, "AWS::SNS::TopicPolicy"))
    assert permissions(stack) == {
        ("sns:Publish", TOPIC_ARN),
        ("kms:Decrypt", KEY_ARN),
        ("kms:GenerateDataKey", KEY_ARN),
    }
    [permission] = allowed_by_keys(stack)["SecretKey"]
    assert permission["condition"] == {"ArnEquals": {"aws:SourceArn": TOPIC_ARN}}


@pytest.mark.parametrize(("protect", "policy"), [(True, "Retain"), (False, "Delete")])
def test_protection_decides_what_becomes_of_key_and_dead_letters(stack: Stack, protect: bool, policy: str) -> None:
    topic(stack, protect=protect).subscribe(channel(stack, protect=protect))

    for resource_type in ("AWS::KMS::Key", QUEUE):
        assert {found["DeletionPolicy"] for found in resources(stack, resource_type).values()} == {policy}


def test_fifo_channel_of_a_standard_topic_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        topic(stack).subscribe(channel(stack, fifo=True))

    assert str(refusal.value) == (
        "Stack/Reserve: channel must be a standard channel, because a standard topic cannot deliver to a FIFO queue, "
        "got the FIFO channel Stack/Billing"
    )


@pytest.mark.parametrize("by_alias", [False, True])
def test_one_key_for_topic_queue_and_dead_letters_is_no_cycle(stack: Stack, by_alias: bool) -> None:
    shared = key(stack, "Shared")
    of_queues = kms.Alias(stack, "Alias", alias_name="alias/orders", target_key=shared) if by_alias else shared
    topic(stack, key=shared).subscribe(channel(stack, key=of_queues))

    # `Template` refuses a cycle. The key lets SNS deliver for all topics of the account, the queues for this one only.
    [policy] = [each["Properties"]["KeyPolicy"] for each in resources(stack, "AWS::KMS::Key").values()]
    [statement] = [each for each in policy["Statement"] if each["Principal"].get("Service") == "sns.amazonaws.com"]
    assert list(statement["Condition"]) == ["ArnLike"]
    for each in resources(stack, "AWS::SQS::QueuePolicy").values():
        for_sns = [part for part in each["Properties"]["PolicyDocument"]["Statement"] if "Service" in part["Principal"]]
        assert all(list(part["Condition"]) == ["ArnEquals"] for part in for_sns)


def test_one_imported_key_for_topic_and_queue_is_accepted_and_keeps_its_policy(stack: Stack) -> None:
    shared = kms.Key.from_key_arn(stack, "Shared", "arn:aws:kms:eu-west-1:123456789012:key/1")
    topic(stack, key=shared).subscribe(channel(stack, key=shared))

    assert resources(stack, "AWS::KMS::Key") == {}
    encrypted = [each["Properties"]["KmsMasterKeyId"] for each in resources(stack, "AWS::SQS::Queue").values()]
    assert set(map(str, encrypted)) == {"arn:aws:kms:eu-west-1:123456789012:key/1"}


@pytest.mark.parametrize(
    ("settings", "url", "sentence"),
    [
        ({}, "http://example.com", "Stack/Reserve: url must begin with https://, got 'http://example.com'"),
        (
            {"fifo": True},
            "https://example.com",
            (
                "Stack/Reserve: https://example.com must be subscribed to a standard topic, because a FIFO topic "
                "reaches no web server and no e-mail address"
            ),
        ),
        (
            {"max_message_bytes": MIB},
            "https://example.com",
            (
                "Stack/Reserve: max_message_bytes must be at most 262,144 to subscribe https://example.com, because "
                "SNS delivers larger messages to queues, functions and Firehose only, got 1,048,576"
            ),
        ),
    ],
)
def test_web_server_that_sns_would_not_reach_is_refused(
    stack: Stack, settings: dict[str, Any], url: str, sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        topic(stack, **settings).subscribe_https("Warehouse", url)

    assert str(refusal.value) == sentence


def test_address_that_is_none_is_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Reserve: address must be an e-mail address, got 'operations'"):
        topic(stack).subscribe_email("Operations", "operations")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_message_bytes": 1_023}, "max_message_bytes must be between 1,024 and 1,048,576 bytes, got 1,023"),
        (
            {"max_message_bytes": MIB + 1},
            "max_message_bytes must be between 1,024 and 1,048,576 bytes, got 1,048,577",
        ),
        (
            {"high_throughput": True},
            "high_throughput must be left out without fifo, because only FIFO topics have it, got True",
        ),
    ],
)
def test_prop_out_of_its_range_is_refused_with_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        TopicChannelProps(**settings)

    assert str(refusal.value) == sentence


def test_fifo_settings_of_an_existing_topic_are_refused(stack: Stack) -> None:
    with pytest.raises(InvalidPropsError, match="fifo and high_throughput must be left out with existing"):
        topic(stack, existing=imported(stack), fifo=True)


def test_key_that_aws_manages_is_refused(stack: Stack) -> None:
    managed = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/sns")

    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key, got alias/aws/sns"):
        topic(stack, key=managed)


def test_key_of_dead_letters_that_aws_manages_is_refused(stack: Stack) -> None:
    managed = kms.Alias.from_alias_name(stack, "Managed", "alias/aws/sqs")
    orders, reserve = channel(stack), topic(stack)

    with pytest.raises(InvalidPropsError, match="key must be a customer-managed key, got alias/aws/sqs"):
        reserve.subscribe(orders, dead_letter_key=managed)
