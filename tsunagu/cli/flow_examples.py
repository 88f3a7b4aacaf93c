"""Lines for a shell that use the flows of a stack, by what its constructs wrote into the template."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tsunagu.contracts.flows import Kind, Part, read_parts
from tsunagu.templates.references import Document

# Messages of their queues are made by the library itself.
_INSIDE = (Kind.PIPELINE, Kind.REQUESTS, Kind.SERVICE)


class FlowExamples(NamedTuple):
    """What of a stack can be used from the command line.

    Attributes:
        pipelines: Names of pipelines that can be started.
        jobs: Names of jobs that can be run.
        queues: Names of queues to which messages can be sent, and whether they are FIFO queues.
        is_protected: Whether a construct has `protect=True`, so that a change needs `--force`.
    """

    pipelines: list[str]
    jobs: list[str]
    queues: dict[str, bool]
    is_protected: bool = False


def flows_of(documents: Iterable[Document]) -> dict[str, FlowExamples]:
    """Return what can be used of each stack, by its name. Nested stacks are left out."""
    return {each.stack_name: _flows(each.section("Resources")) for each in documents if each.stack_name}


def _flows(resources: Mapping[str, Any]) -> FlowExamples:
    jobs = [*_parts(resources, Kind.JOB)]
    inside = {part.path for parts, _ in _marked(resources) if _is_inside(parts) for part in parts}
    fifo = {part.path for parts, resource in _marked(resources) if _is_fifo(resource) for part in parts}
    receivers = [
        part for part in _parts(resources, Kind.RECEIVER) if part.path not in inside | {job.path for job in jobs}
    ]
    return FlowExamples(
        pipelines=[part.name for part in _parts(resources, Kind.PIPELINE)],
        jobs=[job.name for job in jobs],
        queues={part.name: part.path in fifo for part in receivers},
        is_protected=any(part.protected for parts, _ in _marked(resources) for part in parts),
    )


def _marked(resources: Mapping[str, Any]) -> Iterator[tuple[list[Part], Mapping[str, Any]]]:
    for resource in resources.values():
        yield [*read_parts(resource.get("Metadata"))], resource


def _parts(resources: Mapping[str, Any], kind: Kind) -> Iterator[Part]:
    for parts, _ in _marked(resources):
        yield from (part for part in parts if part.kind == kind)


def _is_inside(parts: Iterable[Part]) -> bool:
    return any(part.kind in _INSIDE for part in parts)


def _is_fifo(resource: Mapping[str, Any]) -> bool:
    properties = resource.get("Properties")
    return isinstance(properties, Mapping) and properties.get("FifoQueue") is True
