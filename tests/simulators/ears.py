"""A subscriber on another connection that remembers what it hears."""

import json
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


class Ears:
    def __init__(self, port, topic="anju/#"):
        self.heard = []
        self.states = {}
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"ears-{id(self)}", clean_session=False)
        self.client.on_message = self._hear
        self.client.on_connect = lambda *_: self.client.subscribe(topic, qos=1)
        self.ready = False
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.until(lambda: self.ready, "subscribed")

    def _hear(self, client, userdata, packet):
        self.heard.append(packet)
        if packet.topic.endswith("/state"):
            self.states[packet.topic.split("/")[4]] = json.loads(packet.payload)["online"]

    def until(self, condition, what, seconds=15.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not {what} within {seconds} s"
            time.sleep(0.02)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
