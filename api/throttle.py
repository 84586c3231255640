"""Guessing passwords costs time; guessing somebody else's must not cost that person theirs."""

import ipaddress
from collections import OrderedDict
from typing import Final

from api.errors import TooManyRequests
from domain.limits import (
    REFUSALS_PER_MINUTE_MAX,
    SIGN_IN_FAILURES_MAX,
    SIGN_IN_NAME_FAILURES_MAX,
    SIGN_IN_SLOW_MS,
    SIGN_IN_SUSPECTS_MAX,
    SIGN_IN_TRUST_MS,
    SIGN_IN_WINDOW_MS,
)

__all__ = ["Refusals", "Throttle"]


class Throttle:
    """Counts failed sign-ins within `SIGN_IN_WINDOW_MS`, three ways.

    A name at an address, and an address by itself, must wait after `SIGN_IN_FAILURES_MAX`. A name from anywhere is only
    slowed down after `SIGN_IN_NAME_FAILURES_MAX`. What others did, at the same address or elsewhere, is never held
    against a name at an address where its password was right within `SIGN_IN_TRUST_MS`: otherwise anybody who reaches
    the sign-in page could keep the control room out. All is in memory and bounded; the oldest is forgotten first.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[int]] = OrderedDict()
        self._known: OrderedDict[str, int] = OrderedDict()

    def check(self, name: str, address: str, now_ms: int) -> None:
        """Raises `TooManyRequests` when `name` may not be tried from `address` now."""
        place = _network(address)
        pair = _pair(name, place)
        self._hard(pair, now_ms)
        if self._known.get(pair, now_ms - SIGN_IN_TRUST_MS) > now_ms - SIGN_IN_TRUST_MS:
            return
        self._hard(_address(place), now_ms)
        recent = self._recent(_name(name), now_ms)
        if len(recent) >= SIGN_IN_NAME_FAILURES_MAX and recent[-1] > now_ms - SIGN_IN_SLOW_MS:
            _refuse(recent[-1] + SIGN_IN_SLOW_MS - now_ms)

    def failed(self, name: str, address: str, now_ms: int) -> None:
        """Remembers a failure."""
        place = _network(address)
        keys = ((_pair(name, place), SIGN_IN_FAILURES_MAX), (_address(place), SIGN_IN_FAILURES_MAX))
        for key, kept in (*keys, (_name(name), SIGN_IN_NAME_FAILURES_MAX)):
            self._failures[key] = [*self._recent(key, now_ms), now_ms][-kept:]
            self._failures.move_to_end(key)
        while len(self._failures) > SIGN_IN_SUSPECTS_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str, now_ms: int) -> None:
        """A right password clears what was held against this name at this address, and makes the two known."""
        pair = _pair(name, _network(address))
        self._failures.pop(pair, None)
        self._known[pair] = now_ms
        self._known.move_to_end(pair)
        while len(self._known) > SIGN_IN_SUSPECTS_MAX:
            self._known.popitem(last=False)

    def _hard(self, key: str, now_ms: int) -> None:
        recent = self._recent(key, now_ms)
        if len(recent) >= SIGN_IN_FAILURES_MAX:
            _refuse(recent[0] + SIGN_IN_WINDOW_MS - now_ms)

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at for at in self._failures.get(key, ()) if at > now_ms - SIGN_IN_WINDOW_MS]


def _refuse(wait_ms: int) -> None:
    wait_s = max(1, -(-wait_ms // 1_000))
    raise TooManyRequests(
        "session.throttled", f"too many failed sign-ins; try again in {wait_s} s", retry_after_s=wait_s
    )


def _network(address: str) -> str:
    """An IPv6 subscriber has a whole /64 to guess from; anything that is no address is taken as it is."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 6 and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found if found.version == 4 else found.ipv4_mapped)


def _pair(name: str, place: str) -> str:
    return f"pair:{place} {name}"


def _address(place: str) -> str:
    return f"address:{place}"


def _name(name: str) -> str:
    return f"name:{name}"


class Refusals:
    """Counts what people were refused in the last minute: every refusal is journalled, so there is a limit to them."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, list[int]] = OrderedDict()

    def another(self, name: str, now_ms: int) -> None:
        """Counts one. Raises `TooManyRequests`, and does not count, beyond `REFUSALS_PER_MINUTE_MAX`."""
        recent = [at for at in self._at.get(name, ()) if now_ms - MINUTE_MS < at <= now_ms]
        if len(recent) >= REFUSALS_PER_MINUTE_MAX:
            wait_s = -(-(recent[0] + MINUTE_MS - now_ms) // 1_000)
            raise TooManyRequests(
                "access.throttled", f"refused too often; try again in {wait_s} s", retry_after_s=wait_s
            )
        self._at[name] = [*recent, now_ms]
        self._at.move_to_end(name)
        while len(self._at) > SIGN_IN_SUSPECTS_MAX:
            self._at.popitem(last=False)


MINUTE_MS: Final = 60_000
