"""Alerts and work orders out on MQTT, QoS 1: ``anju/v1/{compound}/alerts/{alert}`` and ``…/orders/{order}``."""

import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.intents import Notify
from dispatch.channels.base import Settled
from domain.errors import Unavailable
from domain.limits import OUTBOX_CLAIM_MAX

__all__ = ["MqttChannel"]

TOPIC: Final = "anju/v1/{compound}/{what}/{id}"
"""`what` is ``alerts`` or ``orders``."""


class MqttChannel:
    """Publishes alert changes. Delivered means: the broker has confirmed it (PUBACK)."""

    name = "mqtt"

    def __init__(
        self, connect: Callable[[paho.Client], None], settled: Settled, client_id: str = "anju-alerts"
    ) -> None:
        """`connect` gives a fresh client its credentials and TLS and calls `connect_async`."""
        self._settled = settled
        self._waiting: dict[int, str | None] = {}
        self._confirmed_early: set[int] = set()
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True)
        self._client.max_inflight_messages_set(OUTBOX_CLAIM_MAX)
        # The client repeats what was not confirmed when the line comes back; the outbox's lease covers our own death.
        self._client.max_queued_messages_set(2 * OUTBOX_CLAIM_MAX)
        self._client.reconnect_delay_set(1, 10)
        self._client.on_publish = self._on_publish
        self._connect = connect

    def start(self) -> None:
        """Connects in the background and keeps connecting."""
        self._connect(self._client)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnects."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def ready(self) -> bool:
        """True while connected."""
        return self._client.is_connected()

    def send(self, intent: Notify) -> None:
        """See `Channel.send`."""
        if not self._client.is_connected():
            raise Unavailable("mqtt.disconnected", "not connected to the broker")
        topic = TOPIC.format(compound=intent.body["compound"]["id"], what=f"{intent.about}s", id=intent.alert_id)
        info = self._client.publish(topic, msgspec.json.encode(intent.body), qos=1)
        sent = info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS
        with self._lock:
            # The confirmation may overtake us: it comes on the client's own thread, under a lock that `publish` takes
            # too. So ours cannot be held around both.
            early = info.mid in self._confirmed_early
            if early:
                self._confirmed_early.discard(info.mid)
            elif sent:
                self._waiting[info.mid] = intent.key
            elif info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                # What could not be sent paho keeps, and sends later: its confirmation is then nobody's. Only what finds
                # its queue full it does not keep; its number may be that of a message that still waits.
                self._waiting[info.mid] = None
        if not sent:
            raise Unavailable("mqtt.publish", paho.error_string(info.rc))
        if early:
            self._settled(intent.key, None)

    def _on_publish(
        self, _client: paho.Client, _userdata: Any, mid: int, _reason: ReasonCode, _properties: Properties
    ) -> None:
        with self._lock:
            known = mid in self._waiting
            key = self._waiting.pop(mid, None)
            if not known:
                self._confirmed_early.add(mid)
        if key is not None:
            self._settled(key, None)
