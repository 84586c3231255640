"""What a channel must offer the courier."""

from collections.abc import Callable
from typing import Protocol

from alerts.intents import Notify

__all__ = ["Channel", "Settled"]

Settled = Callable[[str, str | None], None]
"""Called with an intent's key and None when it was delivered, or the error. From any thread."""


class Channel(Protocol):
    """Carries intents of one kind to the world."""

    @property
    def name(self) -> str:
        """The `Notify.channel` it answers for."""

    @property
    def ready(self) -> bool:
        """False while nothing can be handed over; work then waits in the outbox without counting as failed."""

    def send(self, intent: Notify) -> None:
        """Hands the intent over; the outcome comes later through the `Settled` callback given at construction.

        Raises `Unavailable` when it cannot even be handed over now.
        """

    def start(self) -> None:
        """Connects."""

    def stop(self) -> None:
        """Ends; what was not settled is claimed again after the lease."""
