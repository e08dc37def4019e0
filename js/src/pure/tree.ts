// The layers of a model as a tree of modules: the `/` in their names.
import type { Layer } from "../traits";

/** What one row of the tree shows. */
export interface TreeRow {
  path: string;
  label: string;
  depth: number;
  /** Position among its siblings, from 1, and how many they are: what a screen reader says. */
  position: number;
  siblings: number;
  layer: Layer | null;
  expanded: boolean;
  /** Layers inside, however deep. */
  layers: number;
}

interface Node {
  label: string;
  path: string;
  layer: Layer | null;
  children: Map<string, Node>;
}

/** The rows of the tree in order, as far as they are not inside a closed module. */
export function treeRows(layers: Layer[], expanded: (path: string) => boolean): TreeRow[] {
  const rows: TreeRow[] = [];
  const visit = (nodes: Node[], depth: number): void => {
    nodes.forEach((node, index) => {
      const open = node.children.size > 0 && expanded(node.path);
      rows.push({
        path: node.path,
        label: node.label,
        depth,
        position: index + 1,
        siblings: nodes.length,
        layer: node.layer,
        expanded: open,
        layers: countLayers(node),
      });
      if (open) visit([...node.children.values()], depth + 1);
    });
  };
  visit([...buildTree(layers).children.values()], 0);
  return rows;
}

/** Paths of the modules that a layer is in, outermost first, joined as the tree joins them. */
export function modulesAround(name: string): string[] {
  const parts = name.split("/");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Layers whose name holds every word of the query, in any order and case. */
export function searchLayers(layers: Layer[], query: string): Layer[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return layers.filter((layer) => {
    const name = layer.name.toLowerCase();
    return words.every((word) => name.includes(word));
  });
}

/** Indices of the classes whose name holds the query, if it is long enough: those that begin with it first. */
export function searchClasses(names: string[], query: string, leastLetters = 2): number[] {
  const wanted = query.trim().toLowerCase();
  if (wanted.length < leastLetters) return [];
  const found = names.map((name, index) => ({ at: name.toLowerCase().indexOf(wanted), index }));
  return found
    .filter(({ at }) => at >= 0)
    .sort((one, two) => Number(one.at > 0) - Number(two.at > 0) || one.index - two.index)
    .map(({ index }) => index);
}

function buildTree(layers: Layer[]): Node {
  const root: Node = { label: "", path: "", layer: null, children: new Map() };
  for (const layer of layers) {
    const parts = layer.name.split("/");
    let node = root;
    parts.forEach((part, index) => {
      const path = parts.slice(0, index + 1).join("/");
      let child = node.children.get(part);
      if (!child) {
        child = { label: part, path, layer: null, children: new Map() };
        node.children.set(part, child);
      }
      node = child;
    });
    node.layer = layer;
  }
  return tidied(root);
}

/**
 * A module that holds nothing but one other module shares its row: `stage1/block1`. One that is a layer itself has that
 * as its first row.
 */
function tidied(node: Node): Node {
  const children = new Map<string, Node>();
  if (node.layer && node.children.size > 0) children.set("", { ...node, children: new Map() });
  for (const [part, child] of node.children) children.set(part, tidied(child));
  const [only, more] = [...children.values()];
  if (node.path !== "" && only && !more && only.children.size > 0) {
    return { ...only, label: `${node.label}/${only.label}` };
  }
  return { ...node, layer: children.size > 0 ? null : node.layer, children };
}

function countLayers(node: Node): number {
  let count = node.layer ? 1 : 0;
  for (const child of node.children.values()) count += countLayers(child);
  return count;
}
