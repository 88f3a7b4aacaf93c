from tests.e2e.deployed import Deployment


def test_deploying_the_same_assembly_again_changes_nothing(deployment: Deployment) -> None:
    events_before = event_ids(deployment)

    outputs = deployment.cloud.deploy(deployment.assembly)

    assert outputs == deployment.outputs
    assert event_ids(deployment) == events_before


def event_ids(deployment: Deployment) -> set[str]:
    pages = deployment.cloud.client("cloudformation").get_paginator("describe_stack_events")
    return {
        event["EventId"]
        for stack in deployment.outputs
        for page in pages.paginate(StackName=stack)
        for event in page["StackEvents"]
    }
