"""Plain counters of everything that happened at the door. One thread writes; readers may see a value a moment old."""

from ingest.outcomes import Outcome

__all__ = ["Counters"]


class Counters:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self.outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        """Readings (or packets, where none could be read) by outcome; marks count beside `accepted`."""
        self.packets = 0
        """PUBLISH packets taken from the broker, redelivered ones included."""
        self.bytes = 0
        """Payload bytes of those packets."""
        self.redelivered = 0
        """Packets the broker sent again on one connection while they were still being worked on."""
        self.acked = 0
        """Packets acknowledged."""
        self.rejected = 0
        """Packets, or single readings of one, that were refused whole."""
        self.batches = 0
        """Batches answered as durable."""
        self.batch_retries = 0
        """Times a batch was handed in again because the station was unavailable."""
        self.held = 0
        """Packets held back for order after a reconnect."""
        self.connects = 0
        """Sessions established."""
        self.pauses = 0
        """Times reading from the broker stopped because too much was unanswered."""

    def add(self, outcome: Outcome, count: int = 1) -> None:
        """Counts `count` times `outcome`."""
        self.outcomes[outcome] += count
