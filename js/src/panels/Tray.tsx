// Pinned pictures, side by side whatever their layer.
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { saveBlob } from "../browser";
import { composePicture } from "../compose";
import { drawPart, fitCanvas, type Part } from "../draw";
import { usePixelRatio } from "../hooks";
import { fileName, formatNumber, px } from "../pure/format";
import { writeLink } from "../pure/link";
import type { Pin } from "../traits";
import { useView } from "../view";
import { Button } from "./parts";

const SIDE_PIXELS = 96;

export function Tray(): JSX.Element | null {
  const { store } = useView();
  const pins = store.traits.pins.value;
  if (pins.length === 0) return null;
  return (
    <ul class="tray" data-testid="tray" aria-label="Pinned pictures">
      {pins.map((pin) => (
        <Pinned key={`${writeLink(pin)}@${pin.generation}`} pin={pin} />
      ))}
    </ul>
  );
}

function Pinned({ pin }: { pin: Pin }): JSX.Element {
  const { store, root } = useView();
  const item = useRef<HTMLLIElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = usePixelRatio();
  const picture = store.pinPictures.of(pin).value;
  const width = Math.round(SIDE_PIXELS / store.aspectOf(pin.layer));
  useLayoutEffect(() => {
    const context = canvas.current && fitCanvas(canvas.current, width, SIDE_PIXELS, ratio);
    if (!context || !canvas.current || !picture) return;
    drawPart(context, whole(picture.canvas), 0, 0, canvas.current.width, canvas.current.height);
  }, [picture, width, ratio]);
  const link = writeLink(pin);
  const called = store.className(store.layerNamed(pin.layer), pin.unit, pin.generation);
  const name = called || link;
  const fullName = called && !store.isBench ? `${called}, ${link}` : name;
  const [module, last] = splitName(pin.layer);
  const download = (): void => {
    if (store.canAsk) store.requestFile(pin);
    else if (picture) {
      const file = fileName(pin.layer, pin.unit, pin.sign > 0 ? "positive" : "negative");
      void composePicture(whole(picture.canvas)).then((blob) => blob && saveBlob(file, blob));
    }
  };
  return (
    <li ref={item} class="pinned" data-testid={`tray-${link}`} style={{ width: px(Math.max(width, SIDE_PIXELS)) }}>
      <button
        type="button"
        class="pinned-open"
        title={picture ? `${fullName}, step ${picture.step}, score ${formatNumber(picture.score)}` : fullName}
        aria-label={`Open ${name}`}
        onClick={() => store.open(pin.layer, pin.unit)}
      >
        <canvas ref={canvas} aria-hidden="true" style={{ width: px(width), height: px(SIDE_PIXELS) }} />
        <span class="caption pinned-caption">
          {called ? (
            <bdi class="tile-name">{called}</bdi>
          ) : (
            <bdi class="pinned-layer">
              <span class="path">{module}</span>
              {last}
            </bdi>
          )}
          <span class="tile-number">
            {pin.sign < 0 ? "−" : ""}
            {store.isBench ? "" : pin.unit}
          </span>
        </span>
      </button>
      <span class="pinned-tools">
        <Button icon="download" label={`Download ${name} as PNG`} testid={`download-${link}`} onClick={download} />
        <Button
          icon="close"
          label={`Remove ${name} from the tray`}
          testid={`unpin-${link}`}
          onClick={() => {
            (neighbour(item.current) ?? root.querySelector<HTMLElement>("[data-testid=grid]"))?.focus();
            store.unpin(pin);
          }}
        />
      </span>
    </li>
  );
}

/** What has the keys when a pinned picture goes: the next, or the last. */
function neighbour(item: Element | null): HTMLElement | null {
  return (item?.nextElementSibling ?? item?.previousElementSibling)?.querySelector("button") ?? null;
}

function whole(source: HTMLCanvasElement): Part {
  return { source, left: 0, top: 0, width: source.width, height: source.height };
}

function splitName(name: string): [string, string] {
  const at = name.lastIndexOf("/") + 1;
  return [name.slice(0, at), name.slice(at)];
}
