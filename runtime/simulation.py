"""The simulated world of this service, as the drill panel sees it: orders to the child that plays it, and answers."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Overdue
from typing import IO, Any, Final

import msgspec

from domain.errors import AnjuError, Conflict, Invalid, NotFound, Unavailable
from domain.limits import SIMULATION_ANSWER_S_MAX

__all__ = ["Panel"]

log = logging.getLogger("anju.simulation")

_KINDS: Final[dict[str, type[AnjuError]]] = {kind.__name__: kind for kind in (NotFound, Invalid, Conflict)}


class Panel:
    """`api.ports.Simulation` over the pipes of ``anju simulate --orders``. Thread-safe."""

    def __init__(self, orders: IO[bytes], answers: IO[bytes], rest: IO[bytes]) -> None:
        """`rest` gets every line that is no answer."""
        self._orders, self._answers, self._rest = orders, answers, rest
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._number = 0
        self._gone = False
        self._thread = threading.Thread(target=self._read, name="simulation", daemon=True)
        self._thread.start()

    def offer(self) -> Mapping[str, Any]:
        """See `api.ports.Simulation`."""
        return self._ask("offer")  # type: ignore[no-any-return] # the simulator's own words

    def inject(self, incident: str, device: str | None, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `api.ports.Simulation`."""
        return self._ask("inject", incident=incident, device=device, params=dict(params))  # type: ignore[no-any-return] # likewise

    def play(self, scenario: str) -> Mapping[str, Any]:
        """See `api.ports.Simulation`."""
        return self._ask("play", scenario=scenario)  # type: ignore[no-any-return] # likewise

    def stop(self, run: str) -> Mapping[str, Any]:
        """See `api.ports.Simulation`."""
        return self._ask("stop", run=run)  # type: ignore[no-any-return] # likewise

    def runs(self) -> Sequence[Mapping[str, Any]]:
        """See `api.ports.Simulation`."""
        return self._ask("runs")  # type: ignore[no-any-return] # likewise

    def _ask(self, what: str, **about: Any) -> Any:
        answer: Future[Any] = Future()
        with self._lock:
            if self._gone:
                raise Unavailable("simulation.gone", "the simulator has ended")
            self._number += 1
            number = self._number
            self._waiting[number] = answer
            try:
                self._orders.write(msgspec.json.encode({"id": number, "do": what, **about}) + b"\n")
                self._orders.flush()
            except OSError as error:
                del self._waiting[number]
                raise Unavailable("simulation.gone", f"the simulator has ended: {error}") from error
        try:
            return answer.result(SIMULATION_ANSWER_S_MAX)
        except Overdue as error:
            raise Unavailable("simulation.silent", "the simulator does not answer") from error
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def _read(self) -> None:
        try:
            for line in self._answers:
                self._take(line)
        except (OSError, ValueError) as error:  # the pipe was closed while we read it
            log.debug("the simulator's answers end: %s", error)
        with self._lock:
            self._gone = True
            waiting = list(self._waiting.values())
        for answer in waiting:
            answer.set_exception(Unavailable("simulation.gone", "the simulator has ended"))

    def _take(self, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line)
        except msgspec.DecodeError:
            said = None
        if not isinstance(said, dict) or "answer" not in said:
            self._rest.write(line)
            self._rest.flush()
            return
        with self._lock:
            answer = self._waiting.get(said["answer"])
        if answer is None:
            return  # nobody waits any more
        error = said.get("error")
        if error is None:
            answer.set_result(said.get("ok"))
        else:
            answer.set_exception(_KINDS.get(error["kind"], Unavailable)(error["code"], error["text"]))
