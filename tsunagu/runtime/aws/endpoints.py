"""Knows the endpoints of services that follow the rule of their partition, without the SDK's largest file.

botocore reads `endpoints.json`, 1.25 MB, before it makes its first client: that takes a seventh of the client's time,
and four megabytes. It takes host, partition and signing region of a service from it. The address of each call comes
from the service's own rule set. For the services below all that is `service.region.suffix`, and the small
`partitions.json` has the suffix. Anything else is asked of the SDK's resolver. That is made, and reads its file, when
it is first needed.

`tests/integration/test_endpoints.py` compares both for each service and region of the installed SDK.
"""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.regions import EndpointResolver

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session

_BY_THE_RULE = frozenset({"dynamodb", "sns", "sqs", "states"})


class RegionalEndpoints:
    """Takes the place of the SDK's endpoint resolver in a session.

    Args:
        partitions: The SDK's `partitions.json`.
        make_whole: Makes the SDK's own resolver.
    """

    uses_builtin_data = True

    def __init__(self, partitions: Mapping[str, Any], make_whole: Callable[[], EndpointResolver]) -> None:
        self._partitions = partitions["partitions"]
        self._whole = functools.cache(make_whole)

    def construct_endpoint(
        self, service_name: str, region_name: str | None = None, *rest: Any, **options: Any
    ) -> Mapping[str, Any] | None:
        """Return what the SDK's resolver returns, as far as a client uses it. None: it knows no such endpoint."""
        is_plain = service_name in _BY_THE_RULE and region_name is not None and not any((*rest, *options.values()))
        partition = self._partition(region_name) if is_plain else None
        if partition is None:
            return self._whole().construct_endpoint(service_name, region_name, *rest, **options)
        suffix = partition["outputs"]["dnsSuffix"]
        return {
            "partition": partition["id"],
            "endpointName": region_name,
            "dnsSuffix": suffix,
            "hostname": f"{service_name}.{region_name}.{suffix}",
            "protocols": ["http", "https"],
            "signatureVersions": ["v4"],
        }

    def __getattr__(self, name: str) -> Any:
        """Return what else the SDK asks its resolver for."""
        return getattr(self._whole(), name)

    def _partition(self, region_name: str | None) -> Mapping[str, Any] | None:
        return next((each for each in self._partitions if re.match(each["regionRegex"], region_name or "")), None)


def use_regional_endpoints(session: "Session") -> None:
    """Let the clients of a session have their endpoints by the rule.

    The SDK has no public way to give a session another resolver. A session of a later SDK that has not this one keeps
    its own. So does one whose endpoints are a file of the user's own.
    """
    register = getattr(session, "_register_internal_component", None)
    loader: Loader = session.get_component("data_loader")
    if register is None or not _has_builtin_endpoints(loader):
        return

    def make_whole() -> EndpointResolver:
        return EndpointResolver(loader.load_data("endpoints"), uses_builtin_data=True)

    register("endpoint_resolver", RegionalEndpoints(loader.load_data("partitions"), make_whole))


def _has_builtin_endpoints(loader: "Loader") -> bool:
    """Whether the first `endpoints.json` of the search paths is the SDK's own."""
    found = (Path(path, "endpoints") for path in loader.search_paths)
    first = next((path for path in found if path.with_suffix(".json").is_file()), None)
    return first is not None and loader.is_builtin_path(str(first))
