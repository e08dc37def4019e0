// Models to try the front end on: real ones' shapes, and names that try to be more than names.
import type { Layer } from "../src/traits";

function layer(name: string, kind: string, shape: number[], classes = ""): Layer {
  const units = shape.at(-1) ?? 0;
  return {
    name,
    kind,
    shape,
    units,
    parameters: 864 * units,
    flops: 21676 * units,
    receptive_field: [83, 83],
    classes,
  };
}

export const CLASS_NAMES = Array.from({ length: 1000 }, (_, index) =>
  index === 949
    ? "strawberry"
    : index === 3
      ? "<img src=x onerror=alert(1)>"
      : (["tench", "goldfish", "great white shark", "tiger shark", "hammerhead", "electric ray"][index % 6] ?? ""),
);

export function mobileNet(): Layer[] {
  const layers = ["conv", "norm", "relu6"].map((name) => layer(`stem/${name}`, name, [112, 112, 32]));
  const widths = [16, 24, 40, 80, 112, 192, 320];
  widths.forEach((width, stage) => {
    const side = [112, 56, 28, 14, 14, 7, 7][stage] ?? 7;
    const blocks = [1, 2, 2, 3, 3, 4, 1][stage] ?? 1;
    for (let block = 1; block <= blocks; block++) {
      const path = `stage${stage + 1}/block${block}`;
      for (const part of ["expand", "depthwise"]) {
        for (const name of ["conv", "norm", "relu6"]) {
          layers.push(layer(`${path}/${part}/${name}`, name, [side, side, width * 6]));
        }
      }
      for (const name of ["conv", "norm"]) layers.push(layer(`${path}/project/${name}`, name, [side, side, width]));
      if (block > 1) layers.push(layer(`${path}/add`, "add", [side, side, width]));
    }
  });
  for (const name of ["conv", "norm", "relu6"]) layers.push(layer(`head/${name}`, name, [7, 7, 1280]));
  return [...layers, layer("mean", "mean", [1280]), layer("classifier", "dense", [1000], "classes")];
}

export function longNames(): Layer[] {
  return [
    layer("<img src=x onerror=alert(1)>", "conv", [112, 112, 64]),
    layer("encoder/transformer_block_with_a_very_long_name/self_attention/query_projection", "dense", [196, 768]),
    layer("encoder/transformer_block_with_a_very_long_name/self_attention/output_projection", "dense", [196, 768]),
    layer(
      "encoder/transformer_block_with_a_very_long_name/feed_forward_network/gated_linear_unit",
      "dense",
      [196, 3072],
    ),
    layer("wide", "dense", [2000]),
    layer("head", "dense", [1000], "classes"),
  ];
}

export function tiny(): Layer[] {
  return [
    layer("conv1", "conv", [28, 28, 16]),
    layer("conv2", "conv", [14, 14, 32]),
    layer("logits", "dense", [10], "classes"),
  ];
}
