"""The explanation of an alert as text for a terminal: zh-CN first, English where there is no Chinese."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.kinds import KINDS

__all__ = ["explained", "said"]

_MARKS: Final = {True: "✓", False: "✗", None: "?"}
_JOINS: Final = {
    "all": "以下全部满足 all of", "any": "以下任一满足 any of", "not": "以下不满足 not",
    "hold": "以下持续 for {}", "types": "仅限 only {}",
}  # fmt: skip
_FROM: Final = {"pack": "规则包 pack", "compound": "本小区 compound", "device": "本设备 device"}


def said(name: Any) -> str:
    """A name ``{zh, en}`` as text."""
    return str(name.get("zh") or name.get("en") or "") if isinstance(name, Mapping) else str(name or "")


def explained(told: Mapping[str, Any]) -> Iterator[str]:
    """The answer of ``GET /alerts/{id}/explain`` as lines."""
    alert, why = told["alert"], told["why"]
    yield f"{alert['no']}  {alert['level']}  {said(alert['title'])}  {alert['state']}"
    yield f"  {said(alert['compound']['name'])} {said(alert['place']['text'])}  {', '.join(alert['flags'])}".rstrip()
    yield f"  触发 raised {alert['raised_at']}  设备时间 device time {why['device_at']}"
    yield ""
    yield f"为何告警 why  {why['rule']} v{why['version']}: {why['condition']}"
    for clue in why["clues"]:
        text = _JOINS[clue["join"]].format(clue["text"]) if clue["join"] else clue["text"]
        yield f"  {'  ' * clue['depth']}{_MARKS[clue['truth']]} {text}"
    for name, value in why["inputs"].items():
        yield f"  {_signal(alert['domain'], name):<32} {_value(alert['domain'], name, value)}"
    for param in why["params"]:
        where, _, what = param["from"].partition(":")
        origin = f"{_FROM.get(where, where)} {what}".rstrip()
        yield f"  {said(param['label'])} ({param['name']}) = {param['value']:g} {param['unit']}  ← {origin}".rstrip()
    if why["window"]["from"]:
        yield f"  判定窗口 window {why['window']['from']} … {why['window']['until']}"
    if why["rule_now"]:
        yield f"  依据 basis: {why['rule_now']['basis']}"
    yield from _suppression(told["suppression"])
    yield from _section("通知 notifications", (_notified(one) for one in told["notifications"]))
    yield from _section("时间线 timeline", (_happened(line) for line in told["timeline"]))
    yield from _section("接下来 next", (_next(step) for step in told["next"]))


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def _signal(kind: str, name: str) -> str:
    signal = KINDS[kind].signals.get(name) if kind in KINDS else None
    return f"{signal.zh} {name}" if signal is not None else name


def _value(kind: str, name: str, value: Any) -> str:
    signal = KINDS[kind].signals.get(name) if kind in KINDS else None
    return f"{value} {signal.unit}".rstrip() if signal is not None else str(value)


def _suppression(now: Mapping[str, Any]) -> Iterator[str]:
    for one in now["now"]:
        people = " + ".join(filter(None, (one["actor"], one["second"])))
        until = f" until {one['until']}" if one["until"] else ""
        yield f"  不响铃 does not ring: {one['by']} {one['reason']} {people}{until}".rstrip()


def _notified(one: Mapping[str, Any]) -> str:
    failed = f", {one['failed_attempts']} failed" if one["failed_attempts"] else ""
    detail = f": {one['detail']}" if one["detail"] else ""
    return f"{one['at']}  {one['channel']:<8} {one['for']:<20} {one['status']}{failed}{detail}"


def _happened(line: Mapping[str, Any]) -> str:
    shown = {
        name: value
        for name, value in line["details"].items()
        if value not in (None, "", False) and not isinstance(value, dict | list)
    }
    suppression = line["details"].get("suppression")
    if suppression:
        shown |= {name: suppression[name] for name in ("by", "reason") if suppression.get(name)}
    words = "  ".join(f"{name}={value}" for name, value in shown.items())
    return f"{line['at']}  {line['kind']:<20} {line['actor']}  {words}".rstrip()


def _next(step: Mapping[str, Any]) -> str:
    more = " ".join(f"{name}={value}" for name, value in step.items() if name not in {"at", "what"})
    return f"{step['at'] or '—':<30} {step['what']} {more}".rstrip()
