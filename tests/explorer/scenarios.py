"""What is explored: messages, a business function, and bounds of what may go wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch

from tests.explorer.business import (
    MakeProcess,
    at_once,
    beating,
    checking,
    fail,
    fail_without_text,
    forwarding,
    kill,
    misbehaving,
    plain,
    refuse,
    sending_late,
    stumble,
    transactional,
)
from tests.explorer.plant import Plant
from tests.explorer.sent import Fate, Sent
from tests.explorer.setting import Setting
from tsunagu.runtime.receiving import relay
from tsunagu.runtime.retry import BASE_SECONDS
from tsunagu.runtime.sending.publish import SendResult
from tsunagu.testing.explorer.bounds import Bounds
from tsunagu.testing.explorer.ports import GONE
from tsunagu.testing.explorer.schedule import Choices

MAX_ATTEMPTS = 2
SEND_ROUNDS = 3
SKEW_MS = 120_000
ONE_SWITCH = Bounds(switches=1)

PAID_TWICE = (Sent(id="m1", payment_id="p1"), Sent(id="m2", payment_id="p2"), Sent(id="m3", payment_id="p1"))
BESIDE_DEATH = (
    Sent(id="m1", payment_id="p1"),
    Sent(id="m2", payment_id="bad", fate=Fate.DEAD, least_attempts=MAX_ATTEMPTS),
    Sent(id="m3", payment_id="p3"),
)
RIVALS = (Sent(id="m1", payment_id="p1", fate=Fate.RIVAL), Sent(id="m2", payment_id="p1", amount=2, fate=Fate.RIVAL))
NO_PAYMENT = (Sent(id="m1", text="no json", fate=Fate.DEAD), Sent(id="m2", payment_id="p2"))
REFUSED = (Sent(id="m1", payment_id="bad", fate=Fate.DEAD), Sent(id="m2", payment_id="p2"))
BESIDE_REFUSAL = (BESIDE_DEATH[0], replace(BESIDE_DEATH[1], least_attempts=1), BESIDE_DEATH[2])
BESIDE_UNREADABLE = (
    BESIDE_DEATH[0],
    Sent(id="m2", payment_id="bad", fate=Fate.DEAD, reason="cannot be read"),
    BESIDE_DEATH[2],
)
THREE = tuple(Sent(id=f"m{number}", payment_id=f"p{number}") for number in (1, 2, 3))
FORWARDED = (Sent(id="m1", payment_id="p1", forwards=1), Sent(id="m2", payment_id="p2", forwards=1))
SPENT = SendResult(None, "TaskTimedOut: spent", is_permanent=True)
UNSENDABLE = (
    Sent(id="m1", payment_id="bad", fate=Fate.UNSENT, least_attempts=1, forwards=2, reason="TaskTimedOut: spent"),
    Sent(id="m2", payment_id="p2", forwards=2),
    Sent(id="m3", payment_id="bad", fate=Fate.UNSENT, least_attempts=1, forwards=2, reason="TaskTimedOut: spent"),
)
UNSENT_TOO_LONG = (
    Sent(id="m1", payment_id="bad", fate=Fate.UNSENT, least_attempts=SEND_ROUNDS, forwards=1, reason="gone"),
    Sent(id="m2", payment_id="p2", forwards=1),
)
AFTER_THE_WINDOW = Sent(id="m9", payment_id="p1", amount=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """Messages, and the plant that processes them.

    Attributes:
        bounds: What may go wrong beside one crash or one failed call.
        later: Messages that are sent after the window of the earlier ones.
        redrives: Number of redrives. Before the last one, the business function is repaired.
        is_calm_at_first: Nothing goes wrong before the first redrive.
    """

    name: str
    sent: Sequence[Sent]
    setting: Setting
    bounds: Bounds = ONE_SWITCH
    later: Sequence[Sent] = ()
    redrives: int = 0
    is_calm_at_first: bool = False

    def run(self, choices: Choices) -> None:
        """Run to the end.

        Raises:
            Violation: An invariant did not hold.
        """
        with patch.object(relay, "SEND_ROUNDS", self.setting.send_rounds):
            self._run(choices)

    def _run(self, choices: Choices) -> None:
        plant = Plant(self.setting, Bounds() if self.is_calm_at_first else self.bounds, choices)
        plant.send(self.sent)
        plant.run_until_quiet()
        if self.is_calm_at_first:
            plant.allow(self.bounds)
        for number in range(self.redrives):
            plant.is_mended = number == self.redrives - 1
            plant.redrive()
            plant.run_until_quiet()
        if self.later:
            plant.ms += (self.setting.window_seconds + 1) * 1_000
            plant.send(self.later)
            plant.run_until_quiet()

    def within(self, bounds: Bounds) -> "Payments":
        """The same, within other bounds."""
        return replace(self, bounds=bounds)

    def with_more_attempts(self, number: int) -> "Payments":
        """The same, with more attempts and receives: each fault may cost one of them.

        A message that follows a failing one in its group waits for the back-off of each attempt.
        """
        setting = self.setting
        attempts = setting.max_attempts + number
        backoff_seconds = sum(BASE_SECONDS * 2**failed for failed in range(setting.max_attempts, attempts))
        more = replace(
            setting,
            max_attempts=attempts,
            max_receives=setting.max_receives + number,
            longest_wait_ms=setting.longest_wait_ms + int(backoff_seconds * 1_000),
        )
        return replace(self, setting=more)


def _standard(mode: str, make: MakeProcess) -> Iterator[Payments]:
    setting = Setting(process=make, max_attempts=MAX_ATTEMPTS)
    alone = Bounds(switches=0)
    yield Payments(name=f"{mode}: paid twice", sent=PAID_TWICE, setting=setting)
    yield Payments(name=f"{mode}: sent on", sent=FORWARDED, setting=replace(setting, process=forwarding(make)))
    yield Payments(name=f"{mode}: rivals", sent=RIVALS, setting=setting)
    yield Payments(name=f"{mode}: no payment", sent=NO_PAYMENT, setting=setting, bounds=Bounds(redeliveries=1))
    stumbling = replace(setting, process=misbehaving(make, "p1", stumble), max_attempts=MAX_ATTEMPTS + 1)
    yield Payments(name=f"{mode}: stumble", sent=PAID_TWICE[:2], setting=stumbling, bounds=alone)
    failing = replace(setting, process=misbehaving(make, "bad", fail))
    yield Payments(name=f"{mode}: failure", sent=BESIDE_DEATH, setting=failing, bounds=alone)
    more = 1 if mode == "transaction" else 0  # so that neighbours who wait for the last attempt are seen
    killing = replace(setting, process=misbehaving(make, "bad", kill), batch_size=3, max_attempts=MAX_ATTEMPTS + more)
    yield Payments(name=f"{mode}: killer", sent=BESIDE_DEATH, setting=killing, bounds=alone)
    refusing = replace(setting, process=misbehaving(make, "bad", refuse))
    yield Payments(name=f"{mode}: redrive", sent=REFUSED, setting=refusing, bounds=alone, redrives=2)
    beside = Payments(name=f"{mode}: redrive beside workers", sent=REFUSED[:1], setting=refusing, redrives=1)
    if mode == "transaction":
        yield replace(beside, is_calm_at_first=True)
    outage = replace(setting, max_receives=6)
    yield Payments(name=f"{mode}: outage", sent=PAID_TWICE, setting=outage, bounds=Bounds(outages=1))
    forgetting = replace(setting, window_seconds=600)
    yield Payments(name=f"{mode}: window", sent=PAID_TWICE[:1], setting=forgetting, later=[AFTER_THE_WINDOW])
    beat = replace(setting, process=beating(beating(make)), lease_seconds=3)
    yield Payments(name=f"{mode}: heartbeat", sent=PAID_TWICE[:1], setting=beat)
    sending = replace(setting, process=forwarding(make, 2), refusals={"bad/1": SPENT}, batch_size=3)
    yield Payments(name=f"{mode}: unsendable", sent=UNSENDABLE, setting=sending, bounds=alone, redrives=1)
    patient = replace(setting, process=forwarding(make), refusals={"bad/1": GONE}, send_rounds=SEND_ROUNDS)
    yield Payments(name=f"{mode}: unsent too long", sent=UNSENT_TOO_LONG, setting=patient, bounds=alone, redrives=1)
    if mode == "plain":
        return  # without a transaction, these can cause a second effect: a fencing token that falls, clocks that differ
    deleted = replace(setting, deletes_abandoned=True)
    yield Payments(name=f"{mode}: deleted by hand", sent=PAID_TWICE[:1], setting=deleted)
    skewed = replace(setting, skew_ms=(0, SKEW_MS), longest_wait_ms=setting.longest_wait_ms + SKEW_MS)
    yield Payments(name=f"{mode}: skewed clock", sent=PAID_TWICE, setting=skewed)


def _committed() -> Iterator[Payments]:
    """Scenarios of how the writes of a batch are committed: three messages in one transaction, or each by itself."""
    setting = Setting(process=transactional, max_attempts=MAX_ATTEMPTS, batch_size=3)
    alone = Bounds(switches=0)
    yield Payments(name="commit: three", sent=THREE, setting=setting)
    yield Payments(name="commit: rivals", sent=RIVALS, setting=setting)
    yield Payments(name="commit: sent on", sent=FORWARDED, setting=replace(setting, process=forwarding(transactional)))
    checked = replace(setting, process=checking, max_attempts=1)  # so that an attempt too many is seen
    yield Payments(name="commit: refused condition", sent=BESIDE_REFUSAL, setting=checked, bounds=alone)
    yield Payments(name="commit: alone", sent=THREE, setting=replace(setting, group_commit=False), bounds=alone)
    own = replace(setting, process=at_once)
    yield Payments(name="commit: at once", sent=PAID_TWICE, setting=replace(own, batch_size=2))
    yield Payments(name="commit: at once, sent on", sent=FORWARDED, setting=replace(own, process=forwarding(at_once)))
    yield Payments(name="commit: at once, outage", sent=PAID_TWICE, setting=own, bounds=Bounds(outages=1))


def _misbehaving() -> Iterator[Payments]:
    """Scenarios of handlers that misbehave, and of items of another release."""
    setting = Setting(process=transactional, max_attempts=MAX_ATTEMPTS, batch_size=3)
    alone = Bounds(switches=0)
    yield Payments(name="late sends", sent=THREE[:2], setting=replace(setting, process=sending_late))
    textless = replace(setting, process=misbehaving(transactional, "bad", fail_without_text))
    yield Payments(name="error without text", sent=BESIDE_DEATH, setting=textless, bounds=alone)
    released = replace(setting, unreadable=frozenset({"bad"}))
    yield Payments(name="item of another release", sent=BESIDE_UNREADABLE, setting=released, bounds=alone)


def _together(mode: str, make: MakeProcess) -> Iterator[Payments]:
    """Scenarios of a standard queue, two of whose messages run at the same time."""
    setting = Setting(process=make, max_attempts=MAX_ATTEMPTS, concurrency=2, batch_size=3)
    alone = Bounds(switches=0)
    yield Payments(name=f"{mode}: paid twice", sent=PAID_TWICE, setting=replace(setting, batch_size=2))
    yield Payments(name=f"{mode}: paid twice at once", sent=PAID_TWICE, setting=setting)
    yield Payments(name=f"{mode}: sent on", sent=FORWARDED, setting=replace(setting, process=forwarding(make)))
    yield Payments(name=f"{mode}: rivals", sent=RIVALS, setting=setting)
    failing = replace(setting, process=misbehaving(make, "bad", fail))
    yield Payments(name=f"{mode}: failure", sent=BESIDE_DEATH, setting=failing, bounds=alone)
    killing = replace(setting, process=misbehaving(make, "bad", kill))
    yield Payments(name=f"{mode}: killer", sent=BESIDE_DEATH, setting=killing, bounds=alone)
    if mode == "transaction":
        beat = replace(setting, process=beating(make), lease_seconds=3)
        yield Payments(name=f"{mode}: heartbeat", sent=PAID_TWICE[:2], setting=beat)


def _grouped(sent: Sequence[Sent]) -> list[Sent]:
    return [replace(each, group="a") for each in sent]


def _fifo(scenario: Payments) -> Payments:
    bounds = replace(scenario.bounds, redeliveries=0)  # a FIFO queue delivers again after the visibility time-out alone
    sent, later = _grouped(scenario.sent), _grouped(scenario.later)
    return replace(scenario, name=f"fifo, {scenario.name}", sent=sent, later=later, bounds=bounds)


_STANDARD = [*_standard("transaction", transactional), *_standard("plain", plain)]
_COMMITTED = [*_committed(), *_misbehaving()]
_TOGETHER = [*_together("transaction", transactional), *_together("plain", plain)]

SCENARIOS = {
    scenario.name: scenario
    for scenario in [
        *(replace(scenario, name=f"standard, {scenario.name}") for scenario in _STANDARD),
        *map(_fifo, _STANDARD),
        *(replace(scenario, name=f"standard, {scenario.name}") for scenario in _COMMITTED),
        *map(_fifo, _COMMITTED),
        *(replace(scenario, name=f"together, {scenario.name}") for scenario in _TOGETHER),
    ]
}
