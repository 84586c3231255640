"""A score as one HTML page that needs nothing but itself: Chinese and English, with plots."""

from collections.abc import Sequence
from html import escape
from typing import Final

from alerts.rules.base import Rulebook
from scoring.charts import bars, curves
from scoring.figures import KindRow, RuleRow, Score
from scoring.report import differences, figure_lines, kind_title, number, when
from simulators.incidents import INCIDENTS

__all__ = ["page"]

SHOWN: Final = 200
"""Rows of misses and of false alarms; all are in --json."""
_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b2733;--paper:#fff;--soft:#f2f5f8;--line:#c9d3dc;--bad:#b3261e;--good:#1a7f4b}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#12181f;--soft:#1b242e;--line:#3a4754;--bad:#ff8a80;
--good:#6fd8a2}}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;color:var(--ink);
background:var(--paper);max-width:1180px;margin:0 auto;padding:24px}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
th,td{border-bottom:1px solid var(--line);padding:4px 8px;text-align:right;white-space:nowrap}
th:first-child,td:first-child,.words td,.words th{text-align:left}
th{background:var(--soft);position:sticky;top:0}
td small,dt small{opacity:.75}
.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}
svg{width:100%;height:auto;background:var(--soft);border-radius:6px}
svg text{font-size:10px;fill:currentColor}.axis{stroke:currentColor;stroke-width:.6}
.bar{fill:#1f77b4}.bar.over{fill:var(--bad)}.limit{stroke:var(--bad);stroke-dasharray:5 3}
.zh .en,.en .zh{display:none}
button{font:inherit;padding:4px 12px;border:1px solid var(--line);background:var(--soft);color:inherit;cursor:pointer}
"""
_SCRIPT: Final = """
document.getElementById("tongue").addEventListener("click",function(){
var r=document.documentElement,zh=r.className==="zh";
r.className=zh?"en":"zh";r.lang=zh?"en":"zh-CN"})
"""


def _both(zh: str, en: str) -> str:
    """Two tongues, one of which is shown."""
    return f'<span class="zh" lang="zh-CN">{escape(zh)}</span><span class="en" lang="en">{escape(en)}</span>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], css: str = "") -> str:
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table class="{css}"><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table></div>'


def _flagged(value: float | None, *, bad: bool, digits: int = 2) -> str:
    shown = number(value, digits)
    return f'<span class="bad">{shown}</span>' if bad else shown


def _outcomes(row: RuleRow | KindRow) -> list[str]:
    pct = row.detected_pct
    return [
        str(row.happened), _flagged(pct, bad=pct is not None and pct < 99), _flagged(row.late, bad=row.late > 0),
        _flagged(row.missed, bad=row.missed > 0), _flagged(row.weak, bad=row.weak > 0), number(row.delay.p50),
        number(row.delay.p95),
    ]  # fmt: skip


_OUTCOMES: Final = (
    _both("按时 %", "in time %"), _both("迟报", "late"), _both("漏报", "missed"), _both("级别不足", "too mild"),
    _both("中位时延 s", "p50 s"), _both("95 分位 s", "p95 s"),
)  # fmt: skip


def _kinds(score: Score) -> str:
    rows = []
    for row in score.kinds:
        mark = " ●" if row.life_safety else ""
        title = _both(kind_title(row.what, "zh"), kind_title(row.what, "en"))
        rows.append([f"{title}{mark}<br><small>{escape(row.what)}</small>", *_outcomes(row), str(row.noticed),
                     _flagged(row.false, bad=row.false > 0),
                     _flagged(row.forbidden, bad=row.forbidden > 0)])  # fmt: skip
    head = [_both("事件", "incident"), _both("次数", "happened"), *_OUTCOMES, _both("至少一条按时", "noticed"),
            _both("其间误报", "false meanwhile"), _both("其中明令不得报", "forbidden")]  # fmt: skip
    return _table(head, rows)


def _rules(score: Score, book: Rulebook) -> str:
    rows, days = [], score.overall.device_days
    for row in score.rules:
        info = book.rules.get(row.rule)
        title = "" if info is None else _both(info.title.zh, info.title.en)
        vital = " ●" if info is not None and info.life_safety else ""
        wrong = sum(row.false.values())
        grave = row.false[1] + row.false[2]
        rows.append([f"{escape(row.rule)}{vital} {title}", *_outcomes(row), str(row.calls),
                     *(_flagged(row.false[severity], bad=severity <= 2 and row.false[severity] > 0)
                       for severity in (1, 2, 3, 4)), str(row.false_muted),
                     _flagged(1000 * wrong / days if days else 0.0, bad=grave > 0)])  # fmt: skip
    head = [_both("规则", "rule"), _both("应报", "owed"), *_OUTCOMES, _both("呼叫", "calls"),
            *(_both(f"误报 {n} 级", f"false sev. {n}") for n in (1, 2, 3, 4)), _both("其中静默", "of these muted"),
            _both("每千设备日", "per 1,000 d-d")]  # fmt: skip
    return _table(head, rows)


def _named(score: Score) -> str:
    parts = []
    if score.missed:
        head = [_both("事件", "incident"), _both("规则", "rule"), _both("对象", "target"), _both("结果", "verdict"),
                _both("开始", "began")]  # fmt: skip
        words = {"missed": _both("漏报", "missed"), "late": _both("迟报", "late")}
        rows = [
            [escape(one.what) + (" ●" if one.life_safety else ""), one.rule, escape(one.target or "–"),
             words[one.verdict] + ("" if one.delay_ms is None else f" {one.delay_ms / 1000:.0f} s"), when(one.from_ms)]
            for one in score.missed[:SHOWN]
        ]  # fmt: skip
        parts += [f"<h3>{_both('漏报与迟报', 'Missed and late')}</h3>", _table(head, rows, "words")]
    if score.offenders:
        head = [_both("规则", "rule"), _both("对象", "target"), _both("小区", "compound"), _both("级别", "severity"),
                _both("次数", "times"), _both("首次", "first"), _both("当时发生着", "while")]  # fmt: skip
        rows = [
            [row.rule, escape(row.target), escape(row.compound), str(row.severity), str(row.count), when(row.first_ms),
             "–" if row.during is None else _both(kind_title(row.during, "zh"), kind_title(row.during, "en"))]
            for row in score.offenders[:SHOWN]
        ]  # fmt: skip
        parts += [f"<h3>{_both('误报', 'False alarms')}</h3>", _table(head, rows, "words")]
    return "".join(parts) or f'<p class="good">{_both("没有漏报,没有误报。", "Nothing missed, nothing false.")}</p>'


def _plots(score: Score) -> str:
    delays = {what: numbers for what, numbers in score.delays.items() if numbers and what in INCIDENTS}
    parts = []
    if delays:
        parts += [f"<h3>{_both('从发生到首条告警', 'From what happened to its first alert')}</h3>",
                  curves("Delay by incident", delays)]  # fmt: skip
    hours = [f"{hour}" for hour in range(24)]
    parts += [f"<h3>{_both('误报的钟点', 'False alarms by hour of day')}</h3>",
              bars("False alarms by hour", score.false_by_hour, hours)]  # fmt: skip
    return "".join(parts) + _load(score)


def _load(score: Score) -> str:
    spans = score.worst_load
    if not spans:
        return ""
    # No more than what a screen can show: the ten minutes around the fullest ones.
    fullest = max(range(len(spans)), key=lambda index: spans[index])
    first = max(0, min(fullest - 72, len(spans) - 144))
    shown = spans[first : first + 144]
    labels = [f"{(first + index) / 6:.0f} h" for index in range(len(shown))]
    title = _both("最忙一席每十分钟的呼叫(洪水线 10)", "Calls of the busiest operator in 10 minutes (flood: 10)")
    return f"<h3>{title}</h3>{bars('Calls in ten minutes', shown, labels, 10)}"


def page(scores: Sequence[Score], books: Sequence[Rulebook], how: str) -> str:
    """The report. `how`: the command that made it. A second score is compared with the first."""
    parts = []
    if len(scores) == 2:
        rows = [[escape(cell) for cell in row] for row in differences(*scores)]
        parts.append(f"<h2>{_both('两套规则的差别', 'What differs')}</h2>")
        names = [escape(score.name) for score in scores]
        parts.append(_table(["", *names], rows, "words") if rows else f"<p>{_both('没有差别', 'Nothing')}</p>")
    for score, book in zip(scores, books, strict=True):
        figures = [[_both(zh, en), escape(value)] for zh, en, value in figure_lines(score)]
        parts += [
            f"<h2>{escape(score.name)}</h2>", _table([_both("指标", "figure"), ""], figures, "words"),
            f"<h2>{_both('按事件', 'By incident')}</h2>", _kinds(score),
            f"<h2>{_both('按规则', 'By rule')}</h2>", _rules(score, book),
            f"<h2>{_both('图', 'Plots')}</h2>", _plots(score),
            f"<h2>{_both('点名', 'By name')}</h2>", _named(score),
        ]  # fmt: skip
    title = _both("安居告警评分", "Anju: alerting scored")
    return (
        '<!doctype html><html lang="zh-CN" class="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>安居告警评分 Anju score</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p><button id="tongue" type="button">中文 / English</button> <code>{escape(how)}</code></p>'
        f"{''.join(parts)}<p>● {_both('危及生命', 'a life is at stake')}</p><script>{_SCRIPT}</script></body></html>\n"
    )
