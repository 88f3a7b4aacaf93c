"""The clinic of `examples/clinic` on an embedded cloud, and four things that break in it.

Nothing here uses `tsunagu.operations`: what the command says is compared with what is done and read here.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_app.demo.logs import log_lines
from tests.e2e.command import tsunagu
from tests.e2e.permissions import without_permission
from tests.synthesis import WITHOUT_VALIDATION
from tsunagu.local.embedded_cloud import EmbeddedCloud, synthesize

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "examples" / "clinic"
STACK = "Clinic"
PATIENCE_SECONDS = 120
QUEUE, FUNCTION, ROLE, MAPPING, RULE = (
    "AWS::SQS::Queue",
    "AWS::Lambda::Function",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Events::Rule",
)


@dataclass
class Clinic:
    """The deployed stack.

    Attributes:
        cloud: Where it is.
        folder: Working folder of commands.
        admissions: Request ids of admissions, by what is wrong with them.
    """

    cloud: EmbeddedCloud
    folder: Path
    admissions: dict[str, str] = field(default_factory=dict)
    _broken: ExitStack = field(default_factory=ExitStack)

    def physical(self, resource_type: str, prefix: str) -> str:
        """Return the physical id of the one resource of a type whose logical id begins so."""
        client = self.cloud.client("cloudformation")
        pages = client.get_paginator("list_stack_resources").paginate(StackName=STACK)
        found = [
            each["PhysicalResourceId"]
            for page in pages
            for each in page["StackResourceSummaries"]
            if each["ResourceType"] == resource_type and each["LogicalResourceId"].startswith(prefix)
        ]
        assert len(found) == 1, (prefix, found)
        return str(found[0])

    def put(self, **item: str) -> None:
        """Put an item of texts into the clinic's table."""
        client = self.cloud.client("dynamodb")
        client.put_item(TableName=self.table_name, Item={name: {"S": value} for name, value in item.items()})

    @property
    def table_name(self) -> str:
        """Name of the clinic's table."""
        (stack,) = self.cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return next(str(each["OutputValue"]) for each in stack["Outputs"] if each["OutputKey"] == "ClinicTableName")

    def send_result(self, sample: str, hemoglobin: int) -> str:
        """Send a result of the lab; return its message id."""
        body = json.dumps({"sample": sample, "patient": "p-1042", "hemoglobin": hemoglobin})
        url = self.physical(QUEUE, "ResultsChannelQueue")
        return str(self.cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"])

    def admit(self, patient: str, insurer: str) -> str:
        """Start an admission as a client does: by invoking the preprocessor. Return its request id."""
        event = {"action": "start", "payload": {"patient": patient, "insurer": insurer}}
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.physical(FUNCTION, "AdmissionPreprocessorFunction"), Payload=json.dumps(event)
        )
        return str(json.loads(answer["Payload"].read())["request_id"])

    def count(self, prefix: str) -> int:
        """Return how many messages a queue holds, in flight too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.physical(QUEUE, prefix)
        found = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in found.values())

    def letter_ids(self, prefix: str) -> list[str]:
        """Return the message ids in a dead-letter queue, and leave them there."""
        url = self.physical(QUEUE, prefix)
        client = self.cloud.client("sqs")
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [str(message["MessageId"]) for message in answer.get("Messages", [])]

    def break_all(self) -> None:
        """Break four things: a message, reference data, a permission and a lease."""
        self._delete_alarms_of_the_first_minutes()
        self.put(id="tariff-north", name="north basic")
        self.send_result("s-76", 140)
        self.send_result("s-77", 0)
        self._take_the_permission()
        self.admissions["no tariff"] = self.admit("p-1043", "acme")
        self.admissions["no permission"] = self.admit("p-1044", "north")
        self._leave_a_lease()
        wait_for(lambda: self.count("ResultsChannelDeadLetterQueue") == 1, "the poison message to die")
        insurance = "AdmissionStepsCheckInsuranceChannelDeadLetterQueue"
        wait_for(lambda: self.count(insurance) == 1, "the admission without a tariff to die")
        ward = self.physical(FUNCTION, "AdmissionStepsAdmitWardReceiverHandlerFunction")
        wait_for(lambda: any("AccessDenied" in line for line in log_lines(self.cloud, ward)), "the refusal of the ward")

    def repair_the_tariff(self) -> None:
        """Add the tariff that is missing."""
        self.put(id="tariff-acme", name="acme comfort")

    def repair_the_permission(self) -> None:
        """Give back the permission, as a deployment does, and wait until the admissions have gone on."""
        self._broken.close()
        wait_for(self._are_admitted, "both patients to be admitted")

    def wait_until_all_is_done(self) -> None:
        """Wait until no queue has a message, and no alarm is raised."""
        machine = self.physical("AWS::StepFunctions::StateMachine", "RemindersMachine")
        machines, alarms = self.cloud.client("stepfunctions"), self.cloud.client("cloudwatch")
        wait_for(
            lambda: not machines.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"], "job"
        )
        wait_for(lambda: not alarms.describe_alarms(StateValue="ALARM")["MetricAlarms"], "the alarms to end")

    def close(self) -> None:
        """Put back what is broken still."""
        self._broken.close()

    def admitted(self) -> set[str]:
        """Return the request ids of the patients who are admitted."""
        items = self.cloud.client("dynamodb").scan(TableName=self.table_name)["Items"]
        ids = [str(item["id"]["S"]) for item in items]
        return {each.removeprefix("admission-") for each in ids if each.startswith("admission-")}

    def _delete_alarms_of_the_first_minutes(self) -> None:
        """Delete those that are raised until something has run for the first time: a job, or a sweeper."""
        client = self.cloud.client("cloudwatch")
        pages = client.get_paginator("describe_alarms").paginate()
        alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
        client.delete_alarms(AlarmNames=[a["AlarmName"] for a in alarms if a.get("TreatMissingData") == "breaching"])

    def _are_admitted(self) -> bool:
        return set(self.admissions.values()) <= self.admitted()

    def _take_the_permission(self) -> None:
        role = self.physical(ROLE, "AdmissionStepsAdmitWardReceiverHandlerRole")
        iam = self.cloud.client("iam")
        self._broken.enter_context(without_permission(iam, role, "dynamodb:PutItem", self.table_name))

    def _leave_a_lease(self) -> None:
        """Stop an execution while the rule that releases its lease is disabled."""
        mapping = self.physical(MAPPING, "RemindersReceiver")
        self._enable(mapping, enabled=False)
        rule = self.physical(RULE, "Reminders")
        self.cloud.client("events").disable_rule(Name=rule)
        started = tsunagu(self.cloud, "run", "reminders", "--stack", STACK, "--yes")
        assert started.returncode == 0, started.stderr
        arn = next(word for word in started.stdout.split() if word.startswith("arn:aws:states:"))
        machines = self.cloud.client("stepfunctions")
        wait_for(lambda: self.count("RemindersChannelQueue") == 1, "the message of the run")
        machines.stop_execution(executionArn=arn, error="ByHand", cause="stopped by hand")
        wait_for(lambda: machines.describe_execution(executionArn=arn)["status"] == "ABORTED", "the end of the run")
        self.cloud.client("events").enable_rule(Name=rule)
        self._enable(mapping, enabled=True)
        wait_for(lambda: self.count("RemindersChannelQueue") == 0, "the message without an execution to be skipped")

    def _enable(self, mapping: str, *, enabled: bool) -> None:
        client = self.cloud.client("lambda")
        client.update_event_source_mapping(UUID=mapping, Enabled=enabled)
        state = "Enabled" if enabled else "Disabled"
        wait_for(lambda: client.get_event_source_mapping(UUID=mapping)["State"] == state, f"the mapping to be {state}")


@contextmanager
def deployed_clinic(folder: Path) -> Iterator[Clinic]:
    """Deploy the example to a cloud of its own."""
    assembly = folder / "cdk.out"
    before = {name: os.environ.get(name) for name in WITHOUT_VALIDATION}
    os.environ.update(WITHOUT_VALIDATION)
    try:
        with chdir(EXAMPLE):
            synthesize("embedded", assembly)
    finally:
        _restore(before)
    with EmbeddedCloud.start(folder / "cloud") as cloud:
        with chdir(PROJECT):
            cloud.deploy(assembly)
        clinic = Clinic(cloud=cloud, folder=folder)
        try:
            yield clinic
        finally:
            clinic.close()


def wait_for(is_so: Callable[[], Any], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.2)


def _restore(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
