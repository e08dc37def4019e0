// The score of the chosen unit, growing as it climbs; under the pointer its step and score are read.
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useSize } from "../hooks";
import { columnOf, nearest, pathOf, points, reachOf, rowOf, scalesOf } from "../pure/curve";
import { formatCount, formatNumber, SCORE_TITLE } from "../pure/format";
import type { Layer } from "../traits";
import { useView } from "../view";

const HEIGHT = 88;
const MARGIN = 5;

export function Curve({ layer, unit }: { layer: Layer; unit: number }): JSX.Element {
  const { store, stage } = useView();
  const [frame, size] = useSize<HTMLDivElement>();
  const pointed = useSignal<number | null>(null);
  const records = ([1, -1] as const).map((sign) => store.records.of(layer.name, unit, sign).value);
  const curves = records.map((record) => (record ? points(record.steps, record.scores) : []));
  const [positive = [], negative = []] = curves;
  const lastStep = Math.max(0, ...curves.map((curve) => curve.at(-1)?.step ?? 0));
  const scales = scalesOf(curves, reachOf(lastStep, store.traits.settings.value.steps));
  const width = Math.max(size.width, 1);
  const height = HEIGHT - 2 * MARGIN;

  const stageStep = stage.value === null ? undefined : records[0]?.stages[stage.value];
  const read = pointed.value ?? stageStep;
  const marked = read === undefined ? null : nearest(positive, read);
  const other = marked && nearest(negative, marked.step);
  const point = (event: PointerEvent): void => {
    pointed.value = Math.round((event.offsetX / width) * scales.lastStep);
  };
  const last = positive.at(-1);
  const empty = positive.length + negative.length === 0;
  return (
    <section class="curve" data-testid="score-curve" aria-label="Score of the unit against steps">
      <header>
        <span class="curve-title" title={SCORE_TITLE}>
          Score
        </span>
        {marked ? (
          <output class="curve-reading" data-testid="curve-reading">
            {`step ${formatCount(marked.step)}: ${formatNumber(marked.score)}`}
            {other && `, negative ${formatNumber(other.score)}`}
          </output>
        ) : (
          <>
            {store.hasTile({ layer: layer.name, unit, sign: -1 }) && (
              <span class="curve-keys" aria-hidden="true">
                <span class="curve-key positive">positive</span>
                <span class="curve-key negative">negative</span>
              </span>
            )}
            <Speed />
          </>
        )}
      </header>
      <div ref={frame} class="curve-plot">
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={last ? `Score ${formatNumber(last.score)} at step ${last.step}` : "No score yet"}
          onPointerMove={point}
          onPointerLeave={() => {
            pointed.value = null;
          }}
        >
          <g transform={`translate(0 ${MARGIN})`}>
            <path class="axis" d={`M0 ${height + 0.5}H${width}`} />
            {scales.low < 0 && scales.high > 0 && (
              <path class="zero" d={`M0 ${Math.round(rowOf(0, scales, height)) + 0.5}H${width}`} />
            )}
            <path class="line negative" d={pathOf(negative, scales, width, height)} />
            <path class="line positive" d={pathOf(positive, scales, width, height)} />
            {marked && (
              <>
                <path class="cursor" d={`M${columnOf(marked.step, scales, width).toFixed(1)} 0V${height}`} />
                <circle
                  class="dot"
                  cx={columnOf(marked.step, scales, width)}
                  cy={rowOf(marked.score, scales, height)}
                  r="3"
                />
              </>
            )}
          </g>
        </svg>
        {!empty && (
          <>
            <span class="limit high">{formatNumber(scales.high)}</span>
            <span class="limit low">{formatNumber(scales.low)}</span>
          </>
        )}
      </div>
      <footer>
        <span>0</span>
        <span>{formatCount(scales.lastStep)} steps</span>
      </footer>
    </section>
  );
}

/** Apart from the curve, because it changes many times a second. */
function Speed(): JSX.Element {
  const { store } = useView();
  const { phase, steps_per_second } = store.traits.status.value;
  return (
    <span class="curve-reading curve-speed" data-testid="steps-per-second">
      {phase === "climbing" && store.canAsk && steps_per_second !== null && `${formatNumber(steps_per_second)} steps/s`}
    </span>
  );
}
