"""Reads one rule of a pack: its facts, parameters, levels and clear clause."""

from typing import Final

from msgspec.structs import replace

from alerts.rules.base import Param, RuleInfo
from alerts.rules.conditions import DEVICE_TYPES, RuleContext
from alerts.rules.kinds.base import Condition
from alerts.rules.kinds.event import Event
from alerts.rules.kinds.share import OfflineShare
from alerts.rules.nodes import Mapping, Node, Scalar, Sequence
from alerts.rules.reader import Reader, seconds_of
from alerts.rules.spec import Clear, Level, RuleSpec, conditions_in
from domain.ids import is_id
from domain.kinds import KINDS
from domain.organisations import ORGANISATION_KINDS

__all__ = ["SCOPES", "read_rule"]

SCOPES: Final = ("device", "zone", "gateway", "compound")
_KEYS: Final = (
    "id", "version", "title", "kind", "types", "scope", "signal", "params", "levels", "clear", "latching",
    "life_safety", "card", "recipients", "basis", "symptom_of", "yields_to", "verify",
)  # fmt: skip
_REQUIRED: Final = ("id", "version", "title", "kind", "levels", "clear", "recipients", "basis")


def read_rule(reader: Reader, node: Node, pack: str, file: str) -> RuleSpec | None:
    """Reads one rule; None if it is not fit for use, with the reasons reported."""
    before = len(reader.errors)
    found = reader.mapping(node, "a rule", _KEYS, _REQUIRED)
    if found is None or not set(_REQUIRED) <= set(found):
        return None
    rule_id = reader.text(found["id"], "id")
    if rule_id is not None and not is_id(rule_id):
        reader.error(found["id"], f"id {rule_id!r} is no id", "write 1 to 64 of A-Z a-z 0-9 _ -")
    kind_name = reader.choice(found["kind"], "kind", tuple(KINDS))
    if rule_id is None or kind_name is None:
        return None
    context = RuleContext(reader, KINDS[kind_name], _params(reader, found.get("params")))
    levels = _levels(context, found["levels"])
    clear = _clear(context, found["clear"], "clear", manual=True)
    if clear is None:
        return None
    _check_params(context, found.get("params"))
    timed = _basis(reader, node, levels, clear)
    scope = reader.choice(found["scope"], "scope", SCOPES) if "scope" in found else "device"
    surveys = _check_scope(reader, levels, scope or "device", kind_name)
    info = _info(context, found, levels, clear, scope or "device")
    if info is None or len(reader.errors) > before:
        return None
    whole = [part for level in levels for part in _parts(level)] + (
        [] if clear.when is None else conditions_in(clear.when)
    )
    attrs = tuple(dict.fromkeys(attr for part in whole for attr in part.attrs()))
    return RuleSpec(
        info=replace(info, id=rule_id, kind=kind_name, pack=pack, file=file, line=node.line, surveys=surveys),
        levels=levels,
        clear=clear,
        params=context.params,
        timed=timed,
        attrs=attrs,
    )


def _info(
    context: RuleContext, found: dict[str, Node], levels: tuple[Level, ...], clear: Clear, scope: str
) -> RuleInfo | None:
    reader = context.reader
    version = reader.integer(found["version"], "version", 1, 1_000_000)
    title = reader.name(found["title"], "title")
    basis = reader.text(found["basis"], "basis")
    recipients = reader.choices(found["recipients"], "recipients", ORGANISATION_KINDS)
    if not recipients and found["recipients"] == Sequence((), found["recipients"].line):
        reader.error(found["recipients"], "the rule has no recipients", "write who is told first, then the others")
    signal = context.signal(found["signal"]) if "signal" in found else None
    card = reader.text(found["card"], "card") if "card" in found else None
    severities = tuple(level.severity for level in levels)
    if card is None and any(severity < 4 for severity in severities):
        what = "the rule has no response card (处置卡)"
        reader.error(found["id"], what, "add `card:`; only severity 4 may do without")
    life_safety = _flag(reader, found, "life_safety")
    symptom_of = reader.texts(found["symptom_of"], "symptom_of") if "symptom_of" in found else ()
    if life_safety and symptom_of:
        reader.error(
            found["symptom_of"], "a life-safety rule cannot be a symptom", "remove `symptom_of`: nothing hides it"
        )
    yields_to, yields_within_s = _yields(reader, found)
    verify_s, verify_severity = _verify(reader, found, severities)
    defaults = {name: param.default for name, param in context.params.items()}
    if version is None or title is None or basis is None or not levels:
        return None
    return RuleInfo(
        id="", version=version, pack="", title=title, kind="",
        types=reader.choices(found["types"], "types", DEVICE_TYPES) if "types" in found else (),
        scope=scope, severities=severities,
        condition="; ".join(f"{level.severity}: {level.when.words(defaults)}" for level in levels),
        signal=None if signal is None else signal.name, card=card, recipients=recipients, basis=basis,
        latching=_flag(reader, found, "latching"), life_safety=life_safety, overridable=dict(context.params),
        symptom_of=symptom_of, yields_to=yields_to, yields_within_s=yields_within_s, clear=clear.words(defaults),
        verify_s=verify_s, verify_severity=verify_severity,
    )  # fmt: skip


def _flag(reader: Reader, found: dict[str, Node], key: str) -> bool:
    return bool(reader.boolean(found[key], key)) if key in found else False


def _yields(reader: Reader, found: dict[str, Node]) -> tuple[str | None, float]:
    keys = ("rule", "within")
    entries = (reader.mapping(found["yields_to"], "yields_to", keys, keys) or {}) if "yields_to" in found else {}
    if len(entries) < len(keys):
        return None, 0.0
    return reader.text(entries["rule"], "rule"), reader.seconds(entries["within"], "within", 1) or 0.0


def _verify(reader: Reader, found: dict[str, Node], severities: tuple[int, ...]) -> tuple[float | None, int | None]:
    if "verify" not in found:
        return None, None
    entries = reader.mapping(found["verify"], "verify", ("within", "else"), ("within", "else")) or {}
    if len(entries) < 2:
        return None, None
    within = reader.seconds(entries["within"], "within", 1)
    severity = reader.integer(entries["else"], "else", 1, 4)
    if severity is not None and severities and severity >= min(severities):
        reader.error(
            entries["else"], f"severity {severity} is not graver than the rule's own", "write a smaller number"
        )
    return within, severity


def _params(reader: Reader, node: Node | None) -> dict[str, Param]:
    params: dict[str, Param] = {}
    found = reader.mapping(node, "params", None) if node is not None else None
    for name, item in (found or {}).items():
        if not name.isidentifier():
            reader.error(item, f"parameter {name!r} is no word", "write letters, digits and _")
            continue
        entries: dict[str, Node] = {"default": item}
        if isinstance(item, Mapping):
            entries = reader.mapping(item, f"parameter {name}", ("default", "ge", "le", "zh", "en"), ("default",)) or {}
        default = _amount(reader, entries["default"], f"the default of {name}") if "default" in entries else None
        low = _amount(reader, entries["ge"], "ge") if "ge" in entries else None
        high = _amount(reader, entries["le"], "le") if "le" in entries else None
        if default is None:
            continue
        if (low is not None and default < low) or (high is not None and default > high):
            reader.error(
                item, f"the default of {name} is outside its own bounds", "widen `ge`/`le` or change the default"
            )
        zh = reader.text(entries["zh"], "zh") if "zh" in entries else None
        en = reader.text(entries["en"], "en") if "en" in entries else None
        params[name] = Param(name=name, default=default, low=low, high=high, zh=zh or name, en=en or name)
    return params


def _amount(reader: Reader, node: Node, what: str) -> float | None:
    """A number, or a duration in seconds where a unit is written."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and seconds_of(node.value) is not None:
        return reader.seconds(node, what)
    return reader.number(node, what)


def _check_params(context: RuleContext, node: Node | None) -> None:
    """Narrows each parameter to what its signals can measure; an unused one is a mistake."""
    for name, param in list(context.params.items()):
        if name not in context.used:
            line = node.line if node is not None else 1
            context.reader.error(line, f"parameter {name!r} is not used", f"refer to it as ${name}, or remove it")
            continue
        lows = [item.low for item in context.used[name] if item.low is not None]
        highs = [item.high for item in context.used[name] if item.high is not None]
        duration = name in context.durations
        if duration and param.default < 0:
            context.reader.error(node or 1, f"parameter {name!r} is a negative duration", "write seconds, at least 0")
        low = max([*lows, *([] if param.low is None else [param.low]), *([0.0] if duration else [])], default=None)
        high = min([*highs, *([] if param.high is None else [param.high])], default=None)
        unit = "s" if duration else next((item.unit for item in context.used[name] if item.unit), "")
        context.params[name] = Param(name, param.default, low, high, param.zh, param.en, unit)


def _levels(context: RuleContext, node: Node) -> tuple[Level, ...]:
    reader = context.reader
    levels: list[Level] = []
    for item in reader.items(node, "levels") or ():
        found = reader.mapping(item, "a level", ("severity", "when", "clear"), ("severity", "when"))
        if found is None or not {"severity", "when"} <= set(found):
            continue
        severity = reader.integer(found["severity"], "severity", 1, 4)
        when = context.condition(found["when"], "the condition")
        clear = _clear(context, found["clear"], "clear of the level", manual=False) if "clear" in found else None
        if severity is None or when is None:
            continue
        if any(level.severity == severity for level in levels):
            reader.error(item, f"severity {severity} has two levels", "join their conditions under `any:`")
            continue
        levels.append(Level(severity=severity, when=when, clear=clear, line=item.line))
    if not levels and not reader.errors:
        reader.error(node, "the rule has no levels", "list at least one `{severity:, when:}`")
    return tuple(sorted(levels, key=lambda level: level.severity))


def _clear(context: RuleContext, node: Node, what: str, *, manual: bool) -> Clear | None:
    reader = context.reader
    if isinstance(node, Scalar):
        if manual and node.value == "manual":
            return Clear(manual=True)
        advice = "write `manual`, `{for: 60}` or `{when: …, for: 60}`" if manual else "write `{when: …, for: 60}`"
        reader.error(node, f"{what} is {node.value!r}", advice)
        return None
    found = reader.mapping(node, what, ("when", "for"))
    if found is None:
        return None
    if not found:
        reader.error(node, f"{what} is empty", "write `{for: 60}`: how long no level must hold")
        return None
    when = context.condition(found["when"], f"the condition of {what}") if "when" in found else None
    hold = context.seconds(found["for"], "for") if "for" in found else None
    return Clear(when=when, hold=hold)


def _parts(level: Level) -> list[Condition]:
    down = level.clear.when if level.clear is not None else None
    return conditions_in(level.when) + ([] if down is None else conditions_in(down))


def _basis(reader: Reader, node: Node, levels: tuple[Level, ...], clear: Clear) -> bool:
    """True for a rule of time. A rule is judged by readings or by ticks, never by both: their clocks differ."""
    parts = [part for level in levels for part in _parts(level)]
    parts += [] if clear.when is None else conditions_in(clear.when)
    found = {part.basis for part in parts} - {"parts"}
    if found == {"reading", "time"}:
        reader.error(node, "the rule mixes readings with silence or dates", "write two rules")
    return "time" in found


def _check_scope(reader: Reader, levels: tuple[Level, ...], scope: str, kind: str) -> bool:
    surveys = any(isinstance(part, OfflineShare) for level in levels for part in _parts(level))
    for level in levels:
        alone = _alone(level.when)
        if scope != "device" and alone is not None:
            what = f"a rule of scope {scope} speaks of one device's state"
            reader.error(alone.line or level.line, what, "put it inside `together:` or `then:`, or use events")
    if surveys and scope == "device":
        reader.error(
            levels[0].line, "offline_share needs several devices", "write `scope: gateway` or `scope: compound`"
        )
    if surveys and kind != "gateway":
        reader.error(levels[0].line, "offline_share speaks of devices of every kind", "write `kind: gateway`")
    return surveys


def _alone(condition: Condition) -> Condition | None:
    """A condition about one device's state that stands outside any condition over several devices."""
    if condition.gathers or isinstance(condition, Event):
        return None
    children = condition.children()
    if not children:
        return condition
    return next((found for found in map(_alone, children) if found is not None), None)
