"""Figures: what was measured, what it is held against, and the table of them."""
import dataclasses
import json
import statistics


@dataclasses.dataclass
class Figure:
    figure: str
    unit: str
    median: float
    p99: float | None = None
    against: str = ""           # the floor of the same run, or another version, with its median
    ratio: float | None = None  # median of the rounds' ratios
    goal: str = ""
    better: str = "lower"


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def compared(figure, unit, rounds, floors, against, goal="", better="lower"):
    """A figure from rounds that took turns with those of its floor; each round is a list of values."""
    ratio = statistics.median(statistics.median(a) / statistics.median(b) for a, b in zip(rounds, floors, strict=True))
    flat, floor = sum(rounds, []), statistics.median(sum(floors, []))
    return Figure(figure, unit, statistics.median(flat), percentile(flat, 0.99), f"{against}: {shown(floor)} {unit}", ratio, goal, better)


def plain(figure, unit, values, goal="", better="lower", against=""):
    return Figure(figure, unit, statistics.median(values), percentile(values, 0.99), against, None, goal, better)


def from_line(line):
    """What a program of the bench prints: a figure as JSON."""
    return Figure(**json.loads(line))


def shown(value):
    return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write(folder, topic, figures):
    folder.mkdir(exist_ok=True)
    (folder / f"{topic}.json").write_text(json.dumps([dataclasses.asdict(f) for f in figures], indent=1, ensure_ascii=False) + "\n")


def table(figures):
    rows = [("figure", "median", "p99", "unit", "against", "ratio", "goal")]
    rows += [(f.figure, shown(f.median), shown(f.p99), f.unit, f.against, "" if f.ratio is None else f"{f.ratio:.2f}×", f.goal) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.rjust(width) if i in (1, 2, 5) else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
