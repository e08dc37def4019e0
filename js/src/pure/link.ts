// Deep links: `layer:unit`, with `-` before the unit for what turns it off, and `layer:class`.
import type { Layer, Sign, Traits } from "../traits";

export interface Link {
  layer: string;
  unit: number;
  sign: Sign;
}

export function writeLink({ layer, unit, sign }: Link): string {
  return `${layer}:${sign < 0 ? "-" : ""}${unit}`;
}

/** The layer of a name, and `output` for the last one where none is called so, as in Python. */
export function layerCalled(name: string, layers: Layer[]): Layer | undefined {
  return layers.find((layer) => layer.name === name) ?? (name === "output" ? layers.at(-1) : undefined);
}

/** The layer before a colon and what is asked of it behind; names of layers and of classes may hold colons too. */
export function splitLink(text: string, layers: Layer[]): { layer: Layer; wanted: string } | null {
  for (let at = text.lastIndexOf(":"); at > 0; at = text.lastIndexOf(":", at - 1)) {
    const layer = layerCalled(text.slice(0, at).trim(), layers);
    if (layer) return { layer, wanted: text.slice(at + 1).trim() };
  }
  return null;
}

/** Reads a link to a unit or a class, or nothing where the text is none or names what the model does not have. */
export function readLink(text: string, layers: Layer[], classNames: Traits["class_names"] = {}): Link | null {
  const split = splitLink(text, layers);
  if (!split) return null;
  const { layer, wanted } = split;
  const [, minus = "", digits] = /^([-−]?)(\d+)$/.exec(wanted) ?? [];
  const names = classNames[layer.classes] ?? [];
  const unit = digits ? Number(digits) : names.findIndex((name) => name.toLowerCase() === wanted.toLowerCase());
  return unit >= 0 && unit < layer.units ? { layer: layer.name, unit, sign: minus ? -1 : 1 } : null;
}
