"""Reads the conditions of one rule: looks up kinds, signals, events and parameters, and checks ranges."""

from typing import Final

from alerts.rules.base import Param
from alerts.rules.kinds import COMMON, KINDS, Condition, ConditionKind
from alerts.rules.kinds.base import Operand
from alerts.rules.kinds.boolean import Hold, OnlyTypes
from alerts.rules.nodes import Mapping, Node, Scalar, kind_of
from alerts.rules.reader import Reader, number_text
from domain.kinds import DeviceKind, Signal
from domain.limits import CONDITIONS_PER_RULE_MAX

__all__ = ["DEVICE_TYPES", "RuleContext"]

DEVICE_TYPES: Final = (
    "lift", "smoke", "heat", "flame", "gas", "manual_call_point", "hydrant_button", "panel", "uitd", "pump",
    "flow_switch", "pressure_switch", "hydrant_pressure", "sprinkler_pressure", "tank", "residual_current",
    "cable_temp", "pump_room", "lane_camera", "fire_door", "port", "shed", "cabinet", "zone_camera", "station",
    "gateway",
)  # fmt: skip
"""Device types a rule may name; see `domain.devices.Device.type`."""

_COMMON: Final = tuple(item.name for item in COMMON)


class RuleContext:
    """See `alerts.rules.kinds.base.Context`."""

    def __init__(self, reader: Reader, device_kind: DeviceKind, params: dict[str, Param]) -> None:
        self.reader = reader
        self.device_kind = device_kind
        self.params = params
        self.used: dict[str, list[Signal]] = {}
        """Parameter → signals compared with it; an empty list for one used otherwise."""
        self.durations: set[str] = set()
        self._count = 0

    def condition(self, node: Node, what: str) -> Condition | None:
        """Reads one condition, with its common keys."""
        self._count += 1
        if self._count == CONDITIONS_PER_RULE_MAX + 1:
            self.reader.error(
                node, f"the rule has more than {CONDITIONS_PER_RULE_MAX} conditions", "split it into rules"
            )
        if self._count > CONDITIONS_PER_RULE_MAX:
            return None
        kind = self._kind(node, what)
        if kind is None or not isinstance(node, Mapping):
            return None
        outer = kind.marks[0] if len(kind.marks) == 1 and kind.marks[0] not in {f.name for f in kind.fields} else None
        known = (outer,) if outer is not None else tuple(item.name for item in kind.fields)
        entries = self.reader.mapping(node, f"the {kind.name} condition", (*known, *_COMMON))
        if entries is None or not any(mark in entries for mark in kind.marks):
            return None
        hold = self.seconds(entries.pop("for"), "for") if "for" in entries else None
        types = entries.pop("types", None)
        found = kind.read(self, entries, node.line)
        if found is not None and types is not None:
            only = self.reader.choices(types, "types", DEVICE_TYPES)
            found = OnlyTypes(line=node.line, part=found, only=only)
        return found if hold is None or found is None else Hold(line=node.line, part=found, hold=hold)

    def _kind(self, node: Node, what: str) -> ConditionKind | None:
        marks = [mark for kind in KINDS for mark in kind.marks]
        if not isinstance(node, Mapping):
            self.reader.error(node, f"{what} is {kind_of(node)}", f"write a map with one of: {', '.join(marks)}")
            return None
        keys = {key.value for key, _ in node.entries}
        found = [kind for kind in KINDS if keys & set(kind.marks)]
        if found and found[0].name == "rate" and len(found) > 1:  # a rate speaks of a signal too
            found = [kind for kind in found if kind.name != "threshold"]
        if len(found) == 1:
            return found[0]
        if found:
            names = " and ".join(kind.name for kind in found)
            self.reader.error(
                node, f"{what} is {names} at once", "write them as items of a list under `all:` or `any:`"
            )
            return None
        wrong = next(
            (key.value for key, _ in node.entries if isinstance(key.value, str) and key.value not in _COMMON), ""
        )
        self.reader.error(node, f"{what} has no known kind (found {wrong!r})", self.reader.instead(str(wrong), marks))
        return None

    def signal(self, node: Node) -> Signal | None:
        """Reads a signal of the device kind."""
        name = self.reader.text(node, "signal")
        if name is None:
            return None
        signals = self.device_kind.signals
        if name not in signals:
            self.reader.error(
                node,
                f"{self.device_kind.name} devices have no signal {name!r}",
                self.reader.instead(name, list(signals)),
            )
            return None
        return signals[name]

    def events(self, node: Node, what: str) -> tuple[str, ...]:
        """Reads event kinds of the device kind."""
        known = list(self.device_kind.events)
        found = self.reader.texts(node, what)
        for name in found:
            if name not in known:
                self.reader.error(
                    node, f"{self.device_kind.name} devices have no event {name!r}", self.reader.instead(name, known)
                )
        return tuple(name for name in found if name in known)

    def operand(self, node: Node, what: str, signal: Signal | None = None) -> Operand | None:
        """Reads a number, a parameter, or (beside a signal) a fact about the device."""
        if isinstance(node, Mapping):
            return self._fact(node, what, signal)
        name = self._reference(node)
        if name is not None:
            return self._param(node, name, signal)
        value = self.reader.number(node, what)
        if value is None or (signal is not None and not self._plausible(node, what, value, signal)):
            return None
        return Operand(constant=value)

    def seconds(self, node: Node, what: str, low: float = 0) -> Operand | None:
        """Reads a duration or a parameter that is one."""
        name = self._reference(node)
        if name is not None:
            self.durations.add(name)
            return self._param(node, name, None)
        value = self.reader.seconds(node, what, low)
        return None if value is None else Operand(constant=value)

    def _fact(self, node: Mapping, what: str, signal: Signal | None) -> Operand | None:
        if signal is None:
            self.reader.error(
                node, f"{what} is a map", "write a number or $parameter; facts serve as limits of signals"
            )
            return None
        found = self.reader.mapping(node, what, ("attr", "times"), ("attr",))
        if found is None or "attr" not in found:
            return None
        attr = self.reader.text(found["attr"], "attr")
        times = self.operand(found["times"], "times") if "times" in found else None
        return None if attr is None else Operand(attr=attr, times=times)

    def _reference(self, node: Node) -> str | None:
        value = node.value if isinstance(node, Scalar) else None
        return value[1:] if isinstance(value, str) and value.startswith("$") else None

    def _param(self, node: Node, name: str, signal: Signal | None) -> Operand | None:
        if name not in self.params:
            self.reader.error(node, f"there is no parameter {name!r}", self.reader.instead(name, list(self.params)))
            return None
        uses = self.used.setdefault(name, [])
        if signal is not None:
            self._plausible(node, f"the default of {name}", self.params[name].default, signal)
            uses.append(signal)
        return Operand(param=name)

    def _plausible(self, node: Node, what: str, value: float, signal: Signal) -> bool:
        low, high = signal.low, signal.high
        if (low is None or value >= low) and (high is None or value <= high):
            return True
        span = f"{number_text(low or 0)} to {number_text(high or 0)}{' ' + signal.unit if signal.unit else ''}"
        text = f"{what} is {number_text(value)}, outside what {signal.name} can measure"
        self.reader.error(node, text, f"write a value from {span}")
        return False
