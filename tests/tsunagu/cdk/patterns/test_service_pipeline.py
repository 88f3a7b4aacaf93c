import json
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns

from lambdas.contracts.payments import PaymentsEnvironment
from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.claim_check_bucket import ClaimCheckBucket, ClaimCheckBucketProps
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.handler_function import HandlerFunctionProps
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel, TopicChannelProps
from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline
from tsunagu.contracts import items
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.pipeline import PreprocessorEnvironment, ServiceEnvironment
from tsunagu.contracts.telemetry import Metric
from tsunagu.errors import InvalidPropsError

FUNCTION, SUBSCRIPTION, TOPIC, BUCKET = (
    "AWS::Lambda::Function",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::S3::Bucket",
)
TIMEOUT = Duration.seconds(20)
KIB = 1_024
DAY_SECONDS = 86_400
RUN_DAYS = 2 * (14 + 4 + 14 + 4)  # two steps, each with a redrive on each side of its queue
RECEIVES = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}
WRITES_ITEMS = {"dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"}


def step(package: HandlerPackage, name: str, *services: str, **settings: Any) -> Step:
    return Step(name=name, services=[Service(name=service, package=package) for service in services], **settings)


def props(package: HandlerPackage, **settings: Any) -> ServicePipelineProps:
    steps = [step(package, "reserve", "inventory", "billing"), step(package, "ship", "shipping")]
    preprocessor = HandlerFunctionProps(package=package, timeout=TIMEOUT)
    return ServicePipelineProps(**{"name": "orders", "preprocessor": preprocessor, "steps": steps, **settings})


def pipeline(stack: Stack, package: HandlerPackage, **settings: Any) -> ServicePipeline:
    return ServicePipeline(stack, "Orders", props(package, **settings))


def variables(stack: Stack, path: str) -> dict[str, Any]:
    """Environment of one function, by the end of its path in the pipeline."""
    [found] = [
        function["Properties"]["Environment"]["Variables"]
        for logical_id, function in resources(stack, FUNCTION).items()
        if logical_id[:-8] == f"Orders{path}Function"
    ]
    return dict(found)


def allowed(stack: Stack, path: str) -> set[tuple[str, str]]:
    """What the role of one function may do, but for its logs."""
    pairs = set()
    for logical_id, policy in resources(stack, "AWS::IAM::Policy").items():
        if logical_id[:-8] == f"Orders{path}RoleDefaultPolicy":
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                pairs |= {
                    (action, resource) for action in listed(statement["Action"]) for resource in targets(statement)
                }
    return {pair for pair in pairs if not pair[0].startswith("logs:")}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def targets(statement: dict[str, Any]) -> list[str]:
    return [name(resource) for resource in listed(statement["Resource"])]


def name(resource: Any) -> str:
    match resource:
        case {"Fn::GetAtt": [logical_id, _]} | {"Ref": logical_id}:
            return str(logical_id)[:-8].removeprefix("Orders")
        case {"Fn::Join": ["", [{"Fn::GetAtt": [logical_id, _]}, rest]]}:
            return f"{str(logical_id)[:-8].removeprefix('Orders')}{rest}"
        case _:
            return str(resource)


def test_service_gets_its_place_and_the_next_topic(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package)

    billing = variables(stack, "StepsReserveBillingReceiverHandler")
    assert set(billing) == {*ReceiverEnvironment.variable_names(), *ServiceEnvironment.variable_names()}
    assert (billing["PIPELINE"], billing["STEP"], billing["SERVICE"]) == ("orders", "reserve", "billing")
    assert (billing["SIBLINGS"], billing["NEXT_STEP"]) == ("inventory,billing", "ship")
    assert name(billing["NEXT_TOPIC_ARN"]) == "TopicsShipTopic"
    assert name(billing["CLAIM_BUCKET_NAME"]) == "ClaimCheckBucket"
    assert (billing["INLINE_BYTES"], billing["HOP_LIMIT"]) == ("65536", "32")


def test_services_of_the_last_step_publish_to_the_completion_topic(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package)

    shipping = variables(stack, "StepsShipShippingReceiverHandler")
    assert (shipping["NEXT_STEP"], name(shipping["NEXT_TOPIC_ARN"])) == ("", "NotifierTopic")


def test_preprocessor_knows_every_step_with_its_topic(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package)

    found = variables(stack, "Preprocessor")
    assert set(found) == set(PreprocessorEnvironment.variable_names())
    parts = found["STEPS"]["Fn::Join"][1]
    steps = json.loads("".join(part if isinstance(part, str) else name(part) for part in parts))
    assert steps == [
        {"name": "reserve", "topic_arn": "TopicsReserveTopic", "services": ["inventory", "billing"]},
        {"name": "ship", "topic_arn": "TopicsShipTopic", "services": ["shipping"]},
    ]
    assert found["FUNCTION_TIMEOUT_SECONDS"] == "20"


def test_environment_of_a_services_own_reaches_it_too(stack: Stack, package: HandlerPackage) -> None:
    own = PaymentsEnvironment(payments_table_name="payments")
    billing = Service(name="billing", package=package, environment=[own])

    pipeline(stack, package, steps=[Step(name="reserve", services=[billing])])

    assert variables(stack, "StepsReserveBillingReceiverHandler")["PAYMENTS_TABLE_NAME"] == "payments"


def test_service_may_read_earlier_results_write_its_own_and_publish_to_the_next_topic(
    stack: Stack, package: HandlerPackage
) -> None:
    pipeline(stack, package)

    own = "StepsReserveBillingChannel"
    assert allowed(stack, "StepsReserveBillingReceiverHandler") == {
        *((action, f"{own}Queue") for action in RECEIVES),
        ("sqs:SendMessage", f"{own}DeadLetterQueue"),
        *((action, "IdempotencyTable") for action in WRITES_ITEMS),
        ("s3:GetObjectVersion", "ClaimCheckBucket/orders/*"),
        ("s3:GetObject", "ClaimCheckBucket/orders/*/reserve/billing/*"),
        ("s3:PutObject", "ClaimCheckBucket/orders/*/reserve/billing/*"),
        ("kms:Decrypt", "ClaimCheckBucketObjectKey"),
        ("kms:GenerateDataKey", "ClaimCheckBucketObjectKey"),
        ("sns:Publish", "TopicsShipTopic"),
        ("sns:Publish", "DeadLetterNotifierTopic"),
        ("kms:Decrypt", "TopicKey"),
        ("kms:GenerateDataKey", "TopicKey"),
    }


def test_preprocessor_may_write_requests_find_records_and_publish_to_every_step(
    stack: Stack, package: HandlerPackage
) -> None:
    pipeline(stack, package)

    assert allowed(stack, "Preprocessor") == {
        *((action, "IdempotencyTable") for action in WRITES_ITEMS - {"dynamodb:UpdateItem"}),
        ("dynamodb:Query", f"IdempotencyTable/index/{items.REQUEST_INDEX}"),
        ("s3:GetObject", "ClaimCheckBucket/orders/*"),
        ("s3:PutObject", "ClaimCheckBucket/orders/*"),
        ("kms:Decrypt", "ClaimCheckBucketObjectKey"),
        ("kms:GenerateDataKey", "ClaimCheckBucketObjectKey"),
        ("sns:Publish", "TopicsReserveTopic"),
        ("sns:Publish", "TopicsShipTopic"),
        ("kms:Decrypt", "TopicKey"),
        ("kms:GenerateDataKey", "TopicKey"),
    }


def test_nothing_needs_partiql_where_items_are_written_one_by_one(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package, single_writes=True)

    actions = {action for action, _ in permissions(stack) if action.startswith("dynamodb:")}
    assert actions == {"dynamodb:PutItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem", "dynamodb:Query"}
    assert variables(stack, "Preprocessor")["SINGLE_WRITES"] == "true"


def test_records_are_kept_for_the_longest_run_and_a_day(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package)

    windows = {each["IDEMPOTENCY_WINDOW_SECONDS"] for each in environments(stack) if "LONGEST_RUN_SECONDS" not in each}
    assert windows == {str((RUN_DAYS + 1) * DAY_SECONDS)}


def test_objects_are_kept_for_the_longest_run_and_as_long_as_it_can_be_replayed(
    stack: Stack, package: HandlerPackage
) -> None:
    pipeline(stack, package)

    [rule] = properties(stack, BUCKET)["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == RUN_DAYS + RUN_DAYS + 1


def test_bucket_whose_objects_expire_earlier_is_refused(stack: Stack, package: HandlerPackage) -> None:
    bucket = ClaimCheckBucket(stack, "Claims", ClaimCheckBucketProps(expiration=Duration.days(144)))

    with pytest.raises(InvalidPropsError) as refusal:
        pipeline(stack, package, bucket=bucket)

    assert str(refusal.value) == (
        "Stack/Claims: expiration must be at least 145 days, because a message of Stack/Orders can refer to an object "
        "for that long, got 144: raise expiration, or lower the retentions of the queues"
    )


def test_entry_queue_starts_runs_too(stack: Stack, package: HandlerPackage) -> None:
    entry = QueueChannel(stack, "Entry", QueueChannelProps(handler_timeout=TIMEOUT))

    pipeline(stack, package, entry=entry)

    found = variables(stack, "PreprocessorHandler")
    assert set(found) == {*ReceiverEnvironment.variable_names(), *PreprocessorEnvironment.variable_names()}
    assert found["QUEUE_URL"]["Ref"].startswith("EntryQueue")
    assert ("sqs:ReceiveMessage", "EntryQueue") in allowed(stack, "PreprocessorHandler")
    assert ("dynamodb:Query", f"IdempotencyTable/index/{items.REQUEST_INDEX}") in allowed(stack, "PreprocessorHandler")


@pytest.mark.parametrize(("single_writes", "updates"), [(False, False), (True, True)])
def test_preprocessor_of_an_entry_updates_items_directly_where_it_writes_them_one_by_one_only(
    stack: Stack, package: HandlerPackage, single_writes: bool, updates: bool
) -> None:
    entry = QueueChannel(stack, "Entry", QueueChannelProps(handler_timeout=TIMEOUT))

    pipeline(stack, package, entry=entry, single_writes=single_writes)

    update = ("dynamodb:UpdateItem", "IdempotencyTable")
    assert (update in allowed(stack, "PreprocessorHandler")) is updates


def test_window_of_a_pipeline_outlasts_a_redrive_of_its_entry(stack: Stack, package: HandlerPackage) -> None:
    slow = QueueChannelProps(
        handler_timeout=TIMEOUT, retention=Duration.days(13), dead_letter_retention=Duration.days(14)
    )
    entry = QueueChannel(stack, "Entry", slow)

    assert props(package, entry=entry, steps=[step(package, "ship", "shipping")]).window.to_days() == 13 + 14 + 13 + 1


def test_starting_is_a_permission_to_invoke_the_preprocessor(stack: Stack, package: HandlerPackage) -> None:
    made = pipeline(stack, package)

    made.grant_start(iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))

    [policy] = [found for id_, found in resources(stack, "AWS::IAM::Policy").items() if id_.startswith("Caller")]
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Action"], name(statement["Resource"])) == ("lambda:InvokeFunction", "PreprocessorFunction")


def test_subscribers_get_each_completed_request(stack: Stack, package: HandlerPackage) -> None:
    audit = QueueChannel(stack, "Audit", QueueChannelProps(handler_timeout=TIMEOUT))
    subscribers = {"Audit": audit, "Warehouse": "https://warehouse.example.com", "People": "mailto:people@example.com"}

    made = pipeline(stack, package, subscribers=subscribers)

    told = [
        subscription["Properties"]
        for subscription in resources(stack, SUBSCRIPTION).values()
        if name(subscription["Properties"]["TopicArn"]) == "NotifierTopic"
    ]
    assert {subscription["Protocol"] for subscription in told} == {"sqs", "https", "email"}
    assert [name(one["Endpoint"]) for one in told if one["Protocol"] == "sqs"] == ["AuditQueue"]
    watched = {str(alarm["Properties"]["Dimensions"]) for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()}
    assert sum("SubscriptionDeadLetterQueue" in one or "NotifierWarehouse" in one for one in watched) == 5
    assert made.completion_topic.topic.fifo is False


def test_all_topics_share_a_key_that_is_not_the_queues(stack: Stack, package: HandlerPackage) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Orders")).key

    pipeline(stack, package, queue_key=key)

    topics = {name(topic["Properties"]["KmsMasterKeyId"]) for topic in resources(stack, TOPIC).values()}
    queues = {name(queue["Properties"]["KmsMasterKeyId"]) for queue in resources(stack, "AWS::SQS::Queue").values()}
    assert (len(resources(stack, TOPIC)), topics) == (5, {"TopicKey", "DeadLetterNotifierAlarmTopicKey"})
    assert queues == {"SecretKey"}


def test_topics_bucket_and_table_may_exist(stack: Stack, package: HandlerPackage) -> None:
    topics = {
        kind: TopicChannel(
            stack, kind, TopicChannelProps(existing=sns.Topic.from_topic_arn(stack, f"{kind}Arn", arn(kind)))
        )
        for kind in ("Reserve", "Told")
    }
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True, run_index=True))
    bucket = ClaimCheckBucket(stack, "Claims")
    steps = [step(package, "reserve", "billing", topic=topics["Reserve"])]

    made = pipeline(stack, package, steps=steps, completion_topic=topics["Told"], table=table, bucket=bucket)

    assert (made.completion_topic, made.table, made.bucket) == (topics["Told"], table, bucket)
    assert [logical_id[:-8] for logical_id in resources(stack, TOPIC)] == [
        "OrdersDeadLetterNotifierTopic",
        "OrdersDeadLetterNotifierAlarmTopic",
    ]
    assert variables(stack, "StepsReserveBillingReceiverHandler")["NEXT_TOPIC_ARN"] == arn("Told")


def arn(topic: str) -> str:
    return f"arn:aws:sns:eu-west-1:111122223333:{topic}"


def test_table_without_the_index_is_refused(stack: Stack, package: HandlerPackage) -> None:
    with pytest.raises(InvalidPropsError, match=r"^Stack/Items: request_index must be True, because items are found"):
        pipeline(stack, package, table=IdempotencyTable(stack, "Items"))


def test_less_travels_inline_where_the_results_of_a_wide_step_would_not_fit(
    stack: Stack, package: HandlerPackage
) -> None:
    wide = step(package, "reserve", "a", "b", "c")

    assert pipeline(stack, package, steps=[wide]).inline_bytes < 64 * KIB
    with pytest.raises(
        InvalidPropsError, match=r"^Stack/Other: .*so that 4 JSON values fit the 262,144 bytes of Stack/Other/Notifier"
    ):
        ServicePipeline(stack, "Other", props(package, steps=[wide], inline_bytes=64 * KIB))


def test_more_travels_inline_on_larger_topics(stack: Stack, package: HandlerPackage) -> None:
    pipeline(stack, package, max_message_bytes=KIB * KIB, inline_bytes=300 * KIB)

    assert variables(stack, "Preprocessor")["INLINE_BYTES"] == str(300 * KIB)
    sizes = {
        name({"Ref": id_}): topic["Properties"].get("MaximumMessageSize")
        for id_, topic in resources(stack, TOPIC).items()
    }
    assert sizes == {
        "TopicsReserveTopic": KIB * KIB,
        "TopicsShipTopic": KIB * KIB,
        "NotifierTopic": KIB * KIB,
        "DeadLetterNotifierTopic": None,
        "DeadLetterNotifierAlarmTopic": None,
    }


def test_subscriber_of_another_kind_is_refused(stack: Stack, package: HandlerPackage) -> None:
    with pytest.raises(
        InvalidPropsError,
        match=r"^Stack/Orders: subscribers must be .*https://… or mailto:…, got 'people@example.com' for People",
    ):
        pipeline(stack, package, subscribers={"People": "people@example.com"})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"name": "Orders"},
            "name must be 1 to 32 lower-case letters, digits and hyphens, and begin with a letter, got 'Orders'",
        ),
        ({"steps": []}, "steps must have at least one step, got none"),
        ({"hop_limit": 1}, "hop_limit must be at least the 2 steps of the pipeline, got 1"),
        ({"hop_limit": 0}, "hop_limit must be between 1 and 1,000 hops, got 0"),
        ({"inline_bytes": -1}, "inline_bytes must be between 0 and 1,048,576 bytes, got -1"),
        (
            {"largest_payload_bytes": 1_023},
            "largest_payload_bytes must be between 1,024 and 104,857,600 bytes, got 1,023",
        ),
        (
            {"idempotency_window": Duration.days(72)},
            (
                "idempotency_window must be at least 6,307,200 seconds, because a message that is redriven "
                "later would take effect twice, got 6,220,800"
            ),
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_a_sentence(
    package: HandlerPackage, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError) as refusal:
        props(package, **settings)

    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("reserve", "reserve"), "steps must have different names, got reserve twice"),
        (("reserve", "ship"), "services must have different names, got billing twice"),
    ],
)
def test_names_are_given_once(package: HandlerPackage, names: tuple[str, str], sentence: str) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        props(package, steps=[step(package, name, "billing") for name in names])


def test_preprocessor_of_an_entry_has_its_timeout(stack: Stack, package: HandlerPackage) -> None:
    entry = QueueChannel(stack, "Entry", QueueChannelProps(handler_timeout=Duration.seconds(5)))

    with pytest.raises(InvalidPropsError, match="timeout of the preprocessor must be the entry's handler_timeout of 5"):
        props(package, entry=entry)


def test_fifo_topics_are_refused(stack: Stack, package: HandlerPackage) -> None:
    ordered = TopicChannel(stack, "Ordered", TopicChannelProps(fifo=True))

    with pytest.raises(InvalidPropsError, match="topic of step ship must be a standard topic"):
        step(package, "ship", "shipping", topic=ordered)
    with pytest.raises(InvalidPropsError, match="completion_topic must be a standard topic"):
        props(package, completion_topic=ordered)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_message_bytes": 1}, "^max_message_bytes must be between"),
        ({"idempotency_window": Duration.days(3_640)}, "^Stack/Orders: expiration must be between"),
    ],
)
def test_number_that_a_part_of_the_pipeline_refuses_names_the_pipeline(
    stack: Stack, package: HandlerPackage, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidPropsError, match=sentence):
        pipeline(stack, package, **settings)


@pytest.mark.parametrize("has_entry", [False, True])
def test_configuration_faults_of_each_function_raise_an_alarm(
    stack: Stack, package: HandlerPackage, has_entry: bool
) -> None:
    entry = QueueChannel(stack, "Entry", QueueChannelProps(handler_timeout=TIMEOUT)) if has_entry else None
    pipeline(stack, package, entry=entry, metrics_namespace="Shop")

    alarms = [alarm["Properties"] for alarm in resources(stack, "AWS::CloudWatch::Alarm").values()]
    faults = [alarm for alarm in alarms if alarm["MetricName"] == Metric.CONFIGURATION_FAULTS]
    assert {alarm["Namespace"] for alarm in faults} == {"Shop"}
    watched = [alarm["Dimensions"][0]["Value"]["Ref"] for alarm in faults]
    assert sorted(watched) == sorted(resources(stack, FUNCTION))


def test_unfinished_runs_are_found_by_default_and_can_be_left_out(
    stack: Stack, package: HandlerPackage, app_context: dict[str, Any]
) -> None:
    other = Stack(new_app(context=app_context, analytics_reporting=False), "Other")

    found, left_out = pipeline(stack, package), pipeline(other, package, unfinished_runs=None)

    assert found.run_sweeper is not None
    assert left_out.run_sweeper is None
    assert resources(other, "AWS::Scheduler::Schedule") == {}
    assert {each.get("MARKS_RUNS") for each in environments(stack)} == {"true", None}
    assert {each.get("MARKS_RUNS") for each in environments(other)} == {"false", None}


def environments(stack: Stack) -> list[dict[str, Any]]:
    return [each["Properties"]["Environment"]["Variables"] for each in resources(stack, FUNCTION).values()]


def test_given_table_without_the_index_of_runs_is_refused(stack: Stack, package: HandlerPackage) -> None:
    table = IdempotencyTable(stack, "Items", IdempotencyTableProps(request_index=True))

    with pytest.raises(InvalidPropsError, match=r"Stack/Items: run_index must be True, .* unfinished_runs=None"):
        pipeline(stack, package, table=table)
