"""What one scenario file may say, word by word. Nothing here looks beyond the file but for the names of incidents."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from domain.errors import Invalid
from domain.limits import SCENARIO_LASTS_S_MAX, SCENARIO_STEPS_MAX
from domain.places import Name
from simulators.incidents import INCIDENTS
from simulators.scenarios.base import Owed, Step, Where
from simulators.scenarios.nodes import Node, Scalar, Sequence, kind_of, parse
from simulators.scenarios.reader import Reader, nearest
from simulators.wire import WireFaults

__all__ = ["DECLARATIONS", "Draft", "Include", "read_draft"]

DECLARATIONS: Final = ("maintenance", "drill")
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RULE: Final = re.compile(r"[A-Z]{2}-[0-9]{2}[A-Z]?")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TARGET: Final = re.compile(r"[A-Za-z0-9_/-]{1,160}(\.(device|zone|gateway|compound))?")
_KEYS: Final = (
    "scenario", "title", "about", "start", "lasts", "district", "compounds", "seed", "include", "wire", "timeline",
    "expect",
)  # fmt: skip
_WIRE: Final = {one.name: one.default for one in msgspec.structs.fields(WireFaults)}
_SPANS: Final = ("held_every_s", "held_s")
"""Of the wire: what cannot be no time at all."""


class Include(Struct, frozen=True, kw_only=True):
    """Another scenario to be played as a part of this one."""

    scenario: str
    at_s: float
    alias: str
    line: int


class Draft(Struct, kw_only=True):
    """One file, read; what could not be read is missing, and there are faults."""

    file: str
    path: Path
    name: str = ""
    title: Name | None = None
    about: Name | None = None
    start_ms: int | None = None
    lasts_s: float | None = None
    district: str = "small"
    compounds: tuple[str, ...] = ()
    seed: int = 1
    includes: list[Include] = field(default_factory=list)
    wire: WireFaults = field(default_factory=WireFaults)
    steps: list[Step] = field(default_factory=list)
    must: list[Owed] = field(default_factory=list)
    may: list[Owed] = field(default_factory=list)
    must_not: list[Owed] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """Key → its line."""


def read_draft(data: bytes, path: Path) -> tuple[Draft, Reader]:
    """Reads one file. The reader has its faults. Raises `ScenarioErrors` for what is not even a tree."""
    file = path.name
    reader = Reader(file)
    root = parse(data, file)
    draft = Draft(file=file, path=path)
    found = reader.mapping(root, "the scenario", _KEYS, ("scenario", "title", "about", "start", "lasts"))
    draft.lines = {key: node.line for key, node in found.items()}
    if "scenario" in found:
        draft.name = reader.word(found["scenario"], "scenario", _LABEL, "`cold_night`") or ""
        if draft.name and draft.name != path.stem:
            reader.fault(found["scenario"], f"scenario is {draft.name!r}", f"name it as the file: {path.stem}")
    draft.title = reader.name(found["title"], "title") if "title" in found else None
    draft.about = reader.name(found["about"], "about") if "about" in found else None
    draft.start_ms = reader.moment(found["start"], "start") if "start" in found else None
    draft.lasts_s = reader.seconds(found["lasts"], "lasts", 1.0) if "lasts" in found else None
    if "district" in found:
        draft.district = reader.text(found["district"], "district") or "small"
    ids = [reader.word(node, "a compound", _ID, "tj-hty") for node in reader.items(found.get("compounds"), "compounds")]
    draft.compounds = tuple(one for one in ids if one)
    if "seed" in found:
        draft.seed = reader.whole(found["seed"], "seed", 0, 2**31) or 0
    draft.wire = _wire(reader, found.get("wire"))
    for node in reader.items(found.get("include"), "include"):
        _include(reader, node, draft)
    for node in reader.items(found.get("timeline"), "timeline"):
        _step(reader, node, draft)
    _expect(reader, found.get("expect"), draft)
    return draft, reader


def _wire(reader: Reader, node: Node | None) -> WireFaults:
    given: dict[str, Any] = {}
    if node is not None:
        for key, value in reader.mapping(node, "wire", _WIRE).items():
            if isinstance(_WIRE[key], float) and key.endswith("_s"):
                one: Any = reader.seconds(value, f"wire {key}", 1.0 if key in _SPANS else 0.0)
            elif isinstance(_WIRE[key], float):
                one = reader.number(value, f"wire {key}", 0.0, 1.0)
            else:
                one = reader.text(value, f"wire {key}")
            if one is not None:
                given[key] = one
    return WireFaults(**given)


def _include(reader: Reader, node: Node, draft: Draft) -> None:
    at_s, alias = 0.0, None
    if isinstance(node, Scalar):
        name = reader.text(node, "an item of include")
    else:
        found = reader.mapping(node, "an item of include", ("scenario", "at", "as"), ("scenario",))
        name = reader.text(found["scenario"], "scenario") if "scenario" in found else None
        at_s = (reader.seconds(found["at"], "at") or 0.0) if "at" in found else 0.0
        alias = reader.word(found["as"], "as", _LABEL, "`first_storm`") if "as" in found else None
    if name is None:
        return
    alias = alias or Path(name).stem
    if any(one.alias == alias for one in draft.includes):
        reader.fault(node, f"{alias!r} is included twice", "give one of them another name: `as: again`")
        return
    draft.includes.append(Include(scenario=name, at_s=at_s, alias=alias, line=node.line))


# --- the timeline ----------------------------------------------------------------------------------------------------
def _step(reader: Reader, node: Node, draft: Draft) -> None:
    found = reader.mapping(node, "a step", ("at", "what", "stop", "where", "with", "as", "repeat"), ("at",))
    at_s = reader.seconds(found["at"], "at") if "at" in found else None
    if ("what" in found) == ("stop" in found):
        reader.fault(node, "a step says neither or both of `what` and `stop`", "write one of them")
        return
    if "stop" in found:
        for key in found.keys() - {"at", "stop"}:
            reader.fault(found[key], f"a step that stops has {key!r}", "remove it")
        label = reader.text(found["stop"], "stop")
        if label is not None and at_s is not None:
            draft.steps.append(Step(at_s=at_s, what="stop", label=label, file=reader.file, line=node.line))
        return
    what = reader.choice(found["what"], "what", (*INCIDENTS, *DECLARATIONS))
    label = reader.word(found["as"], "as", _LABEL, "`first_smoke`") if "as" in found else None
    if label is not None and any(one.label == label and one.what != "stop" for one in draft.steps):
        reader.fault(found["as"], f"the label {label!r} is used twice", "choose another one")
    where = _where(reader, found["where"], declaration=what in DECLARATIONS) if "where" in found else Where()
    times, every_s = _repeat(reader, found["repeat"]) if "repeat" in found else (1, 0.0)
    if what is None or at_s is None:
        return
    if what in DECLARATIONS:
        if "repeat" in found:
            reader.fault(found["repeat"], f"{what} is repeated", "declare each time by itself")
        if not (where.device or where.place or where.filters):
            reader.fault(node, f"{what} does not say where", "add `where: {device: …}` or `where: {compound: …}`")
        params = _declaration(reader, found.get("with"), node, what)
    else:
        params = _params(reader, found["with"], what) if "with" in found else {}
    draft.steps.append(
        Step(
            at_s=at_s, what=what, label=label or f"#{node.line}", where=where, params=params, times=times,
            every_s=every_s, file=reader.file, line=node.line,
        )
    )  # fmt: skip


def _where(reader: Reader, node: Node, *, declaration: bool) -> Where:
    allowed = ("device", "type", "compound", "zone", "nth", *(("place",) if declaration else ("like",)))
    found = reader.mapping(node, "where", allowed)
    given: dict[str, Any] = {}
    for key, value in found.items():
        if key == "nth":
            given[key] = reader.whole(value, "nth", 0, 100_000)
        elif key == "like":
            given[key] = reader.text(value, "like")
        else:
            given[key] = reader.word(value, key, _ID, "tj-hty-b1-lift1")
    for exact in ("device", "place", "like"):
        if exact in found and len(found) > 1:
            reader.fault(node, f"where says {exact!r} and more", f"keep `{exact}:` alone")
    return Where(**{key: value for key, value in given.items() if value is not None})


def _repeat(reader: Reader, node: Node) -> tuple[int, float]:
    found = reader.mapping(node, "repeat", ("times", "every"), ("times", "every"))
    times = reader.whole(found["times"], "times", 1, SCENARIO_STEPS_MAX) if "times" in found else None
    every_s = reader.seconds(found["every"], "every", 0.001) if "every" in found else None
    return times or 1, every_s or 0.001


def _declaration(reader: Reader, node: Node | None, step: Node, what: str) -> dict[str, Any]:
    if node is None:
        reader.fault(step, f"{what} does not say how long", "add `with: {lasts: 2h, reason: …}`")
        return {}
    more = ("second", "rules") if what == "maintenance" else ()
    found = reader.mapping(node, f"with of {what}", ("lasts", "reason", "actor", *more), ("lasts", "reason"))
    given: dict[str, Any] = {}
    for key, value in found.items():
        if key == "lasts":
            given[key] = reader.seconds(value, "lasts", 1.0)
        elif key == "rules":
            rules = [reader.word(one, "a rule", _RULE, "EL-09") for one in reader.items(value, "rules")]
            given[key] = tuple(rule for rule in rules if rule)
        else:
            given[key] = reader.text(value, key)
    return {key: value for key, value in given.items() if value is not None}


def _params(reader: Reader, node: Node, what: str) -> dict[str, Any]:
    incident = INCIDENTS[what]
    given: dict[str, Any] = {}
    for key, value in reader.mapping(node, f"with of {what}", None).items():
        if key not in incident.params:
            advice = nearest(key, tuple(incident.params)) if incident.params else "remove it: it has none"
            reader.fault(value, f"{what} has no parameter {key!r}", advice)
            continue
        one = _param(reader, value, key, incident.params[key])
        if one is not None:
            given[key] = one
    try:
        incident.settled(given)
    except Invalid as error:
        reader.fault(node, f"{what} cannot be so: {error.text}", "mend its parameters")
    return given


def _param(reader: Reader, node: Node, name: str, default: Any) -> Any:
    """A parameter's value has the form of its default."""
    if isinstance(default, bool):
        return reader.truth(node, name)
    if isinstance(default, int | float):
        return _quantity(reader, node, name, default)
    if isinstance(default, str):
        return reader.text(node, name)
    if isinstance(default, list | tuple):
        return [one.value for one in reader.items(node, name) if isinstance(one, Scalar)] or None
    if isinstance(node, Scalar) and not isinstance(node.value, bool):
        return node.value
    reader.fault(node, f"{name} is {kind_of(node)}", "write a number or a text")
    return None


def _quantity(reader: Reader, node: Node, name: str, default: float) -> float | None:
    """A number, or a duration for what is in seconds. What is above 0 by default may not be 0."""
    low = 0.001 if default > 0 else 0.0
    if name.endswith("_s"):
        return reader.seconds(node, name, low)
    if name.endswith("_c"):
        return reader.number(node, name, -60.0, 1500.0)
    if isinstance(default, int):
        return reader.whole(node, name, 1 if default > 0 else 0, 1_000_000)
    return reader.number(node, name, low if default >= 0 else -1e6, 1e6)


# --- expectations ----------------------------------------------------------------------------------------------------
def _expect(reader: Reader, node: Node | None, draft: Draft) -> None:
    if node is None:
        return
    found = reader.mapping(node, "expect", ("must", "may", "must_not"))
    for key, into in (("must", draft.must), ("may", draft.may), ("must_not", draft.must_not)):
        for one in reader.items(found.get(key), key):
            owed = _owed(reader, one, key)
            if owed is not None:
                into.append(owed)


def _owed(reader: Reader, node: Node, key: str) -> Owed | None:
    more = ("within", "severity", "muted", "drill") if key == "must" else ()
    if isinstance(node, Sequence):
        reader.fault(node, f"an item of {key} is a list", "write `- {rule: EL-01, target: …}`")
        return None
    found = reader.mapping(node, f"an item of {key}", ("rule", "target", *more), ("rule",))
    rule = reader.word(found["rule"], "rule", _RULE, "EL-01") if "rule" in found else None
    target = reader.word(found["target"], "target", _TARGET, "a label, or tj-hty-b1-lift1") if "target" in found else ""
    within_s = reader.seconds(found["within"], "within", 1.0) if "within" in found else float(SCENARIO_LASTS_S_MAX)
    severity = reader.whole(found["severity"], "severity", 1, 4) if "severity" in found else None
    muted = reader.truth(found["muted"], "muted") if "muted" in found else None
    drill = reader.truth(found["drill"], "drill") if "drill" in found else None
    if rule is None or target is None or within_s is None:
        return None
    return Owed(
        rule=rule, target=target or None, within_s=within_s if key == "must" and "within" in found else None,
        severity=severity, muted=muted, drill=drill, file=reader.file, line=node.line,
    )  # fmt: skip
