// The controls of the climb: their limits are Python's, and a slider reaches what is usual inside them.
import type { Dial, Settings } from "../traits";

export type NumberSetting = Exclude<keyof Settings, "preset" | "key">;

export interface Control {
  name: NumberSetting;
  label: string;
  hint: string;
  least: number;
  greatest: number;
  /** Ends of the slider. */
  from: number;
  to: number;
  /** What the arrow keys add in the number box. */
  step: number;
  /** From a stop of the slider to the next; the step if it is the same everywhere. */
  pitch?: (value: number) => number;
}

/** A tenth of the value at most, such that powers of two are met: 16, 17, … 20, 22, … 256, 272. */
function binaryPitch(value: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(value / 10)));
}

/** Two digits are enough to tell one value from the next: 0.050, 0.051. */
function decimalPitch(value: number): number {
  return 10 ** (Math.floor(Math.log10(value) + 1e-9) - 1);
}

export const CONTROLS: readonly Control[] = [
  {
    name: "steps",
    label: "Steps",
    hint: "Steps of the climb",
    least: 1,
    greatest: 65_536,
    from: 16,
    to: 4096,
    step: 1,
    pitch: binaryPitch,
  },
  {
    name: "size",
    label: "Size, px",
    hint: "Height and width of the picture. A new size has to be compiled first",
    least: 8,
    greatest: 1024,
    from: 32,
    to: 512,
    step: 16,
  },
  {
    name: "learning_rate",
    label: "Learning rate",
    hint: "How far a step goes",
    least: 1e-4,
    greatest: 1,
    from: 0.001,
    to: 1,
    step: 0.0001,
    pitch: decimalPitch,
  },
  {
    name: "max_shift_pixels",
    label: "Shift ±px",
    hint: "The picture is shifted at random by up to so many pixels in every step",
    least: 0,
    greatest: 32,
    from: 0,
    to: 32,
    step: 1,
  },
  {
    name: "scale_range",
    label: "Scale ±",
    hint: "The picture is magnified at random by 1 minus to 1 plus this in every step",
    least: 0,
    greatest: 0.5,
    from: 0,
    to: 0.5,
    step: 0.01,
  },
  {
    name: "max_degrees",
    label: "Rotation ±°",
    hint: "The picture is rotated at random by up to so many degrees in every step",
    least: 0,
    greatest: 180,
    from: 0,
    to: 45,
    step: 1,
  },
  {
    name: "noise",
    label: "Noise",
    hint: "Standard deviation of the noise added in every step",
    least: 0,
    greatest: 0.5,
    from: 0,
    to: 0.5,
    step: 0.01,
  },
  {
    name: "gain_range",
    label: "Gains ±",
    hint: "Every channel of the network has a random gain of 1 minus to 1 plus this in every step",
    least: 0,
    greatest: 0.5,
    from: 0,
    to: 0.5,
    step: 0.01,
  },
  {
    name: "views",
    label: "Views",
    hint: "Random views of the picture in every step, which takes as many times as long",
    least: 1,
    greatest: 16,
    from: 1,
    to: 16,
    step: 1,
  },
  {
    name: "decay_power",
    label: "Decay",
    hint: "How steeply fine detail is held back; more gives smoother pictures",
    least: 0,
    greatest: 3,
    from: 0,
    to: 3,
    step: 0.05,
  },
];

/** How far below its greatest value the slider of a weight begins, above zero. */
const DIAL_SPAN = 1e5;

export const GREATEST_KEY = 2 ** 31 - 1;

/** The least value of a control; Python refuses a smaller size, unless it is that of the model's own inputs. */
export function leastOf({ name, least }: Control, extents: number[]): number {
  const [extent = least] = extents;
  return name === "size" && extents.every((each) => each === extent) ? Math.min(least, extent) : least;
}

/** The values that a slider can be moved to, in order. Each is another one: an arrow key never moves nothing. */
export function stopsOf({ from, to, step, pitch }: Pick<Control, "from" | "to" | "step" | "pitch">): number[] {
  const stops: number[] = [];
  for (let value = from; value < to; value = rounded(value + (pitch?.(value) ?? step))) stops.push(value);
  return [...stops, to];
}

/** The stops of a preset's number; its own is one of them, and so is zero where it may be that. */
export function dialStops({ value, low, high, step }: Dial): number[] {
  const from = low || (step > 0 ? 0 : high / DIAL_SPAN);
  const stops = stopsOf({ from, to: high, step, ...(step > 0 ? {} : { pitch: decimalPitch }) });
  const all = new Set([...(low === 0 ? [0] : []), ...stops.map(rounded), value]);
  return [...all].filter((stop) => stop >= low).sort((one, two) => one - two);
}

/** The stop that is nearest to a value. */
export function nearestStop(stops: number[], value: number): number {
  let best = 0;
  stops.forEach((stop, index) => {
    if (Math.abs(stop - value) < Math.abs((stops[best] ?? 0) - value)) best = index;
  });
  return best;
}

function rounded(value: number): number {
  return Number(value.toPrecision(8));
}

/** The settings after one has changed; the preset is the one whose numbers they are. */
export function changed(
  settings: Settings,
  changes: Partial<Settings>,
  presets: Record<string, Partial<Settings>>,
): Settings {
  const chosen = changes.preset === undefined ? {} : presets[changes.preset];
  const result: Settings = { ...settings, ...chosen, ...changes };
  const matching = Object.entries(presets).find(([, numbers]) =>
    Object.entries(numbers).every(([name, value]) => result[name as keyof Settings] === value),
  );
  return { ...result, preset: matching?.[0] ?? "custom" };
}

/** The numbers of the presets after one was moved; a preset's own are not among them. */
export function withNumber(
  numbers: Record<string, Record<string, number>>,
  preset: string,
  dial: Pick<Dial, "name" | "value">,
  value: number,
): Record<string, Record<string, number>> {
  const { [preset]: before = {}, ...others } = numbers;
  const { [dial.name]: _, ...rest } = before;
  const moved = value === dial.value ? rest : { ...rest, [dial.name]: value };
  return Object.keys(moved).length > 0 ? { ...others, [preset]: moved } : others;
}
