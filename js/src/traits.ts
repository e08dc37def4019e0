// Written by js/generate_traits.py out of the Python widgets: do not edit it. See docs/explorer.md.

/** Which panels are drawn. */
export type Kind = "explorer" | "grid" | "unit" | "progress" | "bench";

/** 1 climbs the unit, -1 its negative. */
export type Sign = 1 | -1;

/** What the climb does. */
export type Phase = "idle" | "preparing" | "climbing" | "paused" | "stopped" | "done" | "failed";

/** A layer of the model. */
export interface Layer {
  name: string;
  kind: string;
  shape: number[];
  units: number;
  parameters: number;
  flops: number;
  receptive_field: number[];
  classes: string;
}

/** What decides a climb beside the model and the unit. */
export interface Settings {
  preset: string;
  steps: number;
  size: number;
  learning_rate: number;
  max_shift_pixels: number;
  scale_range: number;
  max_degrees: number;
  noise: number;
  gain_range: number;
  views: number;
  decay_power: number;
  key: number;
}

/** A number of a preset that can be moved; a step of 0 is two digits wherever it is. */
export interface Dial {
  name: string;
  label: string;
  meaning: string;
  value: number;
  least: number;
  greatest: number;
  low: number;
  high: number;
  step: number;
}

/** The numbers of a preset that can be moved. */
export interface PresetDials {
  preset: string;
  dials: Dial[];
}

/** A tile that is kept in the tray. */
export interface Pin {
  layer: string;
  unit: number;
  sign: Sign;
  generation: number;
}

/** How far the climb is. */
export interface Status {
  phase: Phase;
  generation: number;
  finished: number;
  total: number;
  image_steps: number;
  total_image_steps: number;
  seconds_left: number | null;
  steps_per_second: number | null;
  message: string;
}

/** Python that renders what is on the screen again. */
export interface Code {
  unit: string;
  grid: string;
}

/** What was measured of the units' pictures. */
export interface Measure {
  name: string;
  meaning: string;
  values: (number | null)[];
}

/** waiting, climbing, done, dead, diverged, stopped. */
export type State = "w" | "c" | "d" | "x" | "v" | "s";

export interface Traits {
  kind: Kind;
  kernel: boolean;
  model_name: string;
  input_shape: number[];
  layers: Layer[];
  class_names: Record<string, string[]>;
  layer: string;
  units: number[];
  unit: number;
  selection: number[];
  settings: Settings;
  numbers: Record<string, Record<string, number>>;
  dials: PresetDials[];
  presets: Record<string, Partial<Settings>>;
  from_scratch: boolean;
  tile_pixels: number;
  pins: Pin[];
  states: string;
  status: Status;
  error: string;
  code: Code;
  measures: Measure[];
}

export type TraitName = keyof Traits;

/** The traits that the browser may change. */
export type Changes = Partial<
  Pick<
    Traits,
    "layer" | "units" | "unit" | "selection" | "settings" | "numbers" | "from_scratch" | "tile_pixels" | "pins"
  >
>;

/** What Python begins with. */
export const DEFAULTS: Traits = {
  kind: "explorer",
  kernel: true,
  model_name: "",
  input_shape: [],
  layers: [],
  class_names: {},
  layer: "",
  units: [],
  unit: 0,
  selection: [],
  settings: {
    preset: "lucid",
    steps: 256,
    size: 128,
    learning_rate: 0.05,
    max_shift_pixels: 6,
    scale_range: 0.1,
    max_degrees: 10,
    noise: 0,
    gain_range: 0,
    views: 1,
    decay_power: 1,
    key: 0,
  },
  numbers: {},
  dials: [],
  presets: {},
  from_scratch: true,
  tile_pixels: 96,
  pins: [],
  states: "",
  status: {
    phase: "idle",
    generation: 0,
    finished: 0,
    total: 0,
    image_steps: 0,
    total_image_steps: 0,
    seconds_left: null,
    steps_per_second: null,
    message: "",
  },
  error: "",
  code: {
    unit: "",
    grid: "",
  },
  measures: [],
};
