"""Functions whose calls go through the fault proxy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from tsunagu.testing.cloud.fault_proxy import FaultProxy
from tsunagu.testing.cloud.faults import NOTHING, Fate, FaultRates


class Cloud(Protocol):
    """What the proxy needs of an embedded cloud."""

    endpoint_url: str

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        ...

    def handler_processes(self, function_name: str) -> list[int]:
        """Return the process ids of the live handlers of a function."""
        ...


@contextmanager
def behind_proxy(cloud: Cloud, function_names: Sequence[str], *, seed: int, rates: FaultRates) -> Iterator[FaultProxy]:
    """Send every call of these functions through a fault proxy, until the end of the block."""

    def handler_processes() -> list[int]:
        return [process_id for name in function_names for process_id in cloud.handler_processes(name)]

    with FaultProxy(cloud.endpoint_url, Fate(seed, rates), handler_processes) as proxy:
        before = {name: _variables(cloud, name) for name in function_names}
        for name, variables in before.items():
            _set_variables(cloud, name, {**variables, "AWS_ENDPOINT_URL": proxy.url})
        try:
            yield proxy
        finally:
            proxy.fate.rates = NOTHING
            for name, variables in before.items():
                _set_variables(cloud, name, variables)


def _variables(cloud: Cloud, name: str) -> dict[str, str]:
    answer = cloud.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] = answer.get("Environment", {}).get("Variables", {})
    return variables


def _set_variables(cloud: Cloud, name: str, variables: dict[str, str]) -> None:
    functions = cloud.client("lambda")
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
