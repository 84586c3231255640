"""Builders and a station in memory for the tests of ingest."""

import json
import threading
from concurrent.futures import Future

from domain.devices import Device
from domain.errors import Unavailable
from domain.places import Name

NOW = 1_764_000_000_000


def device(name: str, kind: str = "elevator", compound: str = "c1", **more) -> Device:
    return Device(id=name, kind=kind, compound=compound, place=compound, name=Name(name), **more)


def devices(*found: Device) -> dict[str, Device]:
    return {one.id: one for one in found}


def topic(name: str, kind: str = "elevator", channel: str = "telemetry", compound: str = "c1") -> str:
    return f"anju/v1/{compound}/{kind}/{name}/{channel}"


def payload(seq: int | None = None, ts=None, boot: str | None = "b1", values=None, **more) -> bytes:
    tree = {"ts": ts, "seq": seq, "boot": boot, "values": {"floor": 3} if values is None else values, **more}
    return json.dumps({key: value for key, value in tree.items() if value is not None}).encode()


class RecordingDesk:
    """Answers batches at once, or when told to. `store` holds what a real station would have made durable."""

    def __init__(self, *, automatic: bool = True) -> None:
        self.automatic = automatic
        self.batches = []
        self.refuse = 0
        self.code = "station.inbox_full"
        self.stored = []
        self._waiting = []
        self._lock = threading.Lock()

    def submit(self, batch):
        answer = Future()
        with self._lock:
            self.batches.append(batch)
            if self.refuse:
                self.refuse -= 1
                answer.set_exception(Unavailable(self.code, "told to refuse"))
            elif self.automatic:
                self.stored.append(batch)
                answer.set_result(None)
            else:
                self._waiting.append((batch, answer))
        return answer

    def answer(self, count: int | None = None, error: Exception | None = None) -> int:
        with self._lock:
            due, self._waiting = self._waiting[:count], self._waiting[count:] if count is not None else []
        for batch, future in due:
            if error is None:
                self.stored.append(batch)
                future.set_result(None)
            else:
                future.set_exception(error)
        return len(due)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def readings(self):
        return [reading for batch in list(self.stored) for reading in batch.readings]

    @property
    def dead(self):
        return [letter for batch in list(self.stored) for letter in batch.dead]

    @property
    def states(self):
        return [report for batch in list(self.stored) for report in batch.states]


class FakeSession:
    """A session without a network: hands packets over when told, records acknowledgements."""

    def __init__(self) -> None:
        self.handler = None
        self.acked = []
        self.connected = True
        self._wakes = 0

    def start(self, handler) -> None:
        self.handler = handler

    def stop(self, timeout_s: float) -> None:
        self.connected = False

    def wake(self) -> None:
        self._wakes += 1

    def ack(self, packets) -> int:
        self.acked += packets
        return len(packets)


_ids = iter(range(10**9))


def packet(topic_text: str | bytes, body: bytes, first: int = 0x32):
    raw = topic_text.encode() if isinstance(topic_text, str) else topic_text
    return ((next(_ids) % 65_535 + 1).to_bytes(2, "big"), raw, body, first)
