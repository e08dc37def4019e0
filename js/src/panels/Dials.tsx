// On the bench: the numbers of the chosen preset. Moving one begins its picture again.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { dialStops, withNumber } from "../pure/controls";
import type { Dial } from "../traits";
import { useView } from "../view";
import { Button, Slider } from "./parts";

export function Dials(): JSX.Element | null {
  const { store } = useView();
  const { dials, numbers, unit } = store.traits;
  const chosen = dials.value[unit.value];
  if (!chosen) return null;
  const { preset, dials: own } = chosen;
  const moved = numbers.value[preset] ?? {};
  const change = (dial: Dial, value: number): void =>
    store.set({ numbers: withNumber(numbers.peek(), preset, dial, value) });
  const reset = (): void => {
    const { [preset]: _, ...others } = numbers.peek();
    store.set({ numbers: others });
  };
  return (
    <fieldset class="dials" disabled={!store.canAsk} data-testid="dials">
      <div class="setting dials-title">
        <bdi class="dials-preset" title={preset}>
          {preset}
        </bdi>
        <Button
          icon="restart"
          label={`${preset} as it was published`}
          testid="dials-reset"
          disabled={Object.keys(moved).length === 0}
          onClick={reset}
        />
      </div>
      {own.map((dial) => (
        <DialSlider
          key={`${preset} ${dial.name}`}
          dial={dial}
          value={moved[dial.name] ?? dial.value}
          onChange={(value) => change(dial, value)}
        />
      ))}
    </fieldset>
  );
}

interface DialProps {
  dial: Dial;
  value: number;
  onChange: (value: number) => void;
}

function DialSlider({ dial, value, onChange }: DialProps): JSX.Element {
  const { name, label, meaning, least, greatest, step } = dial;
  const stops = useMemo(() => dialStops(dial), [dial]);
  return (
    <Slider
      label={label}
      hint={meaning}
      testid={`dial-${name}`}
      stops={stops}
      least={least}
      greatest={greatest}
      step={step || dial.value / 100 || greatest / 1e5}
      value={value}
      digits={3}
      onChange={onChange}
    />
  );
}
