"""The report's drawings, as SVG that takes its colours from the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.confidence import Operating, ReliabilityBin
from eval.document import interval, milliseconds, signed
from eval.report.elements import element
from eval.statistics import Interval

_WIDTH, _HEIGHT = 416.0, 272.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 42.0, 402.0, 14.0, 228.0
_ROW = 22.0
_LABELS = 170.0  # the width of the row labels where bars lie across
_LATENCY_BINS = 24
_REACHES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # how far a plot of differences may go either way
_FIFTHS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A range of values laid on a range of pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class _Plane:
    """Two axes."""

    across: _Axis
    up: _Axis

    def at(self, point: Point) -> Point:
        return self.across.at(point[0]), self.up.at(point[1])


_UNIT = _Plane(_Axis(0, 1, _LEFT, _RIGHT), _Axis(0, 1, _BOTTOM, _TOP))


def risk_coverage(curve: Sequence[Operating], target: float) -> Markup:
    """Draw the risk-coverage curve beside a perfect ranking of the same answers and none at all."""
    error = curve[-1].risk
    perfect = [(share / 100, max(0.0, 1 - (1 - error) * 100 / share)) for share in range(1, 101)]
    points = [(0.0, curve[0].risk), *((point.coverage, point.risk) for point in curve)]
    half = _UNIT.at(((1 - error) / (1 - error / 2), error / 2))  # where a perfect ranking has half the error
    beside = (half[0] + 8, half[1] + 10, "start") if half[0] < _RIGHT - 90 else (half[0] - 8, half[1], "end")
    return _drawing(
        _HEIGHT,
        "Risk-coverage curve",
        *_frame(_UNIT, [(tick, f"{tick:g}") for tick in _FIFTHS], "coverage", "risk"),
        _path([_UNIT.at(point) for point in ((0, target), (1, target))], "guide"),
        _text(_LEFT + 5, _UNIT.up.at(target) - 4, f"risk {target * 100:g} %", "start"),
        _path([_UNIT.at(point) for point in ((0, error), (1, error))], "reference"),
        _text(_UNIT.across.at(0.3), _UNIT.up.at(error) - 5, "constant confidence", "start"),
        _path([_UNIT.at(point) for point in perfect], "reference"),
        _text(*beside[:2], "perfect ranking", beside[2]),
        _path([_UNIT.at(point) for point in points], "curve"),
    )


def reliability(bins: Sequence[ReliabilityBin]) -> Markup:
    """Draw how often answers of each confidence were right, with Wilson intervals, against the diagonal."""
    dots = [_UNIT.at((found.confidence, found.accuracy)) for found in bins]
    return _drawing(
        _HEIGHT,
        "Reliability diagram",
        *_frame(_UNIT, [(tick, f"{tick:g}") for tick in _FIFTHS], "confidence", "share right"),
        _path([_UNIT.at((0, 0)), _UNIT.at((1, 1))], "reference"),
        _text(*_UNIT.at((0.62, 0.7)), "perfect calibration", "end"),
        *(
            _path(
                [_UNIT.at((b.confidence, b.interval.low)), _UNIT.at((b.confidence, b.interval.high))],
                "whisker",
            )
            for b in bins
        ),
        _path(dots, "thin"),
        *(_dot(*dot) for dot in dots),
    )


def latency(answered: Sequence[float], others: Sequence[float], marks: Mapping[str, float]) -> Markup:
    """Draw the times to an answer on a logarithmic axis; answers that were withheld or failed in grey."""
    every = [max(1.0, value) for value in (*answered, *others)]
    low, high = math.log10(min(every)) - 0.05, math.log10(max(every)) + 0.05
    width = (high - low) / _LATENCY_BINS
    full, part = (_histogram(values, low, width) for values in (every, answered))
    plane = _Plane(_Axis(low, high, _LEFT, _RIGHT), _Axis(0, max(full) * 1.15, _BOTTOM, _TOP))
    bars = [
        _bar(plane, low + i * width, width, count, style)
        for counts, style in ((full, "muted"), (part, "main"))
        for i, count in enumerate(counts)
        if count
    ]
    return _drawing(
        _HEIGHT,
        "Latency histogram",
        *_frame(plane, _log_ticks(low, high), "time to an answer", "questions", _counts(max(full))),
        *bars,
        *_marks(
            [(plane.across.at(math.log10(max(1.0, v))), f"{n} {milliseconds(v)}") for n, v in marks.items()]
        ),
    )


def waterfall(total: int, losses: Mapping[str, float], kept: str) -> Markup:
    """Draw what each step lost of all questions, as bars that continue one another."""
    lost = {label: count for label, count in losses.items() if count}
    width = _Axis(0, max(1, total), _LABELS + 8, _RIGHT - 44)
    left = float(total)
    rows = [*_row(0, "All questions", width, 0, left, f"{total}", "muted")]
    for line, (label, count) in enumerate(lost.items(), start=1):
        rows += _row(line, label, width, left - count, left, f"−{count:g}", "loss")
        left -= count
    rows += _row(len(lost) + 1, kept, width, 0, left, f"{left:g}", "main")
    return _drawing(_ROW * (len(lost) + 2) + 6, "Failure waterfall", *rows)


def differences(rows: Sequence[tuple[str, float, Interval | None]]) -> Markup:
    """Draw differences with their intervals about a line at zero."""
    ends = [abs(end) for _, delta, ci in rows for end in (delta, *((ci.low, ci.high) if ci else ()))]
    reach = next((nice for nice in _REACHES if nice >= max(ends, default=0)), max(ends, default=1))
    across = _Axis(-reach, reach, _LABELS + 16, _RIGHT - 8)
    bottom = _ROW * len(rows) + 10
    drawn = [_path([(across.at(0), 4), (across.at(0), bottom)], "axis")]
    for line, (label, delta, ci) in enumerate(rows):
        y = _ROW * line + 18
        drawn.append(_text(_LABELS, y + 4, label, "end", "label"))
        if ci:
            drawn.append(_path([(across.at(ci.low), y), (across.at(ci.high), y)], "whisker"))
        drawn.append(_dot(across.at(delta), y))
    for tick in (-reach, 0.0, reach):
        drawn.append(_text(across.at(tick), bottom + 14, signed(tick), "middle"))
    return _drawing(bottom + 20, "Differences with intervals", *drawn)


def estimate(value: float, ends: Interval | None) -> Markup:
    """Draw one estimate between 0 and 1 with its interval, small enough for a table's cell."""
    across = _Axis(0, 1, 3, 93)
    line = _path([(across.at(ends.low), 7), (across.at(ends.high), 7)], "whisker") if ends else Markup()
    label = f"{value:.3f} {interval(ends)}"
    ground = _path([(across.at(0), 7), (across.at(1), 7)], "ground")
    drawn = (element("title", label), ground, line, _dot(across.at(value), 7))
    return element("svg", *drawn, class_="spark", viewBox="0 0 96 14", role="img", aria_label=label)


def _drawing(height: float, name: str, *parts: Markup) -> Markup:
    box = f"0 0 {_WIDTH:g} {height:g}"
    return element("svg", element("title", name), *parts, viewBox=box, role="img", aria_label=name)


def _frame(
    plane: _Plane,
    ticks: Sequence[tuple[float, str]],
    across: str,
    up: str,
    up_ticks: Sequence[tuple[float, str]] | None = None,
) -> list[Markup]:
    """The two axes with their ticks and names, and faint lines from the vertical ticks."""
    parts = []
    for value, label in up_ticks or ticks:
        y = plane.up.at(value)
        parts.append(_path([(_LEFT, y), (_RIGHT, y)], "grid"))
        parts.append(_text(_LEFT - 6, y + 4, label, "end"))
    for value, label in ticks:
        x = plane.across.at(value)
        parts.append(_path([(x, _BOTTOM), (x, _BOTTOM + 4)], "axis"))
        parts.append(_text(x, _BOTTOM + 17, label, "middle"))
    parts.append(_path([(_LEFT, _BOTTOM), (_RIGHT, _BOTTOM)], "axis"))
    parts.append(_text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, across, "middle", "label"))
    parts.append(_text(12, (_TOP + _BOTTOM) / 2, up, "middle", "label turned"))
    return parts


def _row(
    line: int, label: str, width: _Axis, low: float, high: float, figure: str, style: str
) -> list[Markup]:
    top = _ROW * line + 4
    x = width.at(low)
    return [
        _text(_LABELS, top + 12, label, "end", "label"),
        element("rect", class_=style, x=x, y=top, width=max(1.0, width.at(high) - x), height=_ROW - 7),
        _text(width.at(high) + 5, top + 12, figure, "start", "figure"),
    ]


def _histogram(values: Sequence[float], low: float, width: float) -> list[int]:
    counts = [0] * _LATENCY_BINS
    for value in values:
        counts[min(_LATENCY_BINS - 1, int((math.log10(max(1.0, value)) - low) / width))] += 1
    return counts


def _bar(plane: _Plane, left: float, width: float, count: int, style: str) -> Markup:
    x, top = plane.at((left, count))
    across = plane.across.at(left + width) - x - 1
    return element("rect", class_=style, x=x, y=top, width=across, height=_BOTTOM - top)


def _marks(marks: Sequence[tuple[float, str]]) -> list[Markup]:
    """Dashed lines across the plot, and their names, the last to its right, where there is room."""
    names = []
    for line, (x, name) in enumerate(marks):
        left = x > _RIGHT - 90 or (line < len(marks) - 1 and x > _LEFT + 90)
        names.append(_text(x - 5 if left else x + 5, _TOP + 9, name, "end" if left else "start"))
    return [*(_path([(x, _TOP), (x, _BOTTOM)], "reference") for x, _ in marks), *names]


def _log_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """1, 2 and 5 times each power of ten in the range; where that is too many, the powers alone."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    fine = [math.log10(step * 10**power) for power in powers for step in (1, 2, 5)]
    inside = [value for value in fine if low <= value <= high]
    if len(inside) > 7:
        inside = [value for value in inside if value == round(value)]
    return [(value, milliseconds(10**value).replace(".0 ", " ")) for value in inside]


def _counts(highest: int) -> list[tuple[float, str]]:
    step = max(1, 10 ** math.floor(math.log10(highest)))
    step = step if highest >= 3 * step else max(1, step // 2) if highest > step else max(1, step // 5)
    return [(float(value), str(value)) for value in range(0, highest + 1, step)]


def _path(points: Sequence[Point], style: str) -> Markup:
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element("polyline", class_=style, points=drawn)


def _dot(x: float, y: float) -> Markup:
    return element("circle", class_="dot", cx=x, cy=y, r=3.5)


def _text(x: float, y: float, words: str, anchor: str, style: str = "tick") -> Markup:
    if "turned" not in style:
        return element("text", words, class_=style, x=x, y=y, text_anchor=anchor)
    turn = f"rotate(-90 {x:.1f} {y:.1f})"
    return element("text", words, class_=style, x=x, y=y, text_anchor=anchor, transform=turn)
