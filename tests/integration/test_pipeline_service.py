"""Five lines make a service of a pipeline; mistakes in them are reported at import."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.runtime.world import FakeContext
from tsunagu.contracts.environment import EnvironmentContractError
from tsunagu.runtime.functions.pipeline_service import pipeline_service
from tsunagu.runtime.pipeline.work import Work


@dataclass
class Order:
    order_id: str


def test_environment_is_read_at_the_first_message_and_not_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIPELINE", raising=False)

    @pipeline_service
    def handler(order: Order, work: Work) -> str:
        """Say what is ordered."""
        return f"{order.order_id} {work.run_id}"

    assert handler.__doc__ == "Say what is ordered."
    with pytest.raises(EnvironmentContractError, match="PIPELINE must be set for ServiceEnvironment"):
        handler({"Records": []}, FakeContext())


def test_function_must_take_a_typed_request_and_a_work() -> None:
    with pytest.raises(TypeError, match=r"untyped must take .* annotated class and a Work, got the parameters"):

        @pipeline_service
        def untyped(order, work):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            return order, work

    with pytest.raises(TypeError, match=r"alone must take .* and a Work, got the parameters \(order: "):

        @pipeline_service  # type: ignore[arg-type]
        def alone(order: Order) -> None: ...


def test_request_must_be_a_model() -> None:
    with pytest.raises(TypeError, match="must be a dataclass or have a class method from_json"):

        @pipeline_service
        def plain(order: dict, work: Work) -> Any: ...  # type: ignore[type-arg]
