"""Small charts as inline SVG, drawn by hand: bars, and a curve of how many alerts came within how long."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["bars", "curves"]

WIDTH: Final = 720
HEIGHT: Final = 240
LEFT: Final = 44
BOTTOM: Final = 34
TOP: Final = 14
COLOURS: Final = ("#c0392b", "#1f77b4", "#2e8b57", "#8e44ad", "#d68910", "#34495e", "#16a085", "#7f8c8d")
_TICKS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)


def _frame(body: list[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(body)}</svg>"
    )


def _label(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{css}"/>'


def bars(title: str, counts: Sequence[float], labels: Sequence[str], limit: float | None = None) -> str:
    """One bar for each count; `labels` stand under some of them, `limit` is drawn across."""
    highest = max([*counts, limit or 0, 1])
    step = (WIDTH - LEFT - 10) / max(1, len(counts))
    floor, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    body = [_line(LEFT, floor, WIDTH - 10, floor, "axis"), _label(LEFT - 6, TOP + 8, f"{highest:g}", "end"),
            _label(LEFT - 6, floor, "0", "end")]  # fmt: skip
    every = max(1, len(counts) // 12)
    for index, count in enumerate(counts):
        high, x = room * count / highest, LEFT + index * step
        if count:
            css = "bar over" if limit is not None and count > limit else "bar"
            body.append(
                f'<rect x="{x + step * 0.1:.2f}" y="{floor - high:.1f}" width="{step * 0.8:.2f}" height="{high:.1f}" '
                f'class="{css}"/>'
            )
        if index % every == 0 and index < len(labels):
            body.append(_label(x + step / 2, floor + 16, labels[index]))
    if limit is not None:
        y = floor - room * limit / highest
        body.append(_line(LEFT, y, WIDTH - 10, y, "limit"))
    return _frame(body, title)


def curves(title: str, series: Mapping[str, Sequence[float]]) -> str:
    """For each name the share of its numbers (seconds, ascending) that are not above x, x by its logarithm."""
    highest = max((numbers[-1] for numbers in series.values() if numbers), default=1.0)
    ticks = [tick for tick in _TICKS if tick <= highest] or [1]
    top = max(2.0, float(next((tick for tick in _TICKS if tick >= highest), highest)))
    floor, room, wide = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP, WIDTH - LEFT - 190

    def x_of(seconds: float) -> float:
        return LEFT + wide * math.log(max(1.0, seconds)) / math.log(top)

    body = [_line(LEFT, floor, LEFT + wide, floor, "axis"), _line(LEFT, TOP, LEFT, floor, "axis"),
            _label(LEFT - 6, TOP + 8, "100 %", "end"), _label(LEFT - 6, floor, "0", "end")]  # fmt: skip
    body += [
        _label(x_of(tick), floor + 16, f"{tick} s" if tick < 120 else f"{tick / 60:g} min" if tick < 7200 else
               f"{tick / 3600:g} h") for tick in ticks
    ]  # fmt: skip
    for index, (name, numbers) in enumerate(sorted(series.items(), key=lambda item: max(item[1], default=0.0))):
        colour = COLOURS[index % len(COLOURS)]
        points = [(x_of(one), floor - room * (rank + 1) / len(numbers)) for rank, one in enumerate(numbers)]
        path = " ".join(f"H{x:.1f}V{y:.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 3"' if index >= len(COLOURS) else ""
        body.append(f'<path d="M{LEFT} {floor}{path}" fill="none" stroke="{colour}" stroke-width="1.6"{dash}/>')
        if index * 13 < room:
            y = TOP + 8 + index * 13
            body.append(f'<rect x="{LEFT + wide + 12}" y="{y - 7}" width="9" height="9" fill="{colour}"/>')
            body.append(_label(LEFT + wide + 26, y, name, "start"))
    return _frame(body, title)
