"""The running product scored: truths from the broker as the simulator publishes them, alerts from the journal by API.

The journal tells every raise and every return with its time, so that the same records come out of it as out of a
`VirtualHouse`. Where the simulator runs faster than life (its truths lie in the past when they are heard), delays are
counted by event time instead: what the service needed cannot be told from what the simulator was behind.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
import paho.mqtt.client as mqtt
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion

from domain.errors import Unavailable
from domain.limits import PAGE_ROWS_MAX, SIM_TRUTHS_MAX
from runtime.client import Client
from scoring.figures import Part
from scoring.house import Record, Told
from scoring.matching import Case, claims_of, match
from scoring.sums import part_of
from simulators.broker import Broker
from simulators.truth import TRUTH_TOPIC, Truth

__all__ = ["BEHIND_MS", "Api", "Ear", "heard_from", "listen", "records_of"]

BEHIND_MS: Final = 10_000
"""A truth heard so long after it began is told by a simulator that runs in the past."""
CONNECT_S: Final = 10.0


class Api:
    """Reads one service."""

    def __init__(self, url: str, token: str) -> None:
        self._client = Client(url, token)

    def get(self, path: str) -> Any:
        """See `Client.call`."""
        return self._client.call("GET", path)

    def newest(self) -> int:
        """Number of the newest journal line."""
        return int(self.get(f"/journal?after={2**53 - 1}&limit=1")["seq"])

    def journal(self, after: int) -> list[dict[str, Any]]:
        """All lines after number `after`, oldest first."""
        lines: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/journal?after={after}&limit={PAGE_ROWS_MAX}")["items"]
            if not page:
                return lines
            lines += page
            after = page[-1]["seq"]

    def devices(self) -> dict[str, str]:
        """Device → compound."""
        found: dict[str, str] = {}
        cursor = ""
        while True:
            page = self.get(f"/devices?limit={PAGE_ROWS_MAX}{cursor}")
            found |= {row["id"]: str(_id(row.get("compound"))) for row in page["items"]}
            if page["cursor"] is None:
                return found
            cursor = f"&cursor={page['cursor']}"


def _id(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else value


class Ear:
    """Hears truths. The newest word about each counts; at most `SIM_TRUTHS_MAX` are kept, the oldest go first."""

    def __init__(self, broker: Broker) -> None:
        self.truths: dict[str, Truth] = {}
        self.behind_ms = 0
        """How far in the past the latest truth lay when its beginning was heard."""
        self._heard = threading.Event()
        self._why = "no answer"
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = lambda _client, _data, message: self.hear(message.payload, round(time.time() * 1000))
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password or None)
        if broker.tls:
            self._client.tls_set()
        self._broker = broker

    def start(self) -> None:
        """Raises `Unavailable` if the broker does not let us listen."""
        try:
            self._client.connect(self._broker.host, self._broker.port, 30)
        except OSError as error:
            raise Unavailable("score.broker", f"broker {self._broker.host}:{self._broker.port}: {error}") from error
        self._client.loop_start()
        if not self._heard.wait(CONNECT_S):
            self.stop()
            raise Unavailable("score.broker", f"broker {self._broker.host}:{self._broker.port}: {self._why}")

    def stop(self) -> None:
        """Stops listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def hear(self, payload: bytes | bytearray, now_ms: int) -> None:
        """Takes one message; what is no truth is somebody else's and is passed over."""
        try:
            truth = msgspec.json.decode(payload, type=Truth)
        except msgspec.MsgspecError:
            return
        if truth.to_ms is None:
            self.behind_ms = now_ms - truth.from_ms
        self.truths[truth.id] = truth
        while len(self.truths) > SIM_TRUTHS_MAX:
            del self.truths[next(iter(self.truths))]

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        del userdata, flags, properties
        if reason.is_failure:
            self._why = str(reason)
            return
        self._why = f"no answer to the wish to hear {TRUTH_TOPIC}"
        client.subscribe(TRUTH_TOPIC, qos=1)

    def _on_subscribe(self, client: mqtt.Client, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        del client, userdata, mid, properties
        if any(reason.is_failure for reason in reasons):
            self._why = f"this account may not hear {TRUTH_TOPIC}"
            return
        self._heard.set()


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def records_of(lines: Iterable[dict[str, Any]], *, by_event_time: bool) -> list[Record]:
    """The lives of alerts that the journal's `lines` tell of, for those raised within them."""
    records: dict[str, Record] = {}
    quiet: dict[str, set[str]] = {}
    for line in lines:
        event, kind = line["event"], line["kind"]
        at_ms = _ms(line["at"])
        if kind == "alert.raised":
            alert = event["alert"]
            told_ms = alert["onset_ms"] if by_event_time else at_ms
            record = records[alert["id"]] = Record(
                alert["id"], alert["rule"], alert["target"], alert["compound"], told_ms, alert["onset_ms"]
            )
            quiet[record.id] = {one["by"] for one in alert.get("suppressed", ())}
            device = alert.get("device") or record.target
            record.told.append(Told(told_ms, "raised", alert["severity"], bool(quiet[record.id]), device))
            record.severities.append((told_ms, alert["severity"]))
            record.states.append((told_ms, "unacked"))
            _ring(record, quiet, told_ms, alert["severity"])
            continue
        known = records.get(line["alert"] or "")
        if known is not None:
            _change(known, kind, event, at_ms, quiet, by_event_time=by_event_time)
    return list(records.values())


def _ring(record: Record, quiet: dict[str, set[str]], at_ms: int, severity: int) -> None:
    if not quiet[record.id]:
        record.rings.append((at_ms, severity))


def _change(  # noqa: C901 - one branch for each kind of line
    record: Record, kind: str, event: dict[str, Any], at_ms: int, quiet: dict[str, set[str]], *, by_event_time: bool
) -> None:
    severity = record.severities[-1][1]
    when_ms = event.get("at_ms", at_ms) if by_event_time else at_ms
    match kind:
        case "alert.reoccurred":
            again = record.states[-1][1].startswith("rtn")
            device = event.get("source") or record.told[-1].device
            how = "again" if again else "counted"
            record.told.append(Told(when_ms, how, event["severity"], bool(quiet[record.id]), device))
            if again:
                record.states.append((when_ms, "unacked"))
                record.severities.append((when_ms, event["severity"]))
                _ring(record, quiet, when_ms, event["severity"])
        case "alert.severity":
            record.severities.append((when_ms, event["severity"]))
            if event["severity"] < severity:
                _ring(record, quiet, when_ms, event["severity"])
        case "alert.returned":
            record.returned.append(when_ms)
            record.states.append((when_ms, "rtn_unacked"))
        case "alert.closed":
            record.states.append((at_ms, "closed"))
        case "alert.suppressed":
            quiet[record.id].add(event["suppression"]["by"])
        case "alert.unsuppressed":
            quiet[record.id].discard(event["by"])
            if record.states[-1][1] == "unacked":
                _ring(record, quiet, when_ms, severity)
        case "alert.acked":
            record.states.append((at_ms, "acked" if record.states[-1][1] == "unacked" else "rtn_latched"))


def heard_from(case: Case, begun_ms: int, *, by_event_time: bool) -> Case:
    """What began before we listened explains alerts, but owes none: they may have come before."""
    if by_event_time or case.from_ms >= begun_ms:
        return case
    may = [replace(claim, role="may") for claim in case.claims if claim.role != "must_not"]
    return replace(case, claims=may)


def listen(
    api: Api, broker: Broker, seconds: float, second: Callable[[float], None], say: Callable[[str], None]
) -> Part:
    """Listens for so long, and sums up what happened and what was raised meanwhile. Each compound is one desk."""
    devices = api.devices()
    ear = Ear(broker)
    ear.start()
    try:
        after, begun_ms = api.newest(), round(time.time() * 1000)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            second(min(1.0, left))
        lines = api.journal(after)
    finally:
        ear.stop()
    end_ms = round(time.time() * 1000)
    by_event_time = ear.behind_ms > BEHIND_MS
    if by_event_time:
        say(f"the simulator is {ear.behind_ms / 1000:.0f} s behind: delays are counted by event time")
    records = records_of(lines, by_event_time=by_event_time)
    if records and not ear.truths:
        say("no truth was heard: does a simulator publish at this broker, and may this account hear it?")
    cases = [
        heard_from(claims_of(truth, end_ms), begun_ms, by_event_time=by_event_time) for truth in ear.truths.values()
    ]
    happened = [(case.id, case.what, case.life_safety) for case in cases if by_event_time or case.from_ms >= begun_ms]
    desks = {compound: compound for compound in devices.values()}
    found = match(cases, records, end_ms)
    return part_of(records, found, happened, desks, len(devices), (begun_ms, end_ms), "live")
