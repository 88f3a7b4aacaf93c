"""The flows of the demonstration. A new flow is registered here, and nowhere else."""

from collections.abc import Sequence

from cdk_app.demo.accept_now import AcceptNow
from cdk_app.demo.flow import Flow
from cdk_app.demo.one_at_a_time import OneAtATime
from cdk_app.demo.pipeline import OrderPipeline
from cdk_app.demo.receive_once import ReceiveOnce
from cdk_app.demo.web_and_queue import WebAndQueue

FLOWS: Sequence[Flow] = (ReceiveOnce(), OrderPipeline(), AcceptNow(), OneAtATime(), WebAndQueue())
