"""Orders to a running simulator, as JSON lines: what the drill panel asks for, and the answers.

In: ``{"id": 7, "do": "inject", "incident": "entrapment", "device": null, "params": {}}``, and likewise ``offer``,
``play`` (``scenario``), ``stop`` (``run``) and ``runs``. Out: ``{"answer": 7, "ok": …}`` or ``{"answer": 7, "error":
{"kind", "code", "text"}}``. Lines are read on a thread of their own and obeyed on the world's.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from domain.errors import AnjuError, Conflict, Invalid, NotFound
from domain.limits import SIM_ORDERS_MAX, SIM_RUNS_MAX
from simulators.incidents import INCIDENTS
from simulators.scenarios import SCENARIOS, ScenarioErrors, Stage, load_scenario
from simulators.world import World

__all__ = ["Remote"]

_log: Final = logging.getLogger(__name__)
LOOKS_AHEAD_S: Final = 0.2
"""How often a run looks for orders while its world has nothing to say."""


class _Order(Struct):
    """One line that came in."""

    id: int
    do: str
    incident: str = ""
    scenario: str = ""
    run: str = ""
    device: str | None = None
    params: dict[str, float | bool | str] = field(default_factory=dict)


class Remote:
    """Obeys orders in one world."""

    def __init__(self, lines: Iterable[bytes], say: Callable[[bytes], None]) -> None:
        """`lines`: the orders; `say` gets each answer as one line without its end."""
        self._orders: queue.Queue[bytes] = queue.Queue(SIM_ORDERS_MAX)
        self._say = say
        self._stages: dict[str, Stage] = {}
        self._made = 0
        self._thread = threading.Thread(target=self._read, args=(lines,), name="orders", daemon=True)
        self._thread.start()

    def _read(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._orders.put(line)

    def obey(self, world: World) -> None:
        """Carries out what has come in."""
        while not self._orders.empty():
            self._one(world, self._orders.get())

    def _one(self, world: World, line: bytes) -> None:
        try:
            order = msgspec.json.decode(line, type=_Order)
        except msgspec.MsgspecError as error:
            self._say(msgspec.json.encode({"answer": None, "error": _told(Invalid("order.unreadable", str(error)))}))
            return
        try:
            answer: dict[str, Any] = {"ok": self._done(world, order)}
        except ScenarioErrors as error:
            answer = {"error": _told(Invalid("scenario.wrong", str(error)))}
        except AnjuError as error:
            answer = {"error": _told(error)}
        except Exception:  # noqa: BLE001 - whatever one wish does, the district lives on
            _log.exception("an order failed: %s", order.do)
            answer = {"error": _told(Invalid("order.failed", f"{order.do} failed; see the log of the simulator"))}
        self._say(msgspec.json.encode({"answer": order.id, **answer}))

    def _done(self, world: World, order: _Order) -> Any:
        match order.do:
            case "offer":
                return _offer()
            case "inject":
                return world.inject(order.incident, order.device, **order.params)
            case "play":
                return self._play(world, order.scenario)
            case "stop":
                stage = self._stages.get(order.run)
                if stage is None:
                    raise NotFound("simulation.run", f"no run {order.run!r}")
                stage.cancel()
                return _shown(order.run, stage, world)
            case "runs":
                return [_shown(name, stage, world) for name, stage in reversed(self._stages.items())]
        raise Invalid("order.unknown", f"no order {order.do!r}")

    def _play(self, world: World, name: str) -> dict[str, Any]:
        if name not in SCENARIOS:
            raise NotFound("scenario.unknown", f"no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
        now_ms = world.kernel.now_ms
        under_way = (one for one in self._stages.values() if not one.cancelled and now_ms < one.end_ms)
        if any(one.scenario.name == name for one in under_way):
            raise Conflict("scenario.running", f"{name} is being played already")
        while len(self._stages) >= SIM_RUNS_MAX:
            del self._stages[next(iter(self._stages))]
        self._made += 1
        run = f"run-{self._made}"
        stage = self._stages[run] = Stage(load_scenario(SCENARIOS[name]), world, now_ms)
        return _shown(run, stage, world)


def _offer() -> dict[str, Any]:
    scenarios = []
    for name, path in SCENARIOS.items():
        one = load_scenario(path)
        scenarios.append({"name": name, "title": one.title, "about": one.about, "lasts_s": one.lasts_s})
    incidents = [
        {
            "name": one.name, "title": {"zh": one.zh, "en": one.en}, "params": one.params,
            "life_safety": one.life_safety,
        }
        for one in INCIDENTS.values()
    ]  # fmt: skip
    return {"scenarios": scenarios, "incidents": incidents}


def _shown(run: str, stage: Stage, world: World) -> dict[str, Any]:
    over = world.kernel.now_ms >= stage.end_ms
    return {
        "id": run,
        "scenario": stage.scenario.name,
        "state": "stopped" if stage.cancelled else "over" if over else "running",
        "from_ms": stage.start_ms,
        "until_ms": stage.end_ms,
        "truths": stage.truths,
        "declares": [
            {
                "purpose": one.purpose,
                "target": one.target,
                "from_ms": stage.start_ms + round(one.from_s * 1000),
                "until_ms": stage.start_ms + round(one.until_s * 1000),
                "reason": one.reason,
                "rules": list(one.rules),
            }
            for one in stage.scenario.declares
        ],
        "missed": [f"{step.what} (line {step.line})" for step in stage.missed],
    }


def _told(error: AnjuError) -> dict[str, str]:
    return {"kind": type(error).__name__, "code": error.code, "text": error.text}
