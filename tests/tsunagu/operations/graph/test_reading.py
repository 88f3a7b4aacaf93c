"""What leads where in a template, on templates without anything of this library."""

import json
from typing import Any

import pytest

from tests.tsunagu.operations.graph.flows import (
    BUCKET,
    FUNCTION,
    QUEUE,
    TABLE,
    TOPIC,
    Resources,
    arn,
    arrows,
    graph,
    ref,
    resource,
)
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.operations.graph.reading import Shown, graph_of
from tsunagu.templates.references import Document

INVOKE = {
    "Fn::Join": ["", ["arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/", arn("F"), "/invocations"]]
}
ROLE_OF_F = {"R": resource("IAM::Role"), "F": resource("Lambda::Function", Role=arn("R"))}


def machine(**states: Any) -> dict[str, Any]:
    """A machine whose definition refers to resources as the CDK writes it: a join of texts and references."""
    whole = json.dumps({"StartAt": "A", "States": states})
    parts: list[Any] = []
    for piece in whole.split("@"):
        parts.append(ref(piece) if len(parts) % 2 else piece)
    return resource("StepFunctions::StateMachine", DefinitionString={"Fn::Join": ["", parts]})


def task(of: str, **arguments: str) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{of}", "Arguments": arguments}


def policy(*actions: str, on: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": [*actions], "Resource": arn(on)}
    return resource("IAM::Policy", Roles=[ref("R")], PolicyDocument={"Statement": statement})


def function_with(**variables: Any) -> dict[str, Any]:
    return resource("Lambda::Function", Role=arn("R"), Environment={"Variables": variables})


FLOWS: dict[str, tuple[Resources, set[str]]] = {
    "queue with dead letters": (
        {
            "Q": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D"), "maxReceiveCount": 3}),
            "D": QUEUE,
        },
        {"Q -x D"},
    ),
    "subscription with dead letters": (
        {
            "T": TOPIC,
            "Q": QUEUE,
            "D": QUEUE,
            "S": resource(
                "SNS::Subscription",
                TopicArn=ref("T"),
                Endpoint=arn("Q"),
                Protocol="sqs",
                RedrivePolicy={"deadLetterTargetArn": arn("D")},
            ),
        },
        {"T -> Q", "T -x D"},
    ),
    "subscription within the topic": (
        {"T": resource("SNS::Topic", Subscription=[{"Endpoint": arn("Q"), "Protocol": "sqs"}]), "Q": QUEUE},
        {"T -> Q"},
    ),
    "subscription by e-mail, without the address": (
        {"T": TOPIC, "S": resource("SNS::Subscription", TopicArn=ref("T"), Endpoint="a@b.example", Protocol="email")},
        {"T -> outside:email subscriber"},
    ),
    "event source mapping": (
        {
            "Q": QUEUE,
            "F": FUNCTION,
            "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q"), FunctionName=ref("F")),
        },
        {"Q -> F"},
    ),
    "mapping of a stream with a destination": (
        {
            "T": TABLE,
            "F": FUNCTION,
            "D": QUEUE,
            "M": resource(
                "Lambda::EventSourceMapping",
                EventSourceArn={"Fn::GetAtt": ["T", "StreamArn"]},
                FunctionName=ref("F"),
                DestinationConfig={"OnFailure": {"Destination": arn("D")}},
            ),
        },
        {"T -> F", "F -x D"},
    ),
    "mapping to an alias": (
        {
            "Q": QUEUE,
            "F": FUNCTION,
            "A": resource("Lambda::Alias", FunctionName=ref("F")),
            "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q"), FunctionName=ref("A")),
        },
        {"Q -> F"},
    ),
    "queue of another stack": (
        {
            "F": FUNCTION,
            "M": resource(
                "Lambda::EventSourceMapping", EventSourceArn="arn:aws:sqs:eu-west-1:1:orders", FunctionName=ref("F")
            ),
        },
        {"outside:arn:aws:sqs:eu-west-1:1:orders -> F"},
    ),
    "destinations of invocations": (
        {
            "F": resource("Lambda::Function", DeadLetterConfig={"TargetArn": arn("D")}),
            "T": TOPIC,
            "D": QUEUE,
            "C": resource(
                "Lambda::EventInvokeConfig",
                FunctionName=ref("F"),
                DestinationConfig={"OnSuccess": {"Destination": ref("T")}, "OnFailure": {"Destination": arn("D")}},
            ),
        },
        {"F -> T", "F -x D"},
    ),
    "URL of a function": (
        {"F": FUNCTION, "U": resource("Lambda::Url", TargetFunctionArn=arn("F"))},
        {"U -> F"},
    ),
    "REST API": (
        {
            "A": resource("ApiGateway::RestApi"),
            "O": resource("ApiGateway::Resource", PathPart="orders", ParentId={"Fn::GetAtt": ["A", "RootResourceId"]}),
            "F": FUNCTION,
            "M": resource(
                "ApiGateway::Method",
                RestApiId=ref("A"),
                ResourceId=ref("O"),
                HttpMethod="POST",
                Integration={"Uri": INVOKE},
            ),
        },
        {"A -> F"},
    ),
    "REST API that calls a table by a template": (
        {
            "A": resource("ApiGateway::RestApi"),
            "T": TABLE,
            "M": resource(
                "ApiGateway::Method",
                RestApiId=ref("A"),
                HttpMethod="PUT",
                Integration={"Credentials": arn("R"), "RequestTemplates": {"application/json": {"Fn::Sub": "{${T}}"}}},
            ),
            "R": resource("IAM::Role"),
        },
        {"A -> T"},
    ),
    "HTTP API": (
        {
            "A": resource("ApiGatewayV2::Api"),
            "F": FUNCTION,
            "I": resource("ApiGatewayV2::Integration", IntegrationUri=arn("F")),
            "R": resource(
                "ApiGatewayV2::Route",
                ApiId=ref("A"),
                RouteKey="$default",
                Target={"Fn::Join": ["/", ["integrations", ref("I")]]},
            ),
        },
        {"A -> F"},
    ),
    "API by its OpenAPI document": (
        {"A": resource("ApiGateway::RestApi", Body={"paths": {"/": {"get": {"x": {"uri": INVOKE}}}}}), "F": FUNCTION},
        {"A -> F"},
    ),
    "schedule with dead letters": (
        {
            "S": resource("Scheduler::Schedule", Target={"Arn": arn("F"), "DeadLetterConfig": {"Arn": arn("D")}}),
            "F": FUNCTION,
            "D": QUEUE,
        },
        {"S -> F", "S -x D"},
    ),
    "schedule that calls a service itself": (
        {
            "S": resource(
                "Scheduler::Schedule",
                Target={
                    "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
                    "Input": {"Fn::Join": ["", ['{"QueueUrl":"', ref("Q"), '"}']]},
                },
            ),
            "Q": QUEUE,
        },
        {"S -> Q"},
    ),
    "event rule about a machine": (
        {
            "M": machine(),
            "R": resource(
                "Events::Rule",
                EventPattern={"detail": {"stateMachineArn": [ref("M")]}},
                Targets=[{"Arn": arn("Q"), "DeadLetterConfig": {"Arn": arn("D")}}],
            ),
            "Q": QUEUE,
            "D": QUEUE,
        },
        {"M -> R", "R -> Q", "R -x D"},
    ),
    "pipe": (
        {
            "P": resource("Pipes::Pipe", Source=arn("Q"), Enrichment=arn("F"), Target=ref("T")),
            "Q": QUEUE,
            "F": FUNCTION,
            "T": TOPIC,
        },
        {"Q -> P", "P -> F", "P -> T"},
    ),
    "tasks of a machine, in branches too": (
        {
            "M": machine(
                A=task("sqs:sendMessage.waitForTaskToken", QueueUrl="@Q@"),
                B={"Type": "Parallel", "Branches": [{"States": {"C": task("dynamodb:putItem", TableName="@T@")}}]},
                D={"Type": "Map", "ItemProcessor": {"States": {"E": {"Type": "Task", "Resource": "@F@"}}}},
            ),
            "Q": QUEUE,
            "T": TABLE,
            "F": FUNCTION,
        },
        {"M -> Q", "M ~> T", "M -> F"},
    ),
    "machine by substitutions": (
        {
            "M": resource(
                "StepFunctions::StateMachine",
                DefinitionString=json.dumps({"States": {"A": task("sns:publish", TopicArn="${Topic}")}}),
                DefinitionSubstitutions={"Topic": ref("T")},
            ),
            "T": TOPIC,
        },
        {"M -> T"},
    ),
    "machine by an object": (
        {
            "M": resource(
                "StepFunctions::StateMachine", Definition={"States": {"A": {"Type": "Task", "Resource": arn("F")}}}
            ),
            "F": FUNCTION,
        },
        {"M -> F"},
    ),
    "notifications of a bucket": (
        {
            "B": resource("S3::Bucket", NotificationConfiguration={"QueueConfigurations": [{"Queue": arn("Q")}]}),
            "Q": QUEUE,
        },
        {"B -> Q"},
    ),
    "notifications of a bucket, as the CDK makes them": (
        {
            "B": BUCKET,
            "F": FUNCTION,
            "Handler": FUNCTION,
            "N": {
                "Type": "Custom::S3BucketNotifications",
                "Properties": {
                    "ServiceToken": arn("Handler"),
                    "BucketName": ref("B"),
                    "NotificationConfiguration": {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn("F")}]},
                },
            },
        },
        {"B -> F"},
    ),
    "environment": (
        {
            "F": resource(
                "Lambda::Function",
                Environment={
                    "Variables": {
                        "TABLE": ref("T"),
                        "TOPIC": ref("N"),
                        "QUEUE": ref("Q"),
                        "MANY": {"Fn::Join": ["", ["{", ref("B"), "}"]]},
                        "REGION": ref("AWS::Region"),
                    }
                },
            ),
            "T": TABLE,
            "N": TOPIC,
            "Q": QUEUE,
            "B": BUCKET,
        },
        {"F ~> T", "F -> N", "F -> Q", "F ~> B"},
    ),
    "topic that alarms notify": (
        {
            "F": resource("Lambda::Function", Environment={"Variables": {"TOPIC": ref("T")}}),
            "T": TOPIC,
            "A": resource("CloudWatch::Alarm", AlarmActions=[ref("T")]),
        },
        {"F ~> T"},
    ),
}


@pytest.mark.parametrize("flow", FLOWS)
def test_graph_has_what_the_template_says(flow: str) -> None:
    resources, expected = FLOWS[flow]

    assert arrows(graph(resources)) == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (("sqs:SendMessage",), {"Q -> F", "F -> Q"}),
        (("sqs:ReceiveMessage",), {"Q -> F"}),
    ],
)
def test_function_sends_to_its_own_queue_only_if_its_role_may(actions: tuple[str, ...], expected: set[str]) -> None:
    resources = {
        **ROLE_OF_F,
        "F": function_with(QUEUE_URL=ref("Q")),
        "Q": QUEUE,
        "M": resource("Lambda::EventSourceMapping", EventSourceArn=arn("Q"), FunctionName=ref("F")),
        "P": policy(*actions, on="Q"),
    }

    assert arrows(graph(resources)) == expected


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (("sns:Publish",), {"F -> N"}),
        (("sns:*",), {"F -> N"}),
        (("sns:GetTopicAttributes",), set()),
    ],
)
def test_function_publishes_to_a_topic_that_it_names_only_if_its_role_may(
    actions: tuple[str, ...], expected: set[str]
) -> None:
    resources = {**ROLE_OF_F, "F": function_with(STEPS=ref("N")), "N": TOPIC, "P": policy(*actions, on="N")}

    assert arrows(graph(resources)) == expected


def test_function_that_may_send_to_a_dead_letter_queue_leads_dead_letters_there() -> None:
    resources = {
        "R": resource("IAM::Role"),
        "F": function_with(DEAD_LETTER_QUEUE_URL=ref("D")),
        "Q": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D")}),
        "D": QUEUE,
        "P": policy("sqs:SendMessage", on="D"),
    }

    assert arrows(graph(resources)) == {"Q -x D", "F -x D"}


def test_permissions_are_shown_on_request() -> None:
    resources = {**ROLE_OF_F, "T": TABLE, "P": policy("dynamodb:GetItem", "dynamodb:PutItem", on="T")}

    [edge] = graph(resources, Shown(permissions=True)).edges

    assert (edge.kind, edge.labels) == (EdgeKind.PERMISSION, ("dynamodb:GetItem", "dynamodb:PutItem"))
    assert graph(resources).edges == []


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"KmsMasterKeyId": arn("Key")}, ("key Key",)),
        ({"KmsMasterKeyId": "alias/aws/sqs"}, ("key aws/sqs",)),
        ({"KmsMasterKeyId": {"Fn::ImportValue": "key"}}, ("key of another stack",)),
        ({"SqsManagedSseEnabled": True}, ()),
    ],
)
def test_keys_are_shown_on_request(properties: Any, expected: tuple[str, ...]) -> None:
    resources = {"Q": resource("SQS::Queue", **properties), "Key": resource("KMS::Key")}

    assert graph(resources, Shown(keys=True)).nodes["Q"].details == expected
    assert graph(resources).nodes["Q"].details == ()


def test_dead_letter_queue_belongs_beneath_the_queue_that_is_first() -> None:
    resources = {
        "A": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D")}),
        "B": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("D")}),
        "D": QUEUE,
    }

    assert [node.beneath for node in graph(resources).nodes.values()] == [None, None, "A"]


def test_queues_that_are_each_others_dead_letter_queues_are_drawn() -> None:
    resources = {
        "A": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("B")}),
        "B": resource("SQS::Queue", RedrivePolicy={"deadLetterTargetArn": arn("A")}),
    }

    assert [node.beneath for node in graph(resources).nodes.values()] == [None, "A"]


def test_names_are_paths_of_constructs_without_what_the_type_says() -> None:
    resources = {
        "OrdersQueue1234ABCD": resource("SQS::Queue", "S/Orders/Queue/Resource"),
        "PayFunction1234ABCD": resource("Lambda::Function", "S/Pay/Handler/Function/Resource"),
        "PaySchedule1234ABCD": resource("Scheduler::Schedule", "S/Pay/Schedule/Resource"),
        "PipePipe": resource("Pipes::Pipe", "S/Pipe/Pipe/Resource"),
        "CDKMetadata": resource("CDK::Metadata", "S/CDKMetadata/Default"),
    }

    found = graph(resources)

    assert [found.label(key) for key in found.nodes] == ["Orders", "Pay/Handler", "Pay/Schedule", "Pipe"]


def test_ids_of_a_stage_and_its_stack_are_no_part_of_a_name() -> None:
    queue = resource("SQS::Queue", "Prod/Shop/Orders/Queue/Resource")

    found = graph_of([Document(path="t.json", body={"Resources": {"Q": queue}}, stack_name="Prod-Shop")])

    assert found.nodes["Q"].path == ("Orders",)


def test_without_paths_names_are_logical_ids_without_their_hash() -> None:
    assert graph({"OrdersQueue1234ABCD": QUEUE}).label("OrdersQueue") == "OrdersQueue"


def test_two_resources_whose_ids_differ_by_the_hash_alone_are_two_nodes() -> None:
    assert [*graph({"Orders1234ABCD": QUEUE, "Orders5678ABCD": QUEUE}).nodes] == ["Orders", "Orders_2"]


def test_constructs_that_hold_a_piece_of_the_flow_are_groups() -> None:
    def mapping(name: str) -> dict[str, Any]:
        return resource("Lambda::EventSourceMapping", EventSourceArn=arn(f"{name}Q"), FunctionName=ref(f"{name}F"))

    resources: dict[str, Any] = {"Lone": resource("SNS::Topic", "S/Lone/Resource")}
    for name, path in {"A": "S/Shop/Steps/A", "B": "S/Shop/Steps/B"}.items():
        resources[f"{name}Q"] = resource("SQS::Queue", f"{path}/Queue/Resource")
        resources[f"{name}F"] = resource(
            "Lambda::Function", f"{path}/Function/Resource", Environment={"Variables": {"T": ref("T")}}
        )
        resources[f"{name}M"] = mapping(name)
    resources["T"] = resource("DynamoDB::Table", "S/Shop/Table/Resource")

    root = graph(resources).root

    assert root.nodes == ("Lone",)
    [shop] = root.groups
    assert (shop.title, shop.nodes) == ("Shop", ("T",))
    assert [(group.title, group.nodes) for group in shop.groups] == [
        ("Steps/A", ("AQ", "AF")),
        ("Steps/B", ("BQ", "BF")),
    ]


def test_functions_that_only_serve_deployments_are_left_out() -> None:
    provider = resource("Lambda::Function", "S/Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler")
    retention = resource("Lambda::Function")

    assert graph({"P": provider, "LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a": retention}).nodes == {}


def test_references_between_stacks_are_resolved() -> None:
    sender = {
        "Resources": {"F": resource("Lambda::Function", Environment={"Variables": {"Q": {"Fn::ImportValue": "q"}}})}
    }
    owner = {"Resources": {"Q": QUEUE}, "Outputs": {"O": {"Value": ref("Q"), "Export": {"Name": "q"}}}}

    together = graph_of(
        [Document(path="a", body=sender, stack_name="sender"), Document(path="b", body=owner, stack_name="owner")]
    )

    assert arrows(together) == {"F -> Q"}
    assert [(group.title, group.nodes) for group in together.root.groups] == [("sender", ("F",)), ("owner", ("Q",))]


def test_a_nested_stack_gets_what_its_parameter_says() -> None:
    parent = {
        "Resources": {
            "Q": QUEUE,
            "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"Parameters": {"Source": arn("Q")}}},
        }
    }
    nested = {
        "Parameters": {"Source": {"Type": "String"}},
        "Resources": {
            "F": FUNCTION,
            "M": resource("Lambda::EventSourceMapping", EventSourceArn=ref("Source"), FunctionName=ref("F")),
        },
    }

    found = graph_of(
        [
            Document(path="parent.json", body=parent, stack_name="shop", nested={"Inner": "inner.json"}),
            Document(path="inner.json", body=nested),
        ]
    )

    assert arrows(found) == {"Q -> F"}
    assert found.nodes["F"].logical_id == "Inner/F"


@pytest.mark.parametrize("flow", FLOWS)
def test_one_template_gives_one_graph(flow: str) -> None:
    resources, _ = FLOWS[flow]

    assert graph(resources) == graph(json.loads(json.dumps(resources)))
