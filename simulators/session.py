"""One run of the simulator: a world, a pace, a broker. Decides how virtual time and the wall's clock agree.

Rules live in event time, and the service keeps readings from the future aside. So virtual time may never run ahead of
the wall's clock: at speed 1 both are the same; at speed N the world starts in the past and has caught up when the run
ends; as fast as possible is the same without a limit of pace. A scenario has a season and an hour of its own: its world
lives then, and everything it says is moved to the time of the run. Whatever is sent more than `BACKFILL_LAG_S` after
its event time is marked as back-fill, as a gateway marks what it kept while it was cut off.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from domain.errors import Invalid, Unavailable
from domain.limits import FUTURE_MS_MAX, LATE_MS_MAX
from domain.registry import Registry
from simulators.broker import Broker
from simulators.devices.ebike import Port
from simulators.kernel import Link, Message
from simulators.packets import Encoder, Packet
from simulators.publisher import Publisher
from simulators.scenarios import Scenario, Staged, Step, begin
from simulators.schedule import Planned, random_incidents, show
from simulators.truth import Truth
from simulators.wire import Wire, WireFaults
from simulators.world import World

__all__ = ["Clock", "Run", "RunPlan", "Summary", "timing"]

BACKFILL_LAG_S: Final = 60.0
DEFAULT_SPAN_S: Final = 3600.0
"""Virtual length of a run faster than life, where nothing else is said."""
CONNECT_S: Final = 30.0
NAP_S: Final = 0.2


class RunPlan(Struct, frozen=True, kw_only=True):
    """What to play."""

    seed: int = 1
    speed: float = 1.0
    """Virtual seconds per second; infinite: as fast as the broker takes it."""
    duration_s: float | None = None
    """Of virtual time; None: for ever at speed 1, otherwise `DEFAULT_SPAN_S`."""
    start_ms: int | None = None
    incidents: tuple[Planned, ...] = ()
    random_per_hour: float = 0.0
    demo: bool = False
    scenario: Scenario | None = None
    """Played from its beginning, moved to the time of the run; the other incidents come on top."""
    faults: WireFaults = field(default_factory=WireFaults)


class Clock(Struct, frozen=True):
    """How virtual time follows the wall's clock."""

    start_ms: int
    wall_ms: int
    speed: float
    duration_s: float | None
    warning: str = ""

    def now_ms(self, wall_ms: int) -> int:
        """Virtual time when the wall's clock shows `wall_ms`."""
        if self.speed == math.inf:
            end_s = self.duration_s if self.duration_s is not None else DEFAULT_SPAN_S
            return self.start_ms + round(end_s * 1000)
        gone = (wall_ms - self.wall_ms) * self.speed
        return self.start_ms + round(min(gone, self.duration_s * 1000) if self.duration_s is not None else gone)

    def ended(self, wall_ms: int) -> bool:
        """True when the run has reached its end."""
        return self.duration_s is not None and self.now_ms(wall_ms) >= self.start_ms + self.duration_s * 1000


def timing(plan: RunPlan, wall_ms: int) -> Clock:
    """Agrees virtual time with the wall's clock. Raises `Invalid` for a run that would get ahead of it."""
    if not plan.speed > 0:
        raise Invalid("simulate.speed", "--speed must be above 0")
    duration_s = plan.duration_s
    if duration_s is None and plan.speed > 1:
        duration_s = DEFAULT_SPAN_S
    # The end of the run meets the wall's clock: start + duration = wall + duration / speed.
    ahead_ms = 0 if duration_s is None else round(duration_s * 1000 * max(0.0, 1 - 1 / plan.speed))
    start_ms = wall_ms - ahead_ms if plan.start_ms is None else plan.start_ms
    if start_ms + ahead_ms > wall_ms + FUTURE_MS_MAX:
        raise Invalid(
            "simulate.future",
            "this run would get ahead of the clock, and readings from the future are not judged: start it earlier",
        )
    warning = ""
    if wall_ms - start_ms > LATE_MS_MAX:
        warning = f"readings older than {LATE_MS_MAX // 3_600_000} h may be stored without being judged"
    return Clock(start_ms, wall_ms, plan.speed, duration_s, warning)


class Summary(Struct):
    """What a run came to."""

    devices: int
    virtual_s: float = 0.0
    wall_s: float = 0.0
    messages: int = 0
    sent: int = 0
    acked: int = 0
    unacked: int = 0
    dropped: int = 0
    connects: int = 0
    wire: dict[str, int] = field(default_factory=dict)
    incidents: list[Truth] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Steps of the scenario that found no device to happen to."""


class Run:
    """Plays one plan against a broker."""

    def __init__(
        self,
        plan: RunPlan,
        registry: Registry,
        broker: Broker,
        told: Callable[[Truth], None],
        attend: Callable[[World], None] = lambda _: None,
        name: str = "sim",
    ) -> None:
        """`told` hears of every incident when it begins and when it ends. `attend` may act on the world meanwhile.

        `name` begins all client ids: two clients of one id would throw each other out of the broker for ever.
        Raises `Invalid` or `NotFound` for a plan that cannot be played, before anything is connected.
        """
        self.plan = plan
        self.registry = registry
        self.publisher = Publisher(broker, registry, name, obey=self._obey)
        self._told = told
        self._attend = attend
        self._stop = False
        self._messages = 0
        self._streams: list[Iterator[Planned]] = []
        self._set_up(timing(plan, _wall_ms()))

    def _set_up(self, clock: Clock) -> None:
        plan = self.plan
        self.clock = clock
        if plan.scenario is None:
            self.world: World = World(self.registry, plan.seed, clock.start_ms)
        else:
            self.world = begin(plan.scenario, self.registry, seed=plan.seed)
            # Each run is another life of the devices, though the world is the same: numbers may not come twice.
            self.world.boot = f"{self._rng(f'{clock.start_ms}/boot').getrandbits(32):08x}"
        self._ahead_ms = clock.start_ms - self.world.start_ms
        self._wire = Wire(Encoder(self.world.boot, self._ahead_ms, _forms(self.registry)), plan.faults, plan.seed)
        self._streams = []
        if plan.demo:
            self._streams.append(show(self._rng("show")))
        if plan.random_per_hour > 0:
            self._streams.append(random_incidents(self._rng("chance"), plan.random_per_hour))
        for one in plan.incidents:
            self.world.schedule(self._at_ms(one), one.name, one.device, **dict(one.params))
        for stream in self._streams:
            self._follow(stream)

    def _rng(self, use: str) -> random.Random:
        return random.Random(f"{self.plan.seed}/{use}")  # noqa: S311 (a reproducible plan, not a secret)

    def _at_ms(self, one: Planned) -> int:
        return self.world.start_ms + round(one.offset_s * 1000)

    def _follow(self, stream: Iterator[Planned]) -> None:
        """Schedules the next incident of an endless stream, and with it the one after."""
        one = next(stream)
        at_ms = self._at_ms(one)
        self.world.schedule(at_ms, one.name, one.device, **dict(one.params))
        self.world.kernel.call_at(at_ms, lambda: self._follow(stream))

    def _obey(self, device: str, body: Any) -> Any:
        """What a device answers to a command; None from one that knows no commands."""
        model = self.world.models.get(device)
        return model.command(body) if isinstance(model, Port) and isinstance(body, dict) else None

    def declares(self) -> list[str]:
        """Maintenance and drills that belong to the scenario, for people: whoever runs it has to declare them."""
        if self.plan.scenario is None:
            return []
        return [
            f"declare {one.purpose} at {one.target} from {_written(self.clock.start_ms + one.from_s * 1000)} "
            f"until {_written(self.clock.start_ms + one.until_s * 1000)}: {one.reason}"
            for one in self.plan.scenario.declares
        ]

    def stop(self) -> None:
        """Ends the run at the next opportunity, in good order. May be called from a signal handler."""
        self._stop = True

    def play(self) -> Summary:
        """Runs until the plan ends or `stop` is called. Raises `Unavailable` when the broker cannot be reached."""
        self._connect()
        # The devices come to life now: connecting may have taken a while.
        self._set_up(timing(self.plan, _wall_ms()))
        while not self._stop:
            wall_ms = _wall_ms()
            self._live(self.clock.now_ms(wall_ms))
            self._attend(self.world)
            if self._wire.storms(wall_ms):
                up_now = [one for one in self.publisher.gateways if one not in self.world.kernel.silent]
                for up in (False, True):
                    for gateway in up_now:  # one that an incident cut off stays away
                        self.publisher.link(gateway, up=up)
            if self.clock.ended(wall_ms):
                break
            self.publisher.pump(self._nap_s(_wall_ms()))
        for packet in self._wire.flush():
            self.publisher.publish(packet)
        return self._sum_up()

    def _connect(self) -> None:
        until = time.monotonic() + CONNECT_S
        while not self._stop:
            try:
                self.publisher.wait_connected(0.5)
            except Unavailable as error:
                # Wrong credentials stay wrong; a broker that is not there yet may still come up.
                if error.code == "broker.refused" or time.monotonic() > until:
                    raise
            else:
                return

    def _nap_s(self, wall_ms: int) -> float:
        """Until the world has something to say, but never so long that a signal would be heard late."""
        next_ms = self.world.next_ms
        if next_ms is None:
            return NAP_S
        left_ms = next_ms + self._ahead_ms - self.clock.now_ms(wall_ms)
        return min(NAP_S, max(0.0, left_ms / 1000 / self.clock.speed))

    def _live(self, until_ms: int) -> None:
        hurried = self.clock.speed > 1
        for item in self.world.advance(until_ms - self._ahead_ms):
            if isinstance(item, Message):
                self._messages += 1
                backfill = hurried and _wall_ms() - item.ts_ms - self._ahead_ms > BACKFILL_LAG_S * 1000
                for packet in self._wire.send(item, backfill=backfill):
                    self._publish(packet, patient=hurried)
            elif isinstance(item, Truth):
                truth = self._moved(item)
                self._publish(Encoder.truth(truth), patient=hurried)
                self._told(truth)
            elif isinstance(item, Link):
                self.publisher.link(item.gateway, up=item.up)
            if self._stop:
                return

    def _missed(self) -> list[Step]:
        return self.world.missed if isinstance(self.world, Staged) else []

    def _moved(self, truth: Truth) -> Truth:
        """A truth in the time of the run."""
        to_ms = None if truth.to_ms is None else truth.to_ms + self._ahead_ms
        return replace(truth, from_ms=truth.from_ms + self._ahead_ms, to_ms=to_ms)

    def _publish(self, packet: Packet, *, patient: bool) -> None:
        """At speed 1 a gateway keeps what it can and loses the rest; a hurried run waits for the broker instead."""
        while patient and not self._stop and not self.publisher.room(packet):
            self.publisher.pump(NAP_S)
        self.publisher.publish(packet)

    def _sum_up(self) -> Summary:
        virtual_s = (self.world.kernel.now_ms - self.world.start_ms) / 1000
        unacked = self.publisher.close()
        return Summary(
            devices=len(self.world.models),
            virtual_s=round(virtual_s, 1),
            wall_s=round((_wall_ms() - self.clock.wall_ms) / 1000, 1),
            messages=self._messages,
            sent=self.publisher.sent,
            acked=self.publisher.acked,
            unacked=unacked,
            dropped=self.publisher.dropped,
            connects=self.publisher.connects,
            wire=self._wire.counts,
            incidents=[self._moved(truth) for truth in self.world.truths.values()],
            missed=[f"{step.file}:{step.line}: {step.what}" for step in self._missed()],
        )


def _forms(registry: Registry) -> dict[str, str]:
    """Devices that speak a vendor's form, by id."""
    return {one.id: str(one.attrs["form"]) for one in registry.devices.values() if "form" in one.attrs}


def _written(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().isoformat(timespec="seconds")


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
