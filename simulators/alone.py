"""One simulator at one broker: two of them would both speak for the same devices, each against the other."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Final

from domain.errors import Conflict
from simulators.broker import Broker

__all__ = ["alone"]

SUPPORTED: Final = sys.platform == "linux"


@contextlib.contextmanager
def alone(broker: Broker, *, beside: bool = False) -> Iterator[None]:
    """Keeps other simulators away from `broker` until the block, or the process, ends.

    Raises `Conflict` where one plays already, unless `beside` says that this is wanted. Simulators know of each other
    by names that the kernel holds for living processes (abstract sockets), so a killed one leaves nothing behind; those
    on other machines and in other containers go unnoticed.
    """
    with contextlib.ExitStack() as held:
        for name in _names(broker) if SUPPORTED else ():
            claim = held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            try:
                claim.bind(name)
            except OSError as error:
                if not beside:
                    raise _taken(broker) from error
        yield


def _names(broker: Broker) -> list[str]:
    """One for each address of the broker, so that ``localhost`` and ``127.0.0.1`` are the same."""
    try:
        found = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    except OSError:
        return []  # connecting will say what is wrong with the address
    return sorted({f"\0anju-simulate/{address[0]}/{broker.port}" for *_, address in found})


def _taken(broker: Broker) -> Conflict:
    where = f"{broker.host}:{broker.port}"
    return Conflict(
        "simulate.taken",
        f"another simulator plays at {where} (perhaps that of anju up --demo): two would contradict each other about "
        "the same devices. Stop it, or play in a folder of its own: anju up --demo --data data/try --incident NAME; "
        "with --beside this one starts all the same",
        broker=where,
    )
