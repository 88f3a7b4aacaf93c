"""Events as AWS's services hand them to a function, in the shapes of AWS's documentation."""

from typing import Any

from tests.tsunagu.runtime.world import record
from tsunagu.runtime.receiving.events import EventKind
from tsunagu.testing.events.http import HEADERS
from tsunagu.testing.events.http import function_url_event as function_url
from tsunagu.testing.events.http import http_api_1_event as http_api_1
from tsunagu.testing.events.http import http_api_event as http_api
from tsunagu.testing.events.http import load_balancer_event as load_balancer
from tsunagu.testing.events.http import rest_api_event as rest_api
from tsunagu.testing.events.others import (
    eventbridge_event,
    lambda_destination_event,
    s3_event,
    scheduled_event,
    stream_event,
)
from tsunagu.testing.events.sqs import sns_event

Event = Any

_WEBSOCKET: dict[str, Any] = {
    "headers": HEADERS,
    "requestContext": {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "extendedRequestId": "ABCD1234=",
        "messageDirection": "IN",
        "stage": "prod",
        "connectedAt": 1_773_342_238_000,
        "requestId": "ABCD1234=",
        "domainName": "w1x2y3.execute-api.eu-central-1.amazonaws.com",
        "connectionId": "ABCD1234=",
        "apiId": "w1x2y3",
    },
    "isBase64Encoded": False,
}
_AUTHORIZER_TOKEN = {
    "type": "TOKEN",
    "authorizationToken": "allow",
    "methodArn": "arn:aws:execute-api:eu-central-1:111122223333:d4e5f6/prod/GET/orders",
}
_AUTHORIZER_REQUEST = {**rest_api(path="/orders"), "type": "REQUEST", "methodArn": _AUTHORIZER_TOKEN["methodArn"]}
_AUTHORIZER_2 = {
    **http_api(path="/orders"),
    "type": "REQUEST",
    "routeArn": "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3/$default/GET/orders",
    "identitySource": ["allow"],
}
_SNS = sns_event({"order_id": "o-1"})
_S3 = s3_event("orders.csv")
_DYNAMODB = stream_event({"id": {"S": "o-1"}})
_KINESIS = {
    "Records": [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
                "data": "SGVsbG8=",
                "approximateArrivalTimestamp": 1545084650.987,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::111122223333:role/consumer",
            "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:111122223333:stream/orders",
        }
    ]
}
_MACHINE = "arn:aws:states:eu-central-1:111122223333"
_STEP_FUNCTIONS = {
    "Execution": {
        "Id": f"{_MACHINE}:execution:Sync:7d3",
        "Input": {},
        "Name": "7d3",
        "RoleArn": "arn:aws:iam::1:role/r",
    },
    "State": {"EnteredTime": "2026-03-26T20:14:13.192Z", "Name": "Work", "RetryCount": 0},
    "StateMachine": {"Id": f"{_MACHINE}:stateMachine:Sync", "Name": "Sync"},
    "Task": {"Token": "h7XRiCdLtd"},
}
_RULE = "arn:aws:events:eu-central-1:111122223333:rule/each-minute"
_MSK = {
    "eventSource": "aws:kafka",
    "eventSourceArn": "arn:aws:kafka:eu-central-1:111122223333:cluster/c/1",
    "records": {"orders-0": [{"topic": "orders", "partition": 0, "offset": 15, "value": "SGVsbG8="}]},
}
_SES = {"Records": [{"eventVersion": "1.0", "eventSource": "aws:ses", "ses": {"mail": {}, "receipt": {}}}]}
_LOGS = {"awslogs": {"data": "H4sIAAAAAAAAAHWPwQqCQBCGX0Xm7EFtK"}}


def load_balancer_of_many_values() -> Event:
    """Return a request of a target group with multi-value headers, which has no `headers`."""
    event = load_balancer("GET", "/orders")
    event["multiValueHeaders"] = {name: [value] for name, value in event.pop("headers").items()}
    event["multiValueQueryStringParameters"] = {"a": ["1", "2"]}
    del event["queryStringParameters"]
    return event


def http_api_with_everything() -> Event:
    """Return the example of AWS's documentation of payload 2.0: cookies, parameters, a certificate, an IAM caller."""
    event = http_api(
        "POST", "/orders", body="eyJ9", query="a=1&a=2", authorizer={"iam": {"userArn": "arn:aws:iam::1:u"}}
    )
    event["requestContext"]["authentication"] = {"clientCert": {"clientCertPem": "PEM", "subjectDN": "www.example.com"}}
    return {
        **event,
        "cookies": ["a=1", "b=2"],
        "queryStringParameters": {"a": "1,2"},
        "pathParameters": {"proxy": "orders"},
        "stageVariables": {"stage": "prod"},
        "isBase64Encoded": True,
    }


def rest_api_of_the_console() -> Event:
    """Return a request of the console's test of a method, which has no headers."""
    return {**rest_api("GET", "/orders"), "headers": None, "multiValueHeaders": None}


# What no flow of ours takes. Several look like an event that is taken.
OTHERS: dict[str, Event] = {
    "destination of Lambda": lambda_destination_event({"Records": [record("{}")]}, condition="Success"),
    "VPC Lattice": {
        "version": "2.0",
        "path": "/orders",
        "method": "GET",
        "headers": {"accept": ["*/*"]},
        "requestContext": {"serviceNetworkArn": "arn:aws:vpc-lattice:r:1:servicenetwork/sn-1", "region": "r"},
    },
    "VPC Lattice, version 1": {"raw_path": "/orders", "method": "GET", "headers": {}, "is_base64_encoded": False},
    "CloudFront": {
        "Records": [{"cf": {"config": {"eventType": "viewer-request"}, "request": {"method": "GET", "uri": "/orders"}}}]
    },
    "Bedrock agent": {"messageVersion": "1.0", "httpMethod": "GET", "apiPath": "/orders", "agent": {"name": "a"}},
    "AppSync": {"arguments": {"id": "o-1"}, "identity": None, "source": None, "request": {"headers": {}}},
    "alarm of CloudWatch": {"source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:r:1:alarm:a", "region": "r"},
    "MQ": {"eventSource": "aws:mq", "eventSourceArn": "arn:aws:mq:r:1:broker:b", "messages": [{"messageID": "m-1"}]},
    "RabbitMQ": {
        "eventSource": "aws:rmq",
        "eventSourceArn": "arn:aws:mq:r:1:broker:b",
        "rmqMessagesByQueue": {"q": []},
    },
    "Kafka of one's own": {"eventSource": "SelfManagedKafka", "bootstrapServers": "b:9092", "records": {"t-0": []}},
    "DocumentDB": {
        "eventSource": "aws:docdb",
        "eventSourceArn": "arn:aws:rds:r:1:cluster:c",
        "events": [{"event": {}}],
    },
    "Firehose": {"invocationId": "i", "deliveryStreamArn": "arn:aws:firehose:r:1:d", "records": [{"recordId": "1"}]},
    "S3, test": {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"},
    "S3 Object Lambda": {"xAmzRequestId": "r", "getObjectContext": {"outputRoute": "o"}, "protocolVersion": "1.00"},
    "Cognito": {"version": "1", "triggerSource": "PreSignUp_SignUp", "request": {}, "response": {}, "region": "r"},
    "CloudFormation": {
        "RequestType": "Create",
        "ResponseURL": "https://s3",
        "RequestId": "r",
        "ResourceProperties": {},
    },
    "CodePipeline": {"CodePipeline.job": {"id": "1", "accountId": "1", "data": {}}},
    "rotation of a secret": {"Step": "createSecret", "SecretId": "arn:aws:secretsmanager:r:1:secret:s"},
    "Config": {"invokingEvent": "{}", "ruleParameters": "{}", "configRuleName": "r", "version": "1.0"},
    "Lex": {"messageVersion": "1.0", "invocationSource": "DialogCodeHook", "bot": {"name": "b"}, "sessionState": {}},
    "Connect": {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
    "input of a state machine": {"order_id": "o-1", "Execution": "e"},
}

EVENTS: dict[str, tuple[EventKind, Event]] = {
    "HTTP API with everything": (EventKind.HTTP_API, http_api_with_everything()),
    "REST API, test of the console": (EventKind.REST_API, rest_api_of_the_console()),
    "load balancer, many values": (EventKind.LOAD_BALANCER, load_balancer_of_many_values()),
    "function URL with IAM": (
        EventKind.FUNCTION_URL,
        function_url(authorizer={"iam": {"userArn": "arn:aws:iam::1:u"}}),
    ),
    "WebSocket API, message": (
        EventKind.WEBSOCKET_API,
        {
            "requestContext": {**_WEBSOCKET["requestContext"], "routeKey": "$default", "eventType": "MESSAGE"},
            "body": "{}",
            "isBase64Encoded": False,
        },
    ),
    "authorizer of an HTTP API, payload 1.0": (
        EventKind.AUTHORIZER,
        {**http_api_1("GET", "/orders"), "type": "REQUEST", "methodArn": _AUTHORIZER_TOKEN["methodArn"]},
    ),
    "pipe from Kinesis": (EventKind.PIPE, _KINESIS["Records"]),
    **{name: (EventKind.UNKNOWN, event) for name, event in OTHERS.items()},
    "HTTP API": (EventKind.HTTP_API, http_api("POST", "/orders", body="{}")),
    "HTTP API with JWT": (
        EventKind.HTTP_API,
        http_api(authorizer={"jwt": {"claims": {"iss": "https://idp", "sub": "c-7"}, "scopes": ["orders"]}}),
    ),
    "HTTP API, payload 1.0": (EventKind.HTTP_API, http_api_1("GET", "/orders")),
    "function URL": (EventKind.FUNCTION_URL, function_url("GET", "/orders")),
    "REST API": (EventKind.REST_API, rest_api("GET", "/orders")),
    "load balancer": (EventKind.LOAD_BALANCER, load_balancer("GET", "/orders")),
    "WebSocket API": (EventKind.WEBSOCKET_API, _WEBSOCKET),
    "authorizer of a token": (EventKind.AUTHORIZER, _AUTHORIZER_TOKEN),
    "authorizer of a request": (EventKind.AUTHORIZER, _AUTHORIZER_REQUEST),
    "authorizer of an HTTP API": (EventKind.AUTHORIZER, _AUTHORIZER_2),
    "SQS": (EventKind.SQS, {"Records": [record("{}", "m-1"), record("{}", "m-2")]}),
    "SQS, FIFO": (EventKind.SQS, {"Records": [record("{}", "m-1", group="g")]}),
    "SQS with an HTTP event in the body": (EventKind.SQS, {"Records": [record(http_api("POST", "/orders"))]}),
    "SNS": (EventKind.SNS, _SNS),
    "S3": (EventKind.S3, _S3),
    "DynamoDB stream": (EventKind.DYNAMODB_STREAM, _DYNAMODB),
    "DynamoDB stream with a window": (
        EventKind.DYNAMODB_STREAM,
        {**_DYNAMODB, "window": {"start": "2026-07-30T17:00:00Z"}, "state": {}, "isFinalInvokeForWindow": False},
    ),
    "Kinesis": (EventKind.KINESIS, _KINESIS),
    "EventBridge": (EventKind.EVENTBRIDGE, eventbridge_event({"order_id": "o-1"})),
    "EventBridge, S3": (
        EventKind.EVENTBRIDGE,
        eventbridge_event({}, source="aws.s3", detail_type="Object Created", resources=("arn:aws:s3:::b",)),
    ),
    "EventBridge, scheduled rule": (
        EventKind.EVENTBRIDGE,
        eventbridge_event({}, source="aws.events", detail_type="Scheduled Event", resources=(_RULE,)),
    ),
    "EventBridge Scheduler": (EventKind.SCHEDULER, scheduled_event()),
    "pipe from SQS": (EventKind.PIPE, [record("{}")]),
    "pipe from a DynamoDB stream": (EventKind.PIPE, _DYNAMODB["Records"]),
    "Step Functions, context object": (EventKind.STEP_FUNCTIONS, _STEP_FUNCTIONS),
    "warm-up plugin": (EventKind.WARM_UP, {"source": "serverless-plugin-warmup"}),
    "lambda-warmer": (EventKind.WARM_UP, {"warmer": True, "concurrency": 3}),
    "SQS and SNS": (EventKind.SEVERAL, {"Records": [record("{}"), *_SNS["Records"]]}),
    "SQS and S3": (EventKind.SEVERAL, {"Records": [*_S3["Records"], record("{}")]}),
    "SQS and a record that is not known": (EventKind.SEVERAL, {"Records": [record("{}"), {}]}),
    "SQS and HTTP API": (EventKind.SEVERAL, {**http_api("POST", "/"), "Records": [record("{}")]}),
    "HTTP API and load balancer": (
        EventKind.SEVERAL,
        {
            **load_balancer(),
            **http_api(),
            "requestContext": {**http_api()["requestContext"], "elb": {"targetGroupArn": "a"}},
        },
    ),
    "Kafka": (EventKind.UNKNOWN, _MSK),
    "SES": (EventKind.UNKNOWN, _SES),
    "log subscription": (EventKind.UNKNOWN, _LOGS),
    "direct": (EventKind.UNKNOWN, {"order_id": "o-1"}),
    "SQS records of no queue": (EventKind.UNKNOWN, {"Records": [{**record("{}"), "eventSourceARN": "queue"}]}),
    "SNS in the spelling of SQS": (EventKind.UNKNOWN, {"Records": [{"eventSource": "aws:sns"}]}),
    "SQS in the spelling of SNS": (
        EventKind.UNKNOWN,
        {"Records": [{"EventSource": "aws:sqs", "eventSourceARN": record("{}")["eventSourceARN"]}]},
    ),
    "no records": (EventKind.UNKNOWN, {"Records": []}),
    "records that are none": (EventKind.UNKNOWN, {"Records": "aws:sqs"}),
    "list of anything": (EventKind.UNKNOWN, [1, 2]),
    "empty list": (EventKind.UNKNOWN, []),
    "nothing": (EventKind.UNKNOWN, None),
}
