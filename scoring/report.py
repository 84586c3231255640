"""Scores for people: tables for a terminal and for a page in docs/."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from alerts.rules.base import Rulebook
from scoring.figures import KindRow, RuleRow, Score
from scoring.matching import FROM_FILE, Outcome
from simulators.incidents import INCIDENTS
from simulators.scenarios import SCENARIOS, load_scenario

__all__ = ["compared", "differences", "figure_lines", "kind_title", "markdown", "number", "text", "when"]

SHOWN: Final = 12
UNHAPPENED_SHOWN: Final = 6
"""Misses and false alarms named in a report; all are in --json."""
_CHINA: Final = timezone(timedelta(hours=8))
_ALIGN: Final = (
    "rule", "incident", "title", "kind", "alert", "at", "case", "during", "figure", "what", "compound", "verdict",
)  # fmt: skip
"""Columns of words; the others are numbers and stand to the right."""
Table = tuple[Sequence[str], list[list[str]]]


def number(value: float | None, digits: int = 1) -> str:
    """A number as short as it can be; a dash where there is none."""
    if value is None:
        return "–"
    return str(round(value)) if float(value).is_integer() else f"{value:.{digits}f}"


def when(at_ms: int) -> str:
    """Local time in China, to the second."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(_CHINA):%m-%d %H:%M:%S}"


def kind_title(what: str, language: str = "en") -> str:
    """An incident, or the scenario whose file asked, in words."""
    incident = INCIDENTS.get(what)
    if incident is not None:
        return incident.zh if language == "zh" else incident.en
    path = SCENARIOS.get(what.removeprefix(FROM_FILE))
    if path is None:
        return what
    title = load_scenario(path).title
    return title.zh if language == "zh" else title.en


def figure_lines(score: Score) -> list[tuple[str, str, str]]:
    """(Chinese, English, figure) of all that is counted overall."""
    overall, load = score.overall, score.load
    low, high = overall.life_safety_ci_pct
    share = "–" if overall.life_safety_pct is None else f"{overall.life_safety_pct:.2f} %"
    rate_low, rate_high = overall.false_12_per_1000_ci
    rate = f"{overall.false_12_per_1000:.2f} per 1,000 device-days (95 %: {rate_low:.2f}–{rate_high:.2f})"
    return [
        ("设备日", "device-days", f"{overall.device_days:.1f}"),
        ("发生的事件", "incidents", str(overall.cases)),
        ("生命安全事件按时全报", "life-safety incidents, all alerts in time",
         f"{overall.life_safety_in_time} of {overall.life_safety}: {share} (95 %: {low:.2f}–{high:.2f} %)"),
        ("按时但未呼叫任何人", "all alerts in time, but nobody was called", str(overall.life_safety_quiet)),
        ("其中至少一条按时", "at least one alert in time",
         f"{overall.life_safety_noticed} of {overall.life_safety}"),
        ("一二级误报", "false alarms of severity 1–2",
         f"{overall.false_12}: {rate}"),
        ("各级误报(每千设备日)", "false alarms per 1,000 device-days, severity 1 / 2 / 3 / 4",
         " / ".join(f"{overall.false_per_1000[severity]:.2f}" for severity in (1, 2, 3, 4))),
        ("每席每十分钟呼叫", "calls per operator in 10 minutes: mean, p95, max",
         f"{load.per_10_min_mean:.3f}, {load.per_10_min_p95}, {load.per_10_min_max} ({load.operators} operators)"),
        ("告警洪水", "floods (more than 10 in 10 minutes), and 10-minute spans in flood",
         f"{load.floods}, {load.flood_10_min}"),
        ("抖动、瞬报、陈旧", "chattering, fleeting, stale alarms", f"{load.chattering}, {load.fleeting}, {load.stale}"),
        ("计划而未发生", "planned, but no device was free", _planned(score)),
        ("最忙十条占比", "share of the ten busiest alarms", f"{load.top10_share_pct:.1f} % of {load.rings} calls"),
    ]  # fmt: skip


def _planned(score: Score) -> str:
    most = sorted(score.unhappened.items(), key=lambda one: (-one[1], one[0]))
    named = ", ".join(f"{what} {count}" for what, count in most[:UNHAPPENED_SHOWN])
    rest = sum(score.unhappened.values()) - sum(count for _, count in most[:UNHAPPENED_SHOWN])
    return "0" if not most else f"{sum(score.unhappened.values())}: {named}" + (f", others {rest}" if rest else "")


def _outcome_cells(row: RuleRow | KindRow) -> list[str]:
    return [
        str(row.happened), number(row.detected_pct, 2), str(row.late), str(row.missed), str(row.weak),
        number(row.delay.p50), number(row.delay.p95),
    ]  # fmt: skip


def _kinds(score: Score) -> Table:
    head = ("incident", "title", "happened", "in time %", "late", "missed", "weak", "p50 s", "p95 s", "noticed",
            "false", "forbidden")  # fmt: skip
    rows = [
        [f"{row.what}{' ●' if row.life_safety else ''}", kind_title(row.what, "zh"), *_outcome_cells(row),
         str(row.noticed), str(row.false), str(row.forbidden)]
        for row in score.kinds
    ]  # fmt: skip
    return head, rows


def _rules(score: Score, book: Rulebook) -> Table:
    head = ("rule", "title", "owed", "in time %", "late", "missed", "weak", "p50 s", "p95 s", "calls", "false 1",
            "false 2", "false 3", "false 4", "muted", "per 1,000 d-d")  # fmt: skip
    days = score.overall.device_days
    rows = []
    for row in score.rules:
        info = book.rules.get(row.rule)
        wrong = sum(row.false.values())
        rows.append([
            row.rule + (" ●" if info is not None and info.life_safety else ""), "" if info is None else info.title.zh,
            *_outcome_cells(row), str(row.calls), *(str(row.false[severity]) for severity in (1, 2, 3, 4)),
            str(row.false_muted), number(1000 * wrong / days if days else 0.0, 2),
        ])  # fmt: skip
    return head, rows


def _offenders(score: Score) -> Table:
    rows = [
        [row.rule, row.target, row.compound, str(row.severity), str(row.count), when(row.first_ms), row.during or "–"]
        for row in score.offenders[:SHOWN]
    ]
    return ("rule", "alert", "compound", "severity", "false", "at", "during"), rows


def _missed(score: Score) -> Table:
    def line(one: Outcome) -> list[str]:
        what = one.what + (" ●" if one.life_safety else "")
        late = "" if one.delay_ms is None else f" {one.delay_ms / 1000:.0f} s"
        return [what, one.rule, one.target or "–", one.verdict + late, when(one.from_ms)]

    return ("incident", "rule", "alert", "verdict", "at"), [line(one) for one in score.missed[:SHOWN]]


def _of(count: int) -> str:
    return f"all {count}" if count <= SHOWN else f"the first {SHOWN} of {count}"


def _sections(score: Score, book: Rulebook) -> list[tuple[str, Table]]:
    figures = [[f"{zh} {en}", value] for zh, en, value in figure_lines(score)]
    return [
        ("Overall", (("figure", "what"), figures)),
        ("Incidents", _kinds(score)),
        ("Rules", _rules(score, book)),
        (f"Missed and late ({_of(len(score.missed))})", _missed(score)),
        (f"False alarms by rule and target ({_of(len(score.offenders))})", _offenders(score)),
    ]


def _width(words: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in words)


def _padded(words: str, width: int, *, left: bool) -> str:
    space = " " * (width - _width(words))
    return words + space if left else space + words


def _plain(table: Table) -> list[str]:
    head, rows = table
    widths = [max(map(_width, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            _padded(cell, width, left=name in _ALIGN) for cell, width, name in zip(row, widths, head, strict=True)
        ).rstrip()
        for row in ([*head], *rows)
    ]


def text(score: Score, book: Rulebook) -> str:
    """For a terminal."""
    lines = [f"=== {score.name}"]
    for title, table in _sections(score, book):
        if table[1]:
            lines += ["", title, *_plain(table)]
    return "\n".join(lines)


def _pipe(table: Table) -> list[str]:
    head, rows = table
    rule = ["---" if name in _ALIGN else "---:" for name in head]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in ([*head], rule, *rows)]


def markdown(score: Score, book: Rulebook, how: str) -> str:
    """For a page: the tables, and the command that made them."""
    lines = [f"### {score.name}", "", f"`{how}`", ""]
    for title, table in _sections(score, book):
        if table[1]:
            lines += [f"#### {title}", "", *_pipe(table), ""]
    return "\n".join(lines)


def differences(old: Score, new: Score) -> list[tuple[str, str, str]]:
    """What differs between two rule sets on the same worlds: (what, old, new), by name."""
    found = [
        (f"{zh} {en}", one, other)
        for (zh, en, one), (_, _, other) in zip(figure_lines(old), figure_lines(new), strict=True)
        if one != other
    ]
    before, after = ({row.rule: row for row in score.rules} for score in (old, new))
    for rule in sorted(before.keys() | after.keys()):
        was, now = _brief(before.get(rule)), _brief(after.get(rule))
        if was != now:
            found.append((f"rule {rule}", was, now))
    lost, won = ({(m.case, m.rule, m.target): m for m in score.missed} for score in (old, new))
    for key, one in won.items():
        if key not in lost:
            found.append((f"newly {one.verdict}", "in time", _name(one)))
    for key, one in lost.items():
        if key not in won:
            found.append((f"no longer {one.verdict}", _name(one), "in time"))
    wrong, right = ({(row.rule, row.target): row for row in score.offenders} for score in (old, new))
    for rule, target in sorted(wrong.keys() | right.keys()):
        counts = [0 if row is None else row.count for row in (wrong.get((rule, target)), right.get((rule, target)))]
        if counts[0] != counts[1]:
            found.append((f"false {rule} {target}", str(counts[0]), str(counts[1])))
    return found


def _name(one: Outcome) -> str:
    return f"{one.what} {one.rule} {one.target or ''} {when(one.from_ms)}"


def _brief(row: RuleRow | None) -> str:
    if row is None:
        return "never spoke"
    wrong = "/".join(str(row.false[severity]) for severity in (1, 2, 3, 4))
    return (
        f"{row.in_time} of {row.decided} in time, {row.late} late, {row.missed} missed, p50 {number(row.delay.p50)} s, "
        f"p95 {number(row.delay.p95)} s, false {wrong}"
    )


def compared(old: Score, new: Score, *, pipes: bool = False) -> str:
    """Two rule sets side by side; only what differs is named."""
    rows = [list(row) for row in differences(old, new)]
    if not rows:
        return f"{old.name} and {new.name}: no difference"
    table = (("what", "figure", "kind"), rows)
    head: Table = (("what", "rule", "alert"), [["", old.name, new.name], *table[1]])
    return "\n".join(_pipe(head) if pipes else _plain(head)[1:])
