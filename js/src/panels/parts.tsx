// Buttons and sliders that look and behave the same everywhere.
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { copyText } from "../browser";
import { nearestStop } from "../pure/controls";
import { formatSetting } from "../pure/format";
import { useView } from "../view";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  icon: IconName;
  label: string;
  testid: string;
  onClick: () => void;
  disabled?: boolean;
  /** It cannot be used yet, but keeps the focus: soon it can. */
  waiting?: boolean | undefined;
  pressed?: boolean;
  children?: ComponentChildren;
}

export function Button({
  icon,
  label,
  testid,
  onClick,
  disabled,
  waiting,
  pressed,
  children,
}: ButtonProps): JSX.Element {
  const [isFocused, setFocused] = useState(false);
  return (
    <button
      type="button"
      class={children ? "button worded" : "button"}
      data-testid={testid}
      aria-label={children ? undefined : label}
      title={label}
      aria-pressed={pressed}
      aria-disabled={disabled || waiting || undefined}
      disabled={disabled && !isFocused} // who has the keys would lose them
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
      onClick={() => {
        if (!disabled && !waiting) onClick();
      }}
    >
      <Icon name={icon} />
      {children}
    </button>
  );
}

/** A button that copies text and says so, for as long as it takes to read. */
export function CopyButton({
  icon,
  label,
  testid,
  text,
  waiting,
}: {
  icon: IconName;
  label: string;
  testid: string;
  text: string;
  /** Whether the text is still that of what was shown before. */
  waiting?: boolean;
}): JSX.Element {
  const { announcement } = useView();
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const copy = async (): Promise<void> => {
    const done = await copyText(text);
    announcement.value = done ? "Copied" : "The browser did not allow copying";
    setCopied(done);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 1500);
  };
  return (
    <Button
      icon={copied ? "check" : icon}
      label={waiting ? "Waiting for the kernel" : copied ? "Copied" : label}
      testid={testid}
      disabled={text === ""}
      waiting={waiting}
      onClick={() => void copy()}
    />
  );
}

interface RangeProps {
  label: string;
  testid: string;
  min: number;
  max: number;
  step?: number;
  value: number;
  valueText?: string;
  /** What is said under the pointer, where no text stands beside the slider. */
  title?: string;
  onInput: (value: number) => void;
}

export function Range({
  label,
  testid,
  min,
  max,
  step = 1,
  value,
  valueText,
  title,
  onInput,
}: RangeProps): JSX.Element {
  const share = max > min ? (value - min) / (max - min) : 0;
  return (
    <input
      type="range"
      class="range"
      style={{ "--share": share }}
      data-testid={testid}
      aria-label={label}
      aria-valuetext={valueText}
      title={title}
      min={min}
      max={max}
      step={step}
      value={value}
      onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
    />
  );
}

interface NumberProps {
  label: string;
  testid: string;
  min: number;
  max: number;
  step?: number;
  value: number;
  onChange: (value: number) => void;
}

/** A number that is taken when it is complete: on Enter, on leaving, or by the arrow keys. */
export function NumberBox({ label, testid, min, max, step = 1, value, onChange }: NumberProps): JSX.Element {
  // What is being typed must outlive whatever else changes on the screen meanwhile.
  const [draft, setDraft] = useState<string | null>(null);
  const take = (input: HTMLInputElement): void => {
    const typed = Number.isInteger(step) ? Math.round(input.valueAsNumber) : input.valueAsNumber;
    const chosen = Math.min(Math.max(typed, min), max);
    if (Number.isFinite(typed) && chosen !== value) onChange(chosen);
    setDraft(null);
    input.value = String(Number.isFinite(typed) ? chosen : value);
  };
  return (
    <input
      type="number"
      class="number"
      data-testid={testid}
      aria-label={label}
      min={min}
      max={max}
      step={step}
      value={draft ?? value}
      onInput={(event) => setDraft(event.currentTarget.value)}
      onChange={(event) => take(event.currentTarget)}
      onBlur={() => setDraft(null)}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(event.currentTarget);
      }}
    />
  );
}

interface SliderProps {
  label: string;
  hint: string;
  testid: string;
  /** What the slider can be moved to, in order. */
  stops: number[];
  least: number;
  greatest: number;
  step: number;
  value: number;
  /** As many as the box shows. */
  digits?: number;
  onChange: (value: number) => void;
}

/** A number with its name: a slider for what is usual, and a box for the rest. */
export function Slider({
  label,
  hint,
  testid,
  stops,
  least,
  greatest,
  step,
  value,
  digits = 8,
  onChange,
}: SliderProps): JSX.Element {
  return (
    <div class="setting">
      <span class="setting-label" title={hint}>
        {label}
      </span>
      <Range
        label={label}
        testid={testid}
        min={0}
        max={stops.length - 1}
        value={nearestStop(stops, value)}
        valueText={formatSetting(value)}
        onInput={(position) => onChange(stops[position] ?? value)}
      />
      <NumberBox
        label={label}
        testid={`${testid}-number`}
        min={least}
        max={greatest}
        step={step}
        value={Number(value.toPrecision(digits))}
        onChange={onChange}
      />
    </div>
  );
}
