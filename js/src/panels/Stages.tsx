// The unit at steps 0, 4, 16, 64, …: drag along the strip to replay the climb.
import type { JSX, TargetedPointerEvent } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { drawPart, fitCanvas } from "../draw";
import { usePixelRatio, useSize } from "../hooks";
import { formatStep, px } from "../pure/format";
import { expectedStages, stageBeside } from "../pure/stages";
import type { UnitRecord } from "../records";
import type { Layer } from "../traits";
import { useView } from "../view";
import { stagePart } from "./UnitPicture";

const GAP_PIXELS = 1;
const EMPTY_COLOUR = "#6f6f6f";
const MOST_PIXELS = 96;

export function Stages({ layer, unit }: { layer: Layer; unit: number }): JSX.Element | null {
  const { store } = useView();
  const positive = store.records.of(layer.name, unit, 1).value;
  const negative = store.records.of(layer.name, unit, -1).value;
  // A page keeps no place for what will never come.
  const expected = store.traits.kernel.value ? expectedStages(store.traits.settings.value.steps) : [];
  if (expected.length === 0 && ((positive ?? negative)?.stages ?? []).length < 2) return null;
  return <Strip layer={layer} unit={unit} positive={positive} negative={negative} expected={expected} />;
}

interface StagesProps {
  layer: Layer;
  unit: number;
  positive: UnitRecord | null;
  negative: UnitRecord | null;
  /** Steps for which there will be a picture. */
  expected: number[];
}

function Strip({ layer, unit, positive, negative, expected }: StagesProps): JSX.Element {
  const { store, stage } = useView();
  const [frame, size] = useSize<HTMLDivElement>();
  const stages = (positive ?? negative)?.stages ?? [];
  const places = Math.max(expected.length, stages.length);
  const pitch = Math.max(2, Math.min(MOST_PIXELS, Math.floor((size.width + GAP_PIXELS) / places)));
  const last = Math.max(stages.length - 1, 0);
  const aspect = store.aspectOf(layer.name);
  const shown = Math.min(stage.value ?? last, last);

  useEffect(() => {
    stage.value = null;
  }, [stage, layer.name, unit]);

  const show = (index: number): void => {
    if (stages.length > 0) stage.value = index >= last ? null : Math.max(index, 0);
  };
  const drag = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    if ((event.buttons & 1) === 0) return;
    show(Math.floor((event.clientX - event.currentTarget.getBoundingClientRect().left) / pitch));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = {
      ArrowLeft: shown - 1,
      ArrowDown: shown - 1,
      ArrowRight: shown + 1,
      ArrowUp: shown + 1,
      Home: 0,
      End: last,
    };
    const index = next[event.key as keyof typeof next];
    if (index !== undefined) show(index);
    else if (event.key === "Escape" && stage.value !== null) stage.value = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="stages">
      <div
        ref={frame}
        class="stages-strip"
        data-testid="stages"
        role="slider"
        tabIndex={0}
        aria-label="Replay the climb"
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={shown}
        aria-valuetext={stages.length > 0 ? `step ${stages[shown]}` : "no picture yet"}
        aria-disabled={stages.length === 0}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag(event);
        }}
        onPointerMove={drag}
        onKeyDown={onKeyDown}
      >
        <StripCanvas record={positive} stages={stages} places={places} pitch={pitch} aspect={aspect} />
        {(negative || store.hasTile({ layer: layer.name, unit, sign: -1 })) && (
          <StripCanvas record={negative} stages={stages} places={places} pitch={pitch} aspect={aspect} />
        )}
        {stages.length > 0 && (
          <span class="stage-frame" style={{ left: px(shown * pitch), width: px(pitch - GAP_PIXELS) }} />
        )}
      </div>
      <div class="stage-steps" aria-hidden="true">
        {Array.from({ length: places }, (_, place) => (
          <span
            key={place}
            class={place === shown && stages.length > 0 ? "shown" : ""}
            data-testid={`stage-${stages[place] ?? expected[place]}`}
            style={{ width: px(pitch) }}
          >
            {formatStep(stages[place] ?? expected[place] ?? 0)}
          </span>
        ))}
      </div>
    </div>
  );
}

interface StripProps {
  record: UnitRecord | null;
  /** Steps at the places of the strip, as far as there are pictures. */
  stages: number[];
  places: number;
  pitch: number;
  aspect: number;
}

function StripCanvas({ record, stages, places, pitch, aspect }: StripProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = usePixelRatio();
  const side = pitch - GAP_PIXELS;
  const tall = Math.max(1, Math.round(side * aspect));
  useLayoutEffect(() => {
    const context = canvas.current && fitCanvas(canvas.current, places * pitch, tall, ratio);
    if (!context) return;
    const [width, height] = [Math.round(side * ratio), Math.round(tall * ratio)];
    for (let place = 0; place < places; place++) {
      const left = Math.round(place * pitch * ratio);
      const stage = record && place < stages.length ? stageBeside(record.stages, stages, place) : null;
      const part = record && stage !== null ? stagePart(record, stage) : null;
      context.fillStyle = EMPTY_COLOUR;
      context.fillRect(left, 0, width, height);
      if (part) drawPart(context, part, left, 0, width, height);
    }
  }, [record, stages, places, pitch, tall, ratio]);
  return <canvas ref={canvas} aria-hidden="true" style={{ width: px(places * pitch), height: px(tall) }} />;
}
