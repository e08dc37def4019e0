// Deep links: `layer:unit`, with `-` before the unit for what turns it off.
import type { Layer, Sign } from "../traits";

export interface Link {
  layer: string;
  unit: number;
  sign: Sign;
}

export function writeLink({ layer, unit, sign }: Link): string {
  return `${layer}:${sign < 0 ? "-" : ""}${unit}`;
}

/** Reads a link, or nothing where the text is none or names what the model does not have. */
export function readLink(text: string, layers: Layer[]): Link | null {
  const match = /^(.+):\s*([-−]?)(\d+)$/.exec(text.trim());
  if (!match) return null;
  const [, name = "", minus = "", digits = ""] = match;
  const layer = layers.find((each) => each.name === name.trim());
  const unit = Number(digits);
  return layer && unit < layer.units ? { layer: layer.name, unit, sign: minus ? -1 : 1 } : null;
}
