// The controls of the climb: their limits are Python's, and a slider reaches what is usual inside them.
import type { Settings } from "../traits";

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
  /** What the slider rounds to; on a logarithmic slider every value has three digits. */
  step: number;
  logarithmic: boolean;
}

const PLAIN = { logarithmic: false } as const;

export const CONTROLS: readonly Control[] = [
  {
    name: "steps",
    label: "Steps",
    hint: "Steps of the climb",
    least: 1,
    greatest: 4096,
    from: 16,
    to: 4096,
    step: 1,
    logarithmic: true,
  },
  {
    name: "size",
    label: "Size, px",
    hint: "Height and width of the picture. A new size has to be compiled first",
    least: 16,
    greatest: 512,
    from: 32,
    to: 512,
    step: 16,
    ...PLAIN,
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
    logarithmic: true,
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
    ...PLAIN,
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
    ...PLAIN,
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
    ...PLAIN,
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
    ...PLAIN,
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
    ...PLAIN,
  },
];

export const GREATEST_KEY = 2 ** 31 - 1;
/** Positions of a slider, from 0. */
export const POSITIONS = 1000;

export function positionOf(control: Control, value: number): number {
  const { from, to, logarithmic } = control;
  const inside = Math.min(Math.max(value, from), to);
  const share = logarithmic ? Math.log(inside / from) / Math.log(to / from) : (inside - from) / (to - from);
  return Math.round(share * POSITIONS);
}

export function valueAt(control: Control, position: number): number {
  const { from, to, step, logarithmic } = control;
  const share = position / POSITIONS;
  const value = logarithmic ? Number((from * (to / from) ** share).toPrecision(2)) : from + share * (to - from);
  return clamped(Number((Math.round(value / step) * step).toPrecision(8)), control.least, control.greatest);
}

export function clamped(value: number, least: number, greatest: number): number {
  return Math.min(Math.max(value, least), greatest);
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
