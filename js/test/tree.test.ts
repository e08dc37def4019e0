import { expect, test } from "vitest";
import { countText, layerRows } from "../src/pure/rows";
import { modulesAround, searchClasses, searchLayers, treeRows } from "../src/pure/tree";
import { layer } from "./model";

const LAYERS = [
  layer("stem/conv", 8),
  layer("stem/relu", 8),
  layer("stage1/block1/conv", 16),
  layer("stage1/block1/relu", 16),
  layer("stage2/block1/conv", 16),
  layer("stage2/block2/conv", 16),
  layer("logits", 10, "classes"),
];
const all = () => true;
const none = () => false;

test("modules nest as the names do, in the order of the model", () => {
  const rows = treeRows(LAYERS, all).map(({ label, depth }) => `${"  ".repeat(depth)}${label}`);
  expect(rows).toEqual([
    "stem",
    "  conv",
    "  relu",
    "stage1/block1",
    "  conv",
    "  relu",
    "stage2",
    "  block1",
    "    conv",
    "  block2",
    "    conv",
    "logits",
  ]);
});

test("a closed module hides its layers and says how many they are", () => {
  const rows = treeRows(LAYERS, none);
  expect(rows.map(({ label, layers }) => [label, layers])).toEqual([
    ["stem", 2],
    ["stage1/block1", 2],
    ["stage2", 2],
    ["logits", 1],
  ]);
});

test("the modules around a layer are those that must be open to see it", () => {
  const around = new Set(modulesAround("stage1/block1/conv"));
  const rows = treeRows(LAYERS, (path) => around.has(path));
  expect(rows.some(({ path }) => path === "stage1/block1/conv")).toBe(true);
  expect(rows.some(({ path }) => path === "stem/conv")).toBe(false);
});

test("class layers come last, whatever their place in the model", () => {
  const rows = layerRows([layer("head/logits", 10, "classes"), ...LAYERS.slice(0, 2)], {}, "", all);
  expect(rows.at(-1)).toMatchObject({ kind: "layer", label: "head/logits", atEnd: true });
  expect(rows.filter(({ kind }) => kind === "module").map(({ label }) => label)).toEqual(["stem"]);
});

test("a module whose own output is a layer opens like any module", () => {
  const rows = layerRows([layer("block", 4), layer("block/conv", 4)], {}, "", all);
  expect(rows.map(({ kind, label }) => [kind, label])).toEqual([
    ["module", "block"],
    ["layer", "block"],
    ["layer", "conv"],
  ]);
});

test("a search finds every word in any order and case", () => {
  expect(searchLayers(LAYERS, "CONV stage2").map(({ name }) => name)).toEqual([
    "stage2/block1/conv",
    "stage2/block2/conv",
  ]);
});

test("a search finds classes, those that begin with it first", () => {
  const names = ["great white shark", "shark", "tench"];
  expect(searchClasses(names, "shark")).toEqual([1, 0]);
  expect(searchClasses(names, "s")).toEqual([]);
  const rows = layerRows(LAYERS, { classes: names }, "shark", none);
  expect(rows.map((row) => (row.kind === "class" ? row.unit : null))).toEqual([1, 0]);
});

test("a search finds classes of all models of a joint one, each with its own layer", () => {
  const layers = [layer("old/logits", 2, "old"), layer("new/mean", 4), layer("new/logits", 2, "new")];
  const rows = layerRows(layers, { old: ["tench", "tiger cat"], new: ["cat", "dog"] }, "cat", none);
  expect(rows.map((row) => (row.kind === "class" ? [row.layer.name, row.unit, row.label] : null))).toEqual([
    ["old/logits", 1, "tiger cat"],
    ["new/logits", 0, "cat"],
  ]);
});

test("a search counts all layers that it finds, and says how many of them it shows", () => {
  const many = Array.from({ length: 250 }, (_, index) => layer(`block${index}/conv`, 8));
  expect(countText([...LAYERS, ...many], {}, "")).toBe("257 layers");
  expect(countText([...LAYERS, ...many], {}, "conv")).toBe("254 of 257 layers, 200 shown");
  expect(layerRows([...LAYERS, ...many], {}, "conv", none)).toHaveLength(200);
  expect(countText([...LAYERS, ...many], {}, "stem/conv:3")).toBe("1 of 257 layers");
});

test("a search counts the classes that it finds, and says how many of them it shows", () => {
  const layers = [...LAYERS, layer("logits", 70, "classes")];
  const classes = ["otter", ...Array.from({ length: 69 }, (_, index) => `dog ${index}`)];
  const count = (query: string) => countText(layers, { classes, unused: ["otter"] }, query);
  expect(count("otter")).toBe(`0 of ${layers.length} layers · 1 class`);
  expect(count("dog 1")).toBe(`0 of ${layers.length} layers · 11 classes`);
  expect(count("dog")).toBe(`0 of ${layers.length} layers · 69 classes, 50 shown`);
  expect(layerRows(layers, { classes }, "dog", none)).toHaveLength(50);
});

test("what was typed as layer:unit still finds the layer", () => {
  expect(layerRows(LAYERS, {}, "stem/conv:3", none).map(({ label }) => label)).toEqual(["stem/conv"]);
});

test("a search finds the last layer as output, and behind a layer and a colon its classes alone", () => {
  const layers = [layer("old", 2, "old"), layer("end/output_conv", 4), layer("new", 2, "new")];
  const names = { old: ["tench", "tiger cat"], new: ["cat", "dog"] };
  const found = (query: string) => layerRows(layers, names, query, none).map(({ label }) => label);
  expect(found("output")).toEqual(["new", "end/output_conv"]);
  expect(found("old")).toEqual(["old"]);
  expect(found("output:1")).toEqual(["new", "end/output_conv"]);
  expect(found("output:c")).toEqual(["cat"]);
  expect(found("old:cat")).toEqual(["tiger cat"]);
  expect(countText(layers, names, "old:cat")).toBe("0 of 3 layers · 1 class");
  expect(countText(layers, names, "output")).toBe("2 of 3 layers");
});
