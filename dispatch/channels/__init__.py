"""The one table of notification channels, one file each."""

from typing import Final

from dispatch.channels.mqtt import MqttChannel

__all__ = ["KINDS"]

KINDS: Final = (MqttChannel,)
