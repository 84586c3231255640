"""What the incidents of fire control share: where they happen, and what alarms in a zone mean."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from simulators.blaze import Blaze
from simulators.devices.base import Model
from simulators.devices.fire_alarm import Button, Detector
from simulators.incidents.base import Chronicle, Incident, Site, owe
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = [
    "HEARD_S",
    "FireIncident",
    "alone",
    "burn",
    "clear_up",
    "first_where",
    "free_mates",
    "number",
    "owe_for_alarms",
]

HEARD_S = 10.0
"""What tells at once must be an alert within this time."""
STEP_S = 1.0
CALM_MS = 360_000
"""Alarms further apart than that are two stories."""


def number(params: Mapping[str, Any], name: str) -> float:
    """The parameter `name`."""
    return float(params[name])


class FireIncident(Incident):
    """Something that happens to one fire device of certain types, while it is heard and nothing else goes on there."""

    stoppable: ClassVar[bool] = True
    types: ClassVar[tuple[str, ...]] = ()

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return model.device.type in self.types and model.busy is None and site.online(model) and alone(site, model)

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self.course(site, model, chronicle))

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """All that happens, from `chronicle.begin` to `chronicle.end`."""
        raise NotImplementedError


def alone(site: Site, model: Model) -> bool:
    """True while nothing goes on in the alarm zone of `model`, nor did just now: two things there confirm a fire."""
    since_ms = site.kernel.now_ms - CALM_MS
    return all(
        one.busy is None and not (isinstance(one, Detector | Button) and one.alarmed_ms > since_ms)
        for one in site.in_zone(model)
    )


def free_mates(site: Site, model: Model, *kinds: str) -> list[Model]:
    """Devices of these types in the same alarm zone that nothing else happens to."""
    mates = (mate for kind in kinds for mate in site.zone_mates(model, kind))
    return [mate for mate in mates if mate.busy is None and site.online(mate)]


def first_where(told: Iterable[tuple[float, bool]], holds_s: float) -> float | None:
    """The first of the instants from which on all are true for `holds_s`; None where there is none such."""
    since: float | None = None
    for at_s, true in told:
        since = (at_s if since is None else since) if true else None
        if since is not None and at_s - since >= holds_s:
            return since
    return None


def owe_for_alarms(truth: Truth, alarms: Iterable[tuple[Model, float | None]]) -> None:
    """Writes what is owed for devices that alarm so many seconds after the beginning (None: that perhaps will).

    The first is to be told, and every zone in which two devices alarm is to be confirmed as a fire. All others may be
    told, or stand behind the confirmed fire.
    """
    zones: dict[str, list[float]] = {}
    told = False
    for model, after_s in alarms:
        rule = "FC-01" if isinstance(model, Detector) else "FC-03"
        if after_s is None:
            truth.may_raise.append(Expectation(rule, model.device.id))
            if model.device.zone is not None:
                truth.may_raise.append(Expectation("FC-02", model.device.zone))
            continue
        if told and rule == "FC-01":
            truth.may_raise.append(Expectation(rule, model.device.id))
        else:
            truth.must_raise.append(owe(rule, model.device.id, after_s + HEARD_S))
        told = True
        if model.device.zone is not None:
            zones.setdefault(model.device.zone, []).append(after_s)
    if sum(map(len, zones.values())) > 1:
        # A van that stops in the lane for a minute is in the way once there is a fire.
        truth.may_raise.append(Expectation("FC-19F", truth.compound))
    for zone, times in zones.items():
        if len(times) > 1:
            truth.must_raise.append(owe("FC-02", zone, sorted(times)[1] + HEARD_S, 1))


def burn(blaze: Blaze, detectors: list[Detector], chronicle: Chronicle, lasts_s: float) -> Script:
    """Lets it burn for `lasts_s`, or until it is stopped; every detector feels what is in its room."""
    gone = 0.0
    while gone < lasts_s and not chronicle.stopped:
        yield from chronicle.lasting(STEP_S)
        gone += STEP_S
        _feel(blaze, detectors, STEP_S)


def clear_up(site: Site, blaze: Blaze, detectors: list[Detector]) -> Script:
    """It is put out, windows are opened; when the air is clean somebody resets the panel."""
    blaze.put_out()
    blaze.ventilate()
    gone = 0.0
    while gone < 1800 and any(one.fire and not _clean(one) for one in detectors):
        yield 5.0
        gone += 5.0
        for _ in range(5):
            _feel(blaze, detectors, STEP_S)
    panel = site.panel(detectors[0])
    if panel is not None:
        panel.tell("reset", "gb26875", "4/b0")
    for detector in detectors:
        detector.clear()


def _feel(blaze: Blaze, detectors: list[Detector], elapsed_s: float) -> None:
    blaze.step(elapsed_s)
    for room, detector in enumerate(detectors):
        detector.breathe(blaze.smoke_pct(room), blaze.warm_c[room], elapsed_s)


def _clean(detector: Detector) -> bool:
    chamber = detector.chamber
    smoky = chamber.alarm_pct is not None and chamber.dust_pct + chamber.smoke_pct > 0.6 * chamber.alarm_pct
    return not smoky and chamber.warm_c < 8
