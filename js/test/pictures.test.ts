import { beforeEach, expect, test } from "vitest";
import type { Frame } from "../src/messages";
import { keptSize, type Picture, Pictures } from "../src/pictures";

let made: HTMLCanvasElement[];
let pictures: Pictures;

beforeEach(() => {
  made = [];
  pictures = new Pictures((width, height) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    made.push(canvas);
    return canvas;
  });
});

function frame(layer: string, units: number[], { generation = 1, side = 64, step = 1 } = {}): Frame {
  const tiles = units.map((unit) => ({ unit, sign: 1 as const, step, score: 1, state: "c" as const }));
  return { type: "frame", id: 1, layer, generation, height: side, width: side, columns: 8, tiles };
}

const atlas = document.createElement("canvas");
const range = (count: number) => [...Array(count).keys()];

test("no two tiles share a place, and a tile keeps its own", () => {
  pictures.take(frame("conv", range(300)), atlas, 300);
  const places = range(300).map((unit) => pictures.get("conv", unit, 1));
  const written = new Set(
    places.map((place) => `${made.indexOf(place?.source as HTMLCanvasElement)} ${place?.left} ${place?.top}`),
  );
  expect(written.size).toBe(300);
  pictures.take(frame("conv", [7], { step: 9 }), atlas, 300);
  expect(pictures.get("conv", 7, 1)).toMatchObject({ step: 9, left: places[7]?.left, top: places[7]?.top });
  expect(made).toHaveLength(2);
});

test("whoever watches a tile hears of its pictures and of no others, until it stops", () => {
  const seen: Picture[] = [];
  const end = pictures.watch("conv", 3, 1, (picture) => seen.push(picture));
  pictures.take(frame("conv", [2, 3]), atlas, 8);
  pictures.take(frame("other", [3]), atlas, 8);
  end();
  pictures.take(frame("conv", [3]), atlas, 8);
  expect(seen.map(({ unit }) => unit)).toEqual([3]);
});

test("a frame of an older generation changes nothing", () => {
  pictures.take(frame("conv", [3], { generation: 2, step: 1 }), atlas, 8);
  pictures.take(frame("conv", [3], { generation: 1, step: 90 }), atlas, 8);
  expect(pictures.get("conv", 3, 1)).toMatchObject({ generation: 2, step: 1 });
});

test("pictures of another size move to pages of that size, one by one", () => {
  pictures.take(frame("conv", [0, 1]), atlas, 8);
  pictures.take(frame("conv", [1], { generation: 2, side: 128 }), atlas, 8);
  expect(pictures.get("conv", 0, 1)?.width).toBe(64);
  expect(pictures.get("conv", 1, 1)?.width).toBe(128);
  expect(pictures.get("conv", 1, 1)?.source).not.toBe(pictures.get("conv", 0, 1)?.source);
});

test("a very wide layer is kept smaller, so that it fits", () => {
  expect(keptSize({ width: 128, height: 128 }, 500)).toEqual({ width: 128, height: 128 });
  const { width, height } = keptSize({ width: 224, height: 112 }, 4000);
  expect(4 * width * height * 4000).toBeLessThanOrEqual(192 * 2 ** 20);
  expect(width / height).toBeCloseTo(2, 1);
});

test("layers that were shown longest ago make room, and are asked for when they are shown again", () => {
  for (const layer of ["one", "two", "three"]) {
    pictures.take(frame(layer, range(2560), { side: 128 }), atlas, 2560);
    expect(pictures.show(layer)).toBe(false);
  }
  expect(pictures.get("one", 0, 1)).toBeUndefined();
  expect(pictures.get("two", 0, 1)).toBeDefined();
  expect(pictures.show("one")).toBe(true);
  expect(pictures.show("one")).toBe(false);
});
