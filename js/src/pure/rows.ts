// What the list of layers shows: the tree, with the class layers last; or what was searched for.
import type { Layer, Traits } from "../traits";
import { formatCount } from "./format";
import { type Link, layerCalled, splitLink } from "./link";
import { searchClasses, searchLayers, treeRows } from "./tree";

interface Common {
  key: string;
  depth: number;
  position: number;
  siblings: number;
}

export type Row =
  | (Common & { kind: "module"; path: string; label: string; expanded: boolean; layers: number })
  | (Common & { kind: "layer"; label: string; layer: Layer; atEnd: boolean; found: boolean })
  | (Common & { kind: "class"; label: string; layer: Layer; unit: number });

/** The tile of a class. */
export function tileOf({ layer, unit }: Extract<Row, { kind: "class" }>): Link {
  return { layer: layer.name, unit, sign: 1 };
}

/** More results than anyone reads. */
const MOST_LAYERS = 200;
const MOST_CLASSES = 50;

export function layerRows(
  layers: Layer[],
  classNames: Traits["class_names"],
  query: string,
  expanded: (path: string) => boolean,
): Row[] {
  return query.trim() === "" ? wholeTree(layers, expanded) : found(layers, classNames, query);
}

/** How many layers there are, how many of them and how many classes a search finds, and how many of these it shows. */
export function countText(layers: Layer[], classNames: Traits["class_names"], query: string): string {
  const all = `${formatCount(layers.length)} layers`;
  if (query.trim() === "") return all;
  const { named: layersFound, lists: classesFound } = search(layers, classNames, query);
  const count = layersFound.length;
  const named = `${formatCount(count)} of ${all}${shown(count, MOST_LAYERS)}`;
  const lists = classesFound.map(({ units }) => units.length);
  const classes = lists.reduce((sum, each) => sum + each, 0);
  if (classes === 0) return named;
  const kept = lists.reduce((sum, each) => sum + Math.min(each, MOST_CLASSES), 0);
  return `${named} · ${formatCount(classes)} class${classes > 1 ? "es" : ""}${shown(classes, kept)}`;
}

function shown(count: number, most: number): string {
  return count > most ? `, ${most} shown` : "";
}

function wholeTree(layers: Layer[], expanded: (path: string) => boolean): Row[] {
  const inner = layers.filter((layer) => !layer.classes);
  const rows: Row[] = treeRows(inner, expanded).map(({ path, label, depth, position, siblings, layer, ...module }) => {
    const common = { label, depth, position, siblings };
    return layer
      ? { kind: "layer", key: `layer ${path}`, layer, atEnd: false, found: false, ...common }
      : { kind: "module", key: path, path, expanded: module.expanded, layers: module.layers, ...common };
  });
  const ends = layers.filter((layer) => layer.classes);
  ends.forEach((layer, index) => {
    const common = { key: `classes ${layer.name}`, depth: 0, position: index + 1, siblings: ends.length };
    rows.push({ kind: "layer", label: layer.name, layer, atEnd: true, found: false, ...common });
  });
  return rows;
}

function found(layers: Layer[], classNames: Traits["class_names"], query: string): Row[] {
  const { named: all, lists } = search(layers, classNames, query);
  const named = all.slice(0, MOST_LAYERS);
  const classes = lists.flatMap(({ layer, names, units }) =>
    units.slice(0, MOST_CLASSES).map((unit) => ({ layer, unit, label: names[unit] ?? "" })),
  );
  const siblings = named.length + classes.length;
  const rows: Row[] = named.map((layer, index) => ({
    kind: "layer",
    key: layer.name,
    label: layer.name,
    layer,
    atEnd: false,
    found: true,
    depth: 0,
    position: index + 1,
    siblings,
  }));
  classes.forEach((one, index) => {
    const key = `class ${one.layer.name}:${one.unit}`;
    rows.push({ kind: "class", key, depth: 0, position: named.length + index + 1, siblings, ...one });
  });
  return rows;
}

/** The names of classes that some layer's units have, with that layer. */
function classesOf(layers: Layer[], classNames: Traits["class_names"]): { layer: Layer; names: string[] }[] {
  return Object.entries(classNames).flatMap(([set, names]) => {
    const layer = layers.find((each) => each.classes === set);
    return layer ? [{ layer, names }] : [];
  });
}

interface Found {
  named: Layer[];
  lists: { layer: Layer; names: string[]; units: number[] }[];
}

/** What a search finds: layers, and the classes of each layer; or, behind a layer and a colon, classes of that alone. */
function search(layers: Layer[], classNames: Traits["class_names"], query: string): Found {
  const { layer, wanted } = splitLink(query, layers) ?? {};
  const names = layer && classNames[layer.classes];
  if (names && wanted && !/^[-−]?\d*$/.test(wanted)) {
    return { named: [], lists: [{ layer, names, units: searchClasses(names, wanted, 1) }] };
  }
  const lists = classesOf(layers, classNames).map((each) => ({ ...each, units: searchClasses(each.names, query) }));
  return { named: called(layers, query.replace(/:\s*[-−]?\d*$/, "")), lists };
}

/** The layers that a name finds; `output` finds the last one before those that are called alike. */
function called(layers: Layer[], name: string): Layer[] {
  const exact = layerCalled(name.trim(), layers);
  const others = searchLayers(layers, name);
  return exact && !others.includes(exact) ? [exact, ...others] : others;
}
