"""All rules in force, compiled for each device with its overrides."""

import difflib
import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from alerts.rules.base import CompiledRule, Param, RuleInfo
from alerts.rules.compiled import Compiled
from alerts.rules.reader import number_text, seconds_of
from alerts.rules.spec import Pack, RuleSpec
from domain.devices import Device
from domain.kinds import KINDS
from domain.limits import RULES_CACHED_MAX

__all__ = ["Book"]


class Book:
    """See `alerts.rules.base.Rulebook`. Never changed after construction; a reload makes a new one."""

    def __init__(self, packs: Iterable[Pack], digest: str | None = None) -> None:
        self.packs = tuple(packs)
        self.specs = {spec.info.id: spec for pack in self.packs for spec in pack.rules}
        self._rules = {rule_id: spec.info for rule_id, spec in self.specs.items()}
        self._cards = {card: body for pack in self.packs for card, body in pack.cards.items()}
        told = [(replace(s.info, file=""), s.levels, s.clear, s.params) for s in self.specs.values()]
        said = repr((sorted((pack.name, pack.version) for pack in self.packs), told, sorted(self._cards.items())))
        self._digest = digest or hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
        self._by_kind = {kind: [s for s in self.specs.values() if s.info.kind == kind] for kind in KINDS}
        self._attrs = {kind: sorted({a for s in specs for a in s.attrs}) for kind, specs in self._by_kind.items()}
        self._sets: dict[object, tuple[CompiledRule, ...]] = {}
        self._one: dict[object, Compiled] = {}

    @property
    def rules(self) -> dict[str, RuleInfo]:
        """By rule id."""
        return self._rules

    @property
    def cards(self) -> dict[str, dict[str, Any]]:
        """Response cards by id: ``{"title": {"zh", "en"}, "steps": {"zh": […], "en": […]}, "edition"}``."""
        return self._cards

    @property
    def digest(self) -> str:
        """Changes when any rule or card does."""
        return self._digest

    def for_device(self, device: Device, compound_overrides: dict[str, dict[str, Any]]) -> tuple[CompiledRule, ...]:
        """See `Rulebook.for_device`. Overrides that make no sense are passed over; `override_problems` names them."""
        period_s = device.period_s or KINDS[device.kind].period_s
        key = (
            device.kind, device.type, period_s,
            tuple((name, repr(device.attrs.get(name))) for name in self._attrs[device.kind]),
            _frozen(device.overrides), device.id if device.overrides else "",
            _frozen(compound_overrides), device.compound if compound_overrides else "",
        )  # fmt: skip
        found = self._sets.get(key)
        if found is None:
            found = tuple(
                self._compiled(spec, device, compound_overrides, period_s)
                for spec in self._by_kind[device.kind]
                if not spec.info.types or device.type in spec.info.types
            )
            if len(self._sets) >= RULES_CACHED_MAX:
                self._sets.clear()
            self._sets[key] = found
        return found

    def override_problems(self, overrides: Mapping[str, Any]) -> list[str]:
        """What is wrong with a device's or compound's overrides; such entries would have no effect."""
        problems = []
        for rule_id, wanted in overrides.items():
            spec = self.specs.get(rule_id)
            if spec is None:
                near = difflib.get_close_matches(rule_id, self.specs, 1, 0.6)
                advice = f" (did you mean {near[0]}?)" if near else ""
                problems.append(f"there is no rule {rule_id!r}{advice}")
            elif not isinstance(wanted, Mapping):
                problems.append(f"{rule_id}: an override is parameters and values, like {{warn: 65}}")
            else:
                found = [_value(spec, name, value) for name, value in wanted.items()]
                problems += [f"{rule_id}: {text}" for text in found if isinstance(text, str)]
        return problems

    def _compiled(
        self, spec: RuleSpec, device: Device, compound_overrides: Mapping[str, Any], period_s: float
    ) -> Compiled:
        params = {name: param.default for name, param in spec.params.items()}
        provenance: dict[str, str] = {}
        layers = ((compound_overrides, f"compound:{device.compound}"), (device.overrides, f"device:{device.id}"))
        for overrides, where in layers:
            wanted = overrides.get(spec.info.id)
            for name, raw in wanted.items() if isinstance(wanted, Mapping) else ():
                value = _value(spec, name, raw)
                if not isinstance(value, str):
                    params[name] = value
                    provenance[name] = where
        attrs = {name: device.attrs.get(name) for name in spec.attrs}
        key = (
            spec.info.id, device.type, period_s, tuple(params.items()), tuple(provenance.items()), repr(attrs),
        )  # fmt: skip
        made = self._one.get(key)
        if made is None:
            if len(self._one) >= RULES_CACHED_MAX:
                self._one.clear()
            made = Compiled(spec, params, provenance, attrs, device.type, period_s)
            self._one[key] = made
        return made


def _value(spec: RuleSpec, name: str, value: Any) -> float | str:
    """The number an override asks for, or what is wrong with it."""
    param: Param | None = spec.params.get(name)
    if param is None:
        known = ", ".join(spec.params) or "none"
        return f"there is no parameter {name!r} (overridable: {known})"
    number = seconds_of(value)
    if number is None or not math.isfinite(number):
        return f"{name} must be a number{f' of {param.unit}' if param.unit else ''}, not {value!r}"
    if isinstance(value, str) and param.unit != "s":
        return f"{name} is no duration: write a number{f' of {param.unit}' if param.unit else ''}, not {value!r}"
    if (param.low is not None and number < param.low) or (param.high is not None and number > param.high):
        low = "" if param.low is None else number_text(param.low)
        high = "" if param.high is None else number_text(param.high)
        return f"{name} is {number_text(number)}, outside {low}…{high}"
    return number


def _frozen(overrides: Any) -> object:
    """A hashable stand-in for overrides as read from a registry."""
    return repr(sorted((str(rule), sorted((str(k), repr(v)) for k, v in wanted.items()) if isinstance(wanted, Mapping)
                        else repr(wanted)) for rule, wanted in overrides.items())) if overrides else ""  # fmt: skip
