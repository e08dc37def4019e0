// The chosen unit: slider and number, both its pictures, the stages of the climb and the curve.
import type { JSX } from "preact";
import { writeLink } from "../pure/link";
import { closest, including } from "../pure/selection";
import type { Layer } from "../traits";
import { useView } from "../view";
import { Curve } from "./Curve";
import { Icon } from "./icons";
import { CopyButton, NumberBox, Range } from "./parts";
import { Stages } from "./Stages";
import { UnitPicture } from "./UnitPicture";

export function Unit(): JSX.Element {
  const { store } = useView();
  const layer = store.layer;
  if (!layer) {
    return (
      <section class="unit empty" aria-label="Unit">
        <p>No unit is chosen.</p>
      </section>
    );
  }
  const unit = Math.min(store.traits.unit.value, store.lastUnit(layer));
  const name = store.className(layer, unit) || `unit ${unit}`;
  return (
    <section class="unit" aria-label="Unit">
      <UnitBar layer={layer} unit={unit} />
      <div class="unit-pictures">
        {([1, -1] as const)
          .map((sign) => ({ layer: layer.name, unit, sign }))
          .filter((link) => store.hasTile(link))
          .map((link) => (
            <UnitPicture key={link.sign} link={link} name={name} />
          ))}
        <Stages layer={layer} unit={unit} />
      </div>
      <Curve layer={layer} unit={unit} />
      <Advice layer={layer} unit={unit} />
    </section>
  );
}

function UnitBar({ layer, unit }: { layer: Layer; unit: number }): JSX.Element {
  const { store } = useView();
  const { units, code, kernel } = store.traits;
  const slid = units.value.length > 0 ? including(units.value, unit) : null;
  const position = slid ? slid.indexOf(unit) : unit;
  const name = store.className(layer, unit);
  const last = store.lastUnit(layer);
  return (
    <div class="bar unit-bar">
      <bdi class="unit-name" data-testid="unit-name" title={name}>
        {name || "Unit"}
      </bdi>
      {!store.isBench && (
        <NumberBox
          label={`Unit, 0 to ${last}`}
          testid="unit-number"
          min={0}
          max={last}
          value={unit}
          onChange={(chosen) => store.set({ unit: kernel.value || !slid ? chosen : closest(units.value, chosen) })}
        />
      )}
      <Range
        label={store.isBench ? "Preset" : "Unit"}
        testid="unit-slider"
        min={0}
        max={Math.max((slid?.length ?? layer.units) - 1, 0)}
        value={position}
        valueText={[store.isBench ? "" : unit, name].filter((word) => word !== "").join(", ")}
        onInput={(index) => store.set({ unit: slid ? (slid[index] ?? unit) : index })}
      />
      <span class="tools">
        {kernel.value && (
          <CopyButton
            icon="code"
            label="Copy the Python that renders this unit"
            testid="copy-code-unit"
            text={code.value.unit}
            waiting={store.awaitsCode.value}
          />
        )}
        {!store.isBench && (
          <CopyButton
            icon="link"
            label="Copy the link layer:unit"
            testid="copy-link"
            text={writeLink({ layer: layer.name, unit, sign: 1 })}
          />
        )}
      </span>
    </div>
  );
}

/** Advice where a unit went wrong. */
function Advice({ layer, unit }: { layer: Layer; unit: number }): JSX.Element {
  const { store } = useView();
  const messages = ([1, -1] as const).map((sign) => store.records.of(layer.name, unit, sign).value?.message ?? "");
  return (
    <>
      {[...new Set(messages.filter(Boolean))].map((message) => (
        <p key={message} class="advice" data-testid="unit-message">
          <Icon name="warning" />
          {message}
        </p>
      ))}
    </>
  );
}
