"""Who keeps whom from ringing, and why. Beside the life of an alert, never part of it: a suppressed alert is open.

Five reasons: ``shelved`` (a person, for a while), ``maintenance`` (work declared at a place), ``inhibited`` (a silent
gateway explains the silence behind it), ``superseded`` (another alert rings for the same event: `alerts.superseding`)
and ``flapping`` (a sensor that cannot make up its mind). A life-safety alert is never inhibited nor muted for flapping,
and superseded only by another one that rings; shelving, maintenance and calling it not real while its condition holds
need a second person by name. So it is with any alert while it stands at severity 1, which cannot be shelved at all.
"""

from collections.abc import Iterable

from msgspec import Struct

from alerts.alert import Alert, Suppression
from alerts.events import MaintenanceDeclared
from alerts.inputs import DeclareMaintenance, Resolve, Shelve
from alerts.rules.base import RuleInfo
from domain.errors import Conflict, Invalid, NotFound, Rejected
from domain.limits import (
    FLAP_TRANSITIONS,
    FLAP_WINDOW_MS,
    INHIBITION_GRACE_MS_MIN,
    LIVENESS_OVERDUE_PERIODS,
    MAINTENANCE_MS_MAX,
    MAINTENANCE_WINDOWS_MAX,
    NOTE_CHARS_MAX,
    SHELVE_MS_MAX,
)
from domain.registry import Registry

__all__ = [
    "Flap",
    "check_dismissal",
    "check_maintenance",
    "check_shelve",
    "covers",
    "grace_ms",
    "in_drill",
    "is_second_person",
    "maintenance_for",
]


class Flap(Struct, frozen=True, gc=False):
    """The latest raises and returns a rule reported for one slot, whether or not they had an effect."""

    last: str = ""
    """``breach`` or ``return``: a change of level is not a transition."""
    times: tuple[int, ...] = ()
    """Event times, oldest first; at most `FLAP_TRANSITIONS`."""

    def after(self, what: str, at_ms: int) -> "Flap":
        """With one more finding taken into account."""
        if what in (self.last, "again") or (what == "return" and not self.last):
            return self
        newest = max(at_ms, self.times[-1]) if self.times else at_ms
        return Flap(what, (*self.times, newest)[-FLAP_TRANSITIONS:])

    @property
    def flapping(self) -> bool:
        """True when the latest `FLAP_TRANSITIONS` fall within `FLAP_WINDOW_MS`."""
        return len(self.times) == FLAP_TRANSITIONS and self.times[-1] - self.times[0] <= FLAP_WINDOW_MS

    def calm(self, now_ms: int) -> bool:
        """True when nothing moved for `FLAP_WINDOW_MS`."""
        return not self.times or now_ms - self.times[-1] > FLAP_WINDOW_MS


def is_second_person(second: str | None, actor: str) -> bool:
    """True when `second` names a person other than `actor`."""
    return bool(second and second.strip()) and (second or "").strip().casefold() != actor.strip().casefold()


def check_shelve(alert: Alert, wish: Shelve, now_ms: int) -> Suppression:
    """The suppression that `wish` asks for. Raises `Rejected` when it may not be."""
    if alert.severity == 1:
        raise Rejected("alert.critical_not_shelvable", "an alert of severity 1 cannot be shelved", id=alert.id)
    _check_reason(wish.reason)
    if wish.until_ms <= now_ms:
        raise Invalid("shelve.in_the_past", "shelving must end in the future", until_ms=wish.until_ms)
    if wish.until_ms - now_ms > SHELVE_MS_MAX:
        hours = SHELVE_MS_MAX // 3_600_000
        raise Invalid("shelve.too_long", f"shelving may last {hours} h at most", hours=hours, until_ms=wish.until_ms)
    if alert.life_safety and not is_second_person(wish.second, wish.actor):
        raise Rejected(
            "alert.second_person_required", "shelving a life-safety alert needs a second person", id=alert.id
        )
    return Suppression("shelved", wish.reason.strip(), wish.until_ms, wish.actor, wish.second)


def check_dismissal(alert: Alert, wish: Resolve) -> None:
    """Raises `Rejected` when one person would silence a vital alert: it would be quiet while its condition holds."""
    if alert.vital and not is_second_person(wish.second, wish.actor):
        raise Rejected(
            "alert.second_person_required",
            "ending an alert of severity 1 or of life safety whose condition holds needs a second person",
            id=alert.id,
        )


def check_maintenance(
    wish: DeclareMaintenance, windows: dict[str, MaintenanceDeclared], registry: Registry, rules: dict[str, RuleInfo],
    now_ms: int,
) -> MaintenanceDeclared:  # fmt: skip
    """The window that `wish` asks for. Raises `Rejected` or `Conflict` when it may not be."""
    _check_reason(wish.reason)
    if wish.target not in registry.devices and wish.target not in registry.places:
        raise NotFound("maintenance.target_unknown", f"no device or place {wish.target!r}", target=wish.target)
    if wish.until_ms <= max(wish.from_ms, now_ms):
        raise Invalid("maintenance.in_the_past", "the window must end after its beginning and after now")
    if wish.until_ms - wish.from_ms > MAINTENANCE_MS_MAX:
        days = MAINTENANCE_MS_MAX // 86_400_000
        raise Invalid("maintenance.too_long", f"a window may last {days} days at most", days=days)
    for rule in wish.rules:
        if rule not in rules:
            raise NotFound("rule.unknown", f"no rule {rule!r}", rule=rule)
        if wish.purpose == "maintenance" and rules[rule].life_safety and not is_second_person(wish.second, wish.actor):
            raise Rejected(
                "maintenance.second_person_required", f"muting the life-safety rule {rule} needs a second person",
                rule=rule,
            )  # fmt: skip
    if wish.window in windows:
        raise Conflict("maintenance.exists", f"window {wish.window!r} is open already", window=wish.window)
    if len(windows) >= MAINTENANCE_WINDOWS_MAX:
        raise Rejected("maintenance.too_many", "too many maintenance windows are open", open=len(windows))
    return MaintenanceDeclared(
        window=wish.window, target=wish.target, from_ms=wish.from_ms, until_ms=wish.until_ms,
        reason=wish.reason.strip(), rules=wish.rules, second=wish.second, actor=wish.actor,
        purpose=wish.purpose,
    )  # fmt: skip


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("reason.required", "a reason is required")
    if len(reason) > NOTE_CHARS_MAX:
        raise Invalid("reason.too_long", f"a reason has {NOTE_CHARS_MAX} characters at most", chars=NOTE_CHARS_MAX)


def covers(window: MaintenanceDeclared, alert: Alert, registry: Registry, now_ms: int) -> bool:
    """True when `window` mutes `alert` now: see `_concerns`, and never a drill."""
    if window.purpose != "maintenance":
        return False
    if alert.vital and not (window.rules and is_second_person(window.second, window.actor)):
        return False
    return _concerns(window, alert, registry, now_ms)


def in_drill(alert: Alert, windows: Iterable[MaintenanceDeclared], registry: Registry, now_ms: int) -> bool:
    """True when a drill is being held that concerns `alert`."""
    return any(one.purpose == "drill" and _concerns(one, alert, registry, now_ms) for one in windows)


def _concerns(window: MaintenanceDeclared, alert: Alert, registry: Registry, now_ms: int) -> bool:
    """True for what happens in time, at the window's device or a place at or below its own, and by its rules."""
    if not window.from_ms <= now_ms < window.until_ms:
        return False
    if window.rules and alert.rule not in window.rules:
        return False
    return window.target in (alert.device, alert.target) or any(
        place.id == window.target for place in registry.above(alert.place)
    )


def maintenance_for(
    alert: Alert, windows: Iterable[MaintenanceDeclared], registry: Registry, now_ms: int
) -> Suppression | None:
    """The suppression by maintenance that `alert` is due; of several windows the one that ends last."""
    found = [window for window in windows if covers(window, alert, registry, now_ms)]
    if not found:
        return None
    window = max(found, key=lambda one: (one.until_ms, one.window))
    return Suppression(
        "maintenance", window.reason, window.until_ms, window.actor or None, window.second, ref=window.window
    )


def grace_ms(period_ms: int) -> int:
    """How long a device may stay silent after its gateway came back before its own alert rings."""
    return max(INHIBITION_GRACE_MS_MIN, round(period_ms * LIVENESS_OVERDUE_PERIODS))
