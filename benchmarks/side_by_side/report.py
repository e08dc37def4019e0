"""Tables, in Markdown."""

import statistics
from collections.abc import Mapping, Sequence

from side_by_side.cases import Case
from side_by_side.machine import BUSY_CORES
from side_by_side.measure import TOLERANCE, Agreement, Samples

OURS = "jaxviz"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table in columns as wide as they need to be."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def agreement_table(agreements: Sequence[Agreement]) -> str:
    """Show that the systems compute the same network."""
    rows = []
    for item in agreements:
        differences = [f"{difference:.1e}" for difference in item.differences.values()]
        scores = [f"{score:.3g}" for score in item.scores.values()]
        verdict = "same network" if item.holds else f"NOT the same within {TOLERANCE}: comparison void"
        rows.append([f"{item.network} {item.layer}", f"{item.largest:.3g}", *differences, verdict, *scores])
    names = list(agreements[0].differences)
    scored = [f"score, {name}" for name in agreements[0].scores]
    header = ["layer", "largest value", *(f"largest difference, {name}" for name in names), "verdict", *scored]
    return table(header, rows)


def seconds_table(results: Mapping[Case, Mapping[str, Samples]], systems: Sequence[str]) -> str:
    """Show milliseconds a step for the whole batch, with the fastest and slowest sample, and image-steps a second."""
    rows = []
    for case, samples in results.items():
        cells = [_milliseconds(samples[name], case) if name in samples else "-" for name in systems]
        rows.append([str(case), *cells])
    return table(["ms a step (range), image-steps/s", *systems], rows)


def _milliseconds(samples: Samples, case: Case) -> str:
    low, middle, high = (1000 * value for value in (min(samples.seconds), samples.median, max(samples.seconds)))
    return f"{middle:.0f} ({low:.0f} to {high:.0f}), {case.units / samples.median:.1f}/s"


def ratio_table(results: Mapping[Case, Mapping[str, Samples]], systems: Sequence[str]) -> str:
    """Show how many times longer than jaxviz each system takes: by medians, and by fastest samples."""
    peers = [name for name in systems if name != OURS]
    rows = []
    for case, samples in results.items():
        cells = [_ratio(samples[name], samples[OURS]) if {name, OURS} <= set(samples) else "-" for name in peers]
        rows.append([str(case), *cells, f"{_others(samples):.1f}"])
    return table(["time / jaxviz's: medians (fastest)", *peers, "cores others used"], rows)


def _ratio(theirs: Samples, ours: Samples) -> str:
    return f"{theirs.median / ours.median:.2f} ({min(theirs.seconds) / min(ours.seconds):.2f})"


def remarks(results: Mapping[Case, Mapping[str, Samples]]) -> list[str]:
    """Say what tables do not: what systems say, where one unit at a time is faster, where others disturbed."""
    lines = []
    for case, samples in results.items():
        lines += [f"{case}: {name} {item.note}" for name, item in samples.items() if item.note]
        single = results.get(Case(case.network, case.layer, 1))
        for name, item in samples.items():
            if single and name in single and name != OURS and case.units * single[name].median < item.median:
                alone = case.units * single[name].median
                lines.append(f"{case}: {name} would be faster one unit at a time, {1000 * alone:.0f} ms a step")
    disturbed = [case for case, samples in results.items() if _others(samples) > BUSY_CORES]
    if disturbed:
        lines.append(
            f"THE MACHINE WAS BUSY in {len(disturbed)} of {len(results)} cases: others used more than {BUSY_CORES} "
            "cores on average, so times are too long; how much so differs between systems"
        )
    return lines


def _others(samples: Mapping[str, Samples]) -> float:
    return statistics.mean(value for item in samples.values() for value in item.others)


def cold_table(starts: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Show what a fresh process waits for, in medians, and how many programs it compiles."""
    rows = []
    for name, runs in starts.items():
        for what in runs[0]:
            if what.endswith(": compilations"):
                continue
            seconds = statistics.median(run[what] for run in runs)
            compilations = int(statistics.median(run[f"{what}: compilations"] for run in runs))
            rows.append([name, what, f"{seconds:.2f}", str(compilations) if name.startswith("jaxviz") else ""])
    return table(["process", "what", "seconds", "compilations"], rows)
