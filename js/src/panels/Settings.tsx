// The controls of the climb. Moving one climbs again at once.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { CONTROLS, type Control, changed, GREATEST_KEY, leastOf, stopsOf } from "../pure/controls";
import type { Settings as SettingValues } from "../traits";
import { useView } from "../view";
import { Dials } from "./Dials";
import { Button, NumberBox, Slider } from "./parts";

export function Settings(): JSX.Element | null {
  const { store } = useView();
  const { settings, presets, from_scratch, kernel } = store.traits;
  const open = useSignal(true);
  if (!kernel.value) return null;
  const change = (changes: Partial<SettingValues>): void =>
    store.set({ settings: changed(settings.peek(), changes, presets.peek()) });
  // On the bench everything else is the presets' own.
  const controls = store.isBench ? CONTROLS.filter(({ name }) => name === "steps" || name === "size") : CONTROLS;
  const names = Object.keys(presets.value);
  const shown = names.includes(settings.value.preset) ? names : [...names, settings.value.preset];
  return (
    <details
      class="settings"
      data-testid="settings"
      open={open.value}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>Climb</summary>
      <fieldset disabled={!store.canAsk}>
        {!store.isBench && (
          <div class="setting">
            <span class="setting-label">Preset</span>
            <select
              data-testid="setting-preset"
              aria-label="Preset"
              value={settings.value.preset}
              onChange={(event) => change({ preset: event.currentTarget.value })}
            >
              {shown.map((name) => (
                <option key={name} value={name} disabled={!names.includes(name)}>
                  {name.replaceAll("_", " ")}
                </option>
              ))}
            </select>
          </div>
        )}
        {controls.map((control) => (
          <Setting key={control.name} control={control} value={settings.value[control.name]} onChange={change} />
        ))}
        <div class="setting">
          <span class="setting-label" title="Seed of all randomness: the same key gives the same picture">
            Key
          </span>
          <Button
            icon="dice"
            label="Another key"
            testid="new-key"
            onClick={() => change({ key: Math.floor(Math.random() * 100_000) })}
          />
          <NumberBox
            label="Key"
            testid="setting-key"
            min={0}
            max={GREATEST_KEY}
            value={settings.value.key}
            onChange={(key) => change({ key })}
          />
        </div>
        {!store.isBench && (
          <label class="setting toggle">
            <span
              class="setting-label"
              title="Whether a changed setting starts the climb again, or goes on from the picture"
            >
              From scratch
            </span>
            <input
              type="checkbox"
              class="switch"
              data-testid="from-scratch"
              checked={from_scratch.value}
              onChange={(event) => store.set({ from_scratch: event.currentTarget.checked })}
            />
            <span class="setting-note">{from_scratch.value ? "from noise" : "from the picture"}</span>
          </label>
        )}
      </fieldset>
      {store.isBench && <Dials />}
    </details>
  );
}

interface SettingProps {
  control: Control;
  value: number;
  onChange: (changes: Partial<SettingValues>) => void;
}

function Setting({ control, value, onChange }: SettingProps): JSX.Element {
  const { input_shape } = useView().store.traits;
  const { name, label, hint, greatest, step } = control;
  const stops = useMemo(() => stopsOf(control), [control]);
  return (
    <Slider
      label={label}
      hint={hint}
      testid={`setting-${name}`}
      stops={stops}
      least={leastOf(control, input_shape.value.slice(0, -1))}
      greatest={greatest}
      step={step === 16 ? 1 : step}
      value={value}
      onChange={(chosen) => onChange({ [name]: chosen })}
    />
  );
}
