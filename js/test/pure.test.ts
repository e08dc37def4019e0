import { describe, expect, test } from "vitest";
import { CONTROLS, changed, dialStops, leastOf, nearestStop, stopsOf, withNumber } from "../src/pure/controls";
import { nearest, pathOf, points, reachOf, scalesOf, thin } from "../src/pure/curve";
import {
  fileName,
  formatCount,
  formatDuration,
  formatLarge,
  formatNumber,
  formatShape,
  formatStep,
} from "../src/pure/format";
import { readLink, writeLink } from "../src/pure/link";
import { closest, extend, including, toggle } from "../src/pure/selection";
import {
  layOut,
  moveBy,
  rowsInView,
  scrollToOpen,
  scrollToShow,
  tileAt,
  tilesInView,
  topOfRow,
} from "../src/pure/sheet";
import { expectedStages, newest, stageBeside } from "../src/pure/stages";
import { DEFAULTS } from "../src/traits";
import { layer } from "./model";

describe("numbers", () => {
  test("have three digits, a true minus sign, and no exponent where none is needed", () => {
    expect([129.4, 12.34, 0.0321, -0.5, 0, 12345].map((value) => formatNumber(value))).toEqual([
      "129",
      "12.3",
      "0.0321",
      "−0.500",
      "0.00",
      "12345",
    ]);
  });
  test("that are unknown or not finite are a dash", () => {
    expect([null, Number.NaN, Number.POSITIVE_INFINITY].map((value) => formatNumber(value))).toEqual(["–", "–", "–"]);
  });
  test("are short where they are very large or very small", () => {
    expect(formatNumber(3.2e9)).toBe("3.20e9");
    expect([999.4, 999.5, -999.8, 1000].map((value) => formatNumber(value))).toEqual(["999", "1000", "−1000", "1000"]);
    expect([999_499, 999_950, 999.9].map(formatLarge)).toEqual(["999 k", "1 M", "1 k"]);
    expect([59.4, 59.6].map(formatDuration)).toEqual(["59 s left", "1 min left"]);
    expect(formatNumber(-2e-7)).toBe("−2.00e−7");
    expect([864, 21_676_032, 1_150_000_000].map(formatLarge)).toEqual(["864", "21.7 M", "1.15 G"]);
  });
  test("of tiles are grouped by thousands", () => {
    expect([12, 2000, 1234567].map(formatCount)).toEqual(["12", "2\u2009000", "1\u2009234\u2009567"]);
  });
  test("of seconds become what one would say", () => {
    expect([0.4, 12, 95, 3700, null].map(formatDuration)).toEqual([
      "under 1 s left",
      "12 s left",
      "2 min left",
      "1 h 2 min left",
      "",
    ]);
  });
});

test("a shape is shown without the axis of the units, wherever that is the last", () => {
  expect(formatShape([14, 14, 80], 80)).toBe("14×14");
  expect(formatShape([80, 14, 14], 80)).toBe("80×14×14");
  expect(formatShape([1000], 1000)).toBe("");
});

test("steps are short where there is little room", () => {
  expect([0, 4096, 16_384, 65_536].map(formatStep)).toEqual(["0", formatCount(4096), "16k", "66k"]);
});

test("a file is named after its layer without making folders", () => {
  expect(fileName("stage4/block2/add", 12, "positive")).toBe("stage4-block2-add_12_positive.png");
});

describe("a deep link", () => {
  const layers = [layer("stem/conv", 32), layer("a:b", 4)];
  test("is read back as it was written", () => {
    for (const link of [
      { layer: "stem/conv", unit: 31, sign: 1 as const },
      { layer: "stem/conv", unit: 0, sign: -1 as const },
      { layer: "a:b", unit: 3, sign: 1 as const },
    ]) {
      expect(readLink(writeLink(link), layers)).toEqual(link);
    }
  });
  test("to a class is read by its name, and `output` is the last layer as in Python", () => {
    const names = { animals: ["zebra", "golden retriever", "a: b"], digits: ["1", "2", "0"] };
    const ends = [...layers, layer("numbers", 3, "digits"), layer("head/classifier", 3, "animals")];
    for (const [text, name, unit] of [
      ["head/classifier:zebra", "head/classifier", 0],
      ["output:Golden Retriever", "head/classifier", 1],
      ["output: 2", "head/classifier", 2],
      ["output:a: b", "head/classifier", 2],
      ["numbers:1", "numbers", 1],
    ] as const) {
      expect(readLink(text, ends, names)).toEqual({ layer: name, unit, sign: 1 });
    }
    expect(readLink("output:gnu", ends, names)).toBeNull();
    expect(readLink("stem/conv:zebra", ends, names)).toBeNull();
    expect(readLink("output:1", [...ends, layer("output", 2), layer("end", 2)], names)?.layer).toBe("output");
  });
  test("to what the model does not have is none", () => {
    for (const text of ["stem/conv:32", "stem:1", "stem/conv", ":1", "", "stem/conv:x"]) {
      expect(readLink(text, layers)).toBeNull();
    }
  });
});

test("a unit that is not in the grid has its place among those that are", () => {
  expect(including([0, 1, 2], 7)).toEqual([0, 1, 2, 7]);
  expect(including([4, 9, 12], 7)).toEqual([4, 7, 9, 12]);
  expect(including([9, 4], 4)).toEqual([9, 4]);
  expect(including([], 3)).toEqual([3]);
  expect(closest([4, 9, 12], 7)).toBe(9);
});

describe("the contact sheet", () => {
  const sheet = layOut(100, 8 + 8 + 5 * 97, 96, 1);
  test("holds as many tiles in a row as fit with their gaps", () => {
    expect(sheet.columns).toBe(5);
    expect(layOut(100, 16 + 5 * 97 - 2, 96, 1).columns).toBe(4);
    expect(sheet.rows).toBe(20);
  });
  test("has one column where not even one tile fits", () => {
    expect(layOut(3, 20, 96, 1).columns).toBe(1);
  });
  test("has rows in view only where the view is", () => {
    expect(rowsInView(sheet, 0, 300)).toEqual([0, 3]);
    expect(tilesInView(sheet, 0, 300)).toEqual([0, 15]);
    expect(rowsInView(sheet, sheet.totalHeight, 300)).toEqual([20, 20]);
    expect(rowsInView(sheet, 1000, 300, 1)[1] - rowsInView(sheet, 1000, 300, 1)[0]).toBeLessThan(7);
  });
  test("of 2,000 tiles keeps few of them in existence", () => {
    const wide = layOut(2000, 600, 48, 1);
    const [first, end] = rowsInView(wide, 5000, 700, 1);
    expect((end - first) * wide.columns).toBeLessThan(200);
  });
  test("scrolls just so far that a tile is in view", () => {
    expect(scrollToShow(sheet, 7, 0, 400)).toBe(0);
    const down = scrollToShow(sheet, 99, 0, 400);
    expect(tilesInView(sheet, down, 400)[1]).toBe(100);
    expect(scrollToShow(sheet, 0, down, 400)).toBe(0);
  });
  test("shows nothing of the captions above the row that is first in view", () => {
    expect(scrollToShow(sheet, 50, 5000, 400)).toBe(topOfRow(sheet, 10));
    expect(rowsInView(sheet, topOfRow(sheet, 10), 400)[0]).toBe(9); // the gap alone
    expect(tileAt(sheet, sheet.left, topOfRow(sheet, 10))).toBeNull();
  });
  test("is opened at its top, or with the tile amid its neighbours", () => {
    expect(scrollToOpen(sheet, 7, 400)).toBe(0);
    const [first, end] = rowsInView(sheet, scrollToOpen(sheet, 50, 5 * sheet.rowPitch), 5 * sheet.rowPitch);
    expect([first, end]).toEqual([7, 13]);
    expect(scrollToOpen(sheet, 99, 400)).toBe(sheet.totalHeight - 400);
  });
  test("stands in the middle of the table, and less than a row of it at the edge", () => {
    expect(layOut(100, 500 + 61, 96, 1).left).toBe((561 - 5 * 97 + 1) / 2 - 0.5);
    expect(layOut(4, 500 + 61, 96, 1).left).toBe(8);
    expect(layOut(3, 20, 96, 1).left).toBe(0);
  });
  test("finds the tile at a place, and nothing between tiles", () => {
    const { left, columnPitch, rowPitch } = sheet;
    expect(tileAt(sheet, left, 8)).toBe(0);
    expect(tileAt(sheet, left + 2 * columnPitch + 95, 8 + 3 * rowPitch + 111)).toBe(17);
    expect(tileAt(sheet, left + 96, 8)).toBeNull();
    expect(tileAt(sheet, left - 1, 8)).toBeNull();
    expect(tileAt(sheet, left, 0)).toBeNull();
    expect(tileAt(layOut(99, 501, 96, 1), left + 4 * columnPitch, 8 + 19 * rowPitch)).toBeNull();
  });
  test.each([
    ["ArrowRight", 12, 13],
    ["ArrowLeft", 0, 0],
    ["ArrowDown", 12, 17],
    ["ArrowUp", 12, 7],
    ["ArrowUp", 2, 2],
    ["Home", 50, 0],
    ["End", 50, 99],
    ["PageDown", 12, 27],
    ["PageUp", 12, 2],
    ["PageDown", 98, 99],
    ["ArrowRight", 99, 99],
  ])("%s leads from tile %i to %i", (key, from, to) => {
    expect(moveBy(key, from, sheet, 3)).toBe(to);
  });
  test("leads down into a last row that is short, and no further", () => {
    const short = layOut(7, 16 + 5 * 97, 96, 1);
    expect(moveBy("ArrowDown", 4, short, 3)).toBe(6);
    expect(moveBy("ArrowDown", 5, short, 3)).toBe(5);
  });
  test("leaves other keys alone", () => {
    expect(moveBy("x", 4, sheet, 3)).toBeNull();
    expect(moveBy("ArrowDown", 0, layOut(0, 500, 96, 1), 3)).toBeNull();
  });
});

describe("selecting", () => {
  const units = [3, 7, 9, 20, 21];
  test("one unit adds it in the order of the grid, and again removes it", () => {
    expect(toggle(units, [20], 7)).toEqual([7, 20]);
    expect(toggle(units, [7, 20], 7)).toEqual([20]);
  });
  test("a span works in both directions and keeps what was selected", () => {
    expect(extend(units, [3], 20, 9)).toEqual([3, 9, 20]);
    expect(extend(units, [], 7, 21)).toEqual([7, 9, 20, 21]);
  });
  test("a unit that is not in the grid changes nothing", () => {
    expect(extend(units, [3], 7, 8)).toEqual([3]);
  });
});

describe("the score curve", () => {
  const curve = points([0, 1, 2, 3], [1, null, Number.NaN, 3]);
  test("leaves out steps without a score", () => {
    expect(curve).toEqual([
      { step: 0, score: 1 },
      { step: 3, score: 3 },
    ]);
  });
  test("fills the height, and the width up to where the climb is", () => {
    const scales = scalesOf([curve], 6);
    expect(pathOf(curve, scales, 100, 50)).toBe("M0.0 50.0L50.0 0.0");
  });
  test("that is flat or empty has finite scales", () => {
    expect(scalesOf([points([0, 1], [2, 2])], 4)).toEqual({ low: 1, high: 3, lastStep: 4 });
    expect(scalesOf([[]], 0)).toEqual({ low: 0, high: 1, lastStep: 1 });
  });
  test("has an axis that doubles as it grows, up to the steps of the climb", () => {
    expect([0, 64, 65, 300, 599].map((step) => reachOf(step, 600))).toEqual([64, 64, 128, 512, 600]);
    expect(reachOf(3, 8)).toBe(8);
  });
  test("has an axis of all steps that were made, where fewer are asked for since", () => {
    expect(reachOf(63, 48)).toBe(64);
    expect(reachOf(90, 8)).toBe(91);
  });
  test("is thinned without losing its peaks", () => {
    const long = Array.from({ length: 10_000 }, (_, step) => ({
      step,
      score: step === 5_003 ? 9 : step === 77 ? -9 : 0,
    }));
    const few = thin(long, 100);
    expect(few.length).toBeLessThanOrEqual(400);
    expect(few).toContainEqual({ step: 5_003, score: 9 });
    expect(few).toContainEqual({ step: 77, score: -9 });
    expect(few.map(({ step }) => step)).toEqual(few.map(({ step }) => step).sort((one, two) => one - two));
    expect(few.at(-1)?.step).toBe(9_999);
  });
  test("is read at the nearest step", () => {
    expect(nearest(curve, 1)?.step).toBe(0);
    expect(nearest(curve, 2)?.step).toBe(3);
    expect(nearest([], 2)).toBeNull();
  });
});

describe("a control", () => {
  test.each([
    [[224, 224], 8],
    [[6, 6], 6],
    [[6, 9], 8],
    [[4], 4],
    [[], 8],
  ])("the least size for a model of inputs of %j is %d", (extents, least) => {
    const [size, steps] = (["size", "steps"] as const).map((name) => CONTROLS.find((each) => each.name === name));
    expect(size && leastOf(size, extents)).toBe(least);
    expect(steps && leastOf(steps, extents)).toBe(1);
  });
  test.each(CONTROLS)("$name: every stop of the slider is another value within the limits", (control) => {
    const stops = stopsOf(control);
    expect(stops[0]).toBe(control.from);
    expect(stops.at(-1)).toBe(control.to);
    stops.forEach((stop, index) => {
      expect(stop).toBeGreaterThanOrEqual(control.least);
      expect(stop).toBeLessThanOrEqual(control.greatest);
      expect(nearestStop(stops, stop)).toBe(index);
      if (index > 0) expect(stop).toBeGreaterThan(stops[index - 1] as number);
    });
  });
  test("has its usual values among its stops, without digits that nobody chose", () => {
    const stops = Object.fromEntries(CONTROLS.map((control) => [control.name, stopsOf(control)]));
    expect(stops.steps).toEqual(expect.arrayContaining([16, 64, 128, 256, 512, 1024, 4096]));
    expect(stops.learning_rate).toEqual(expect.arrayContaining([0.001, 0.0025, 0.05, 0.3, 1]));
    expect(stops.size).toEqual(expect.arrayContaining([64, 128, 224]));
    expect(stops.decay_power).toEqual(expect.arrayContaining([0.35, 1, 1.5]));
  });
  test("whose value was typed shows it at the nearest stop", () => {
    expect(nearestStop([1, 2, 4], 3.4)).toBe(2);
    expect(nearestStop([1, 2, 4], 99)).toBe(2);
  });

  const presets = { lucid: { noise: 0, max_degrees: 10 }, noisy: { noise: 0.1, max_degrees: 10 } };
  test("that moves away from a preset names it custom, and back names the preset again", () => {
    const moved = changed({ ...DEFAULTS.settings, preset: "lucid" }, { noise: 0.2 }, presets);
    expect(moved.preset).toBe("custom");
    expect(changed(moved, { noise: 0.1 }, presets).preset).toBe("noisy");
  });
  test("that chooses a preset sets its numbers and no others", () => {
    const chosen = changed({ ...DEFAULTS.settings, steps: 64 }, { preset: "noisy" }, presets);
    expect(chosen).toMatchObject({ preset: "noisy", noise: 0.1, steps: 64 });
  });
});

describe("a number of a preset", () => {
  const dial = { name: "decay", label: "", meaning: "", value: 0.0015378, least: 0, greatest: 1, low: 0, high: 1 };

  test("has zero, its own value and two digits at every size among its stops", () => {
    const stops = dialStops({ ...dial, step: 0 });
    expect(stops.slice(0, 3)).toEqual([0, 0.00001, 0.000011]);
    expect(stops).toContain(0.0015378);
    expect(stops.at(-1)).toBe(1);
    expect(stops).toEqual([...new Set(stops)].sort((one, two) => one - two));
    expect(stops.length).toBeLessThan(500);
  });

  test("with even steps has these, and begins where it may", () => {
    expect(dialStops({ ...dial, value: 0.25, step: 0.1, high: 0.4 })).toEqual([0, 0.1, 0.2, 0.25, 0.3, 0.4]);
    expect(dialStops({ ...dial, value: 2, step: 1, low: 1, high: 4 })).toEqual([1, 2, 3, 4]);
  });

  test("that never is zero goes from a hundredth to a hundred times its own", () => {
    const stops = dialStops({ ...dial, value: 0.05, low: 0.0005, high: 5, step: 0 });
    expect([stops[0], stops.at(-1)]).toEqual([0.0005, 5]);
    expect(stops).toContain(0.05);
  });

  test("is kept while it is not the preset's own", () => {
    const once = withNumber({}, "dvt_1", dial, 0.5);
    expect(once).toEqual({ dvt_1: { decay: 0.5 } });
    expect(withNumber(once, "lucid", { name: "noise", value: 0 }, 0.1)).toEqual({ ...once, lucid: { noise: 0.1 } });
    expect(withNumber(once, "dvt_1", { name: "noise", value: 0 }, 0.1)).toEqual({ dvt_1: { decay: 0.5, noise: 0.1 } });
    expect(withNumber(once, "dvt_1", dial, dial.value)).toEqual({});
  });
});

describe("stages", () => {
  test("are at powers of 4, and at the end", () => {
    expect(expectedStages(256)).toEqual([0, 4, 16, 64, 256]);
    expect(expectedStages(300)).toEqual([0, 4, 16, 64, 256, 300]);
    expect(expectedStages(1)).toEqual([0, 1]);
  });
  test("of a climb that was looked at after other steps are put beside the nearest", () => {
    expect([0, 1, 2, 3].map((index) => stageBeside([4, 16, 60], [1, 5, 22, 64], index))).toEqual([0, 0, 1, 2]);
    expect(stageBeside([0], [0, 4, 16], 1)).toBe(0);
    expect(stageBeside([], [0, 4], 1)).toBeNull();
  });
  const own = { generation: 1, width: 128, stages: [0, 4, 9] };
  test("give way to the grid's picture where that is newer and no smaller", () => {
    expect(newest({ generation: 1, width: 128, step: 12 }, own)).toBe("grid");
    expect(newest({ generation: 1, width: 64, step: 12 }, own)).toBe("own");
    expect(newest({ generation: 1, width: 128, step: 8 }, own)).toBe("own");
    expect(newest({ generation: 2, width: 64, step: 1 }, own)).toBe("grid");
    expect(newest({ generation: 1, width: 64, step: 1 }, null)).toBe("grid");
    expect(newest(undefined, { ...own, stages: [] })).toBeNull();
  });
});
