// The chosen unit, large: the newest picture, or the stage that is replayed.
import type { JSX } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { saveBlob } from "../browser";
import { composePicture } from "../compose";
import { drawPart, fitCanvas, type Part } from "../draw";
import { usePixelRatio, useSize } from "../hooks";
import { nearest, points } from "../pure/curve";
import { fileName, formatCount, formatNumber, SCORE_TITLE } from "../pure/format";
import type { Link } from "../pure/link";
import { newest, stageBeside } from "../pure/stages";
import type { UnitRecord } from "../records";
import type { Store } from "../store";
import { useView } from "../view";
import { Button } from "./parts";
import { usePicture } from "./ScoreCaption";

export function UnitPicture({ link, name }: { link: Link; name: string }): JSX.Element {
  const view = useView();
  const { store } = view;
  const ratio = usePixelRatio();
  const [canvas, size] = useSize<HTMLCanvasElement>();
  const { layer, unit, sign } = link;
  const draw = (): void => {
    if (!canvas.current || size.width === 0) return;
    const part = partOf(store, link, stageOf(store, link, view.stage.peek()));
    const context = fitCanvas(canvas.current, size.width, size.height, ratio);
    if (part && context) drawPart(context, part, 0, 0, canvas.current.width, canvas.current.height);
  };
  const record = store.records.of(layer, unit, sign).value;
  const aspect = store.aspectOf(layer);
  useLayoutEffect(draw, [layer, unit, sign, size, ratio, record, view.stage.value]);
  // Not a moment later: a frame in between would draw the unit that was shown before.
  useLayoutEffect(() => store.pictures.watch(layer, unit, sign, draw), [layer, unit, sign, size, ratio]);

  const { step, score } = reading(record, usePicture(layer, unit, sign), stageOf(store, link, view.stage.value));
  const word = sign > 0 ? "positive" : "negative";
  const pinned = store.pinOf(link) !== undefined;
  const download = (): void => {
    const stage = stageOf(store, link, view.stage.peek());
    if (stage === null && store.canAsk) {
      store.requestFile(link); // Python knows of the newest picture only
      return;
    }
    const part = partOf(store, link, stage);
    const file = fileName(layer, unit, word, ...(stage === null ? [] : [`step-${step ?? 0}`]));
    if (part) void composePicture(part).then((blob) => blob && saveBlob(file, blob));
  };
  return (
    <figure class="unit-picture" data-testid={`unit-${word}`}>
      <canvas
        ref={canvas}
        style={{ "aspect-ratio": 1 / aspect }}
        role="img"
        aria-label={`${name}, ${word}, at step ${step ?? 0}`}
        data-step={step ?? ""}
      />
      <figcaption>
        <span class="sign" title={sign > 0 ? "What turns the unit on" : "What turns the unit off"}>
          {word}
        </span>
        <span class="tools">
          <Button
            icon={pinned ? "pinned" : "pin"}
            label={pinned ? "Remove from the tray" : "Pin to the tray"}
            testid={`pin-${word}`}
            pressed={pinned}
            onClick={() => store.togglePin(link)}
          />
          <Button icon="download" label="Download as PNG" testid={`download-${word}`} onClick={download} />
        </span>
        <span class="picture-score" title={SCORE_TITLE} data-testid={`score-${word}`}>
          {formatNumber(score)}
        </span>
        <span class="picture-step" data-testid={`step-${word}`}>
          {step !== null && `step ${formatCount(step)}`}
        </span>
      </figcaption>
    </figure>
  );
}

/** The stage of this picture that is replayed, where a stage of the positive one was chosen. */
function stageOf(store: Store, { layer, unit, sign }: Link, chosen: number | null): number | null {
  if (chosen === null || sign > 0) return chosen;
  const stages = ([1, -1] as const).map((each) => store.records.of(layer, unit, each).peek()?.stages ?? []);
  const [positive = [], negative = []] = stages;
  return stageBeside(negative, positive.length > 0 ? positive : negative, chosen);
}

/** Where the picture is that a unit shows now. */
export function partOf(store: Store, { layer, unit, sign }: Link, stage: number | null): Part | null {
  const record = store.records.of(layer, unit, sign).peek();
  const picture = store.pictures.get(layer, unit, sign);
  if (stage !== null) return record?.strip ? stagePart(record, stage) : null;
  const own = record?.strip ? record : null;
  const which = newest(picture, own);
  if (which === "grid" && picture) return picture;
  return own ? stagePart(own, own.stages.length - 1) : null;
}

export function stagePart(record: UnitRecord, stage: number): Part | null {
  const { strip, width, height, stages } = record;
  if (!strip || stages.length === 0) return null;
  const index = Math.min(stage, stages.length - 1);
  return { source: strip, left: index * width, top: 0, width, height };
}

/** Step and score of what is shown. */
function reading(
  record: UnitRecord | null,
  picture: { step: number; score: number | null; generation: number } | undefined,
  stage: number | null,
): { step: number | null; score: number | null } {
  if (stage === null && picture && (!record || picture.generation >= record.generation)) return picture;
  const step = record?.stages[Math.min(stage ?? Number.POSITIVE_INFINITY, record.stages.length - 1)];
  if (!record || step === undefined) return { step: null, score: null };
  return { step, score: nearest(points(record.steps, record.scores), step)?.score ?? null };
}
