// A page with the widget on it, played by a stand-in for Python. The address says what to play.
import makeWidget, { openPage } from "../src/index";
import type { RecordedMessage } from "../src/page";
import { DEFAULTS, type Layer, type Sign, type Traits } from "../src/traits";
import { FakePython } from "./fake";
import { CLASS_NAMES, longNames, mobileNet, tiny } from "./models";

const query = new URLSearchParams(location.search);
const word = (name: string, otherwise: string): string => query.get(name) ?? otherwise;
const number = (name: string, otherwise: number): number => Number(query.get(name) ?? otherwise);

const model = word("model", "mobilenet");
const layers: Layer[] = model === "tiny" ? tiny() : model === "long" ? longNames() : mobileNet();
const layer = word("layer", "stage4/block2/add");
const units = layers.find(({ name }) => name === layer)?.units ?? 0;
const shown = Math.min(units, number("units", units));

const presets = {
  lucid: { max_shift_pixels: 6, scale_range: 0.1, max_degrees: 10, noise: 0 },
  lucid_noise: { max_shift_pixels: 6, scale_range: 0.1, max_degrees: 10, noise: 0.1 },
  none: { max_shift_pixels: 0, scale_range: 0, max_degrees: 0, noise: 0 },
};

const traits: Partial<Traits> = {
  ...DEFAULTS,
  kind: word("kind", "explorer") as Traits["kind"],
  model_name: model === "tiny" ? "Digits" : "EfficientNet-Lite0",
  input_shape: model === "tiny" ? [28, 28, 1] : [224, 224, 3],
  layers,
  class_names: { classes: CLASS_NAMES },
  layer: word("empty", "") ? "" : layer,
  units: word("empty", "") ? [] : [...Array(shown).keys()],
  unit: number("unit", 12),
  selection: word("selection", "").split(",").filter(Boolean).map(Number),
  tile_pixels: number("tile", 96),
  presets,
  error: word("error", ""),
  measures: ["score", "robustness", "fine detail"].slice(0, number("measures", 0)).map((name, index) => ({
    name,
    meaning: `What ${name} means`,
    values: [...Array(shown).keys()].map((unit) => (unit === 2 ? null : (unit + 1.2345) / 10 ** index)),
  })),
  code: { unit: "jaxviz.render(model, 12)", grid: "jaxviz.render(model)" },
};

const paint = await painter();
const python = new FakePython(traits, {
  tilePixels: number("pixels", 128),
  stepsPerTick: number("pace", 2),
  dead: [5, 21],
  diverged: [9],
  answers: word("answers", "yes") === "yes",
  paint,
});
const element = document.querySelector<HTMLElement>("#widget");
if (!element) throw new Error("The page has no element for the widget.");
const widget = makeWidget();
widget.initialize({ model: python });
const close = widget.render({ model: python, el: element });
if (query.has("second")) {
  const second = document.createElement("div");
  document.body.append(second);
  widget.render({ model: python, el: second });
}
const reopen = (place: HTMLElement): (() => void) => widget.render({ model: python, el: place });
Object.assign(window, { python, close, reopen });
if (query.has("page")) setTimeout(showPage, 900);
const share = number("share", 0.4);
if (share > 0 && !query.has("empty")) python.jumpTo(share);
const phase = word("phase", "climbing") as Traits["status"]["phase"];
if (phase === "climbing") python.start();
else if (phase !== "idle") python.stop(phase);

/** Replaces the widget by the page that would be exported now. */
function showPage(): void {
  const messages: RecordedMessage[] = [];
  python.on("msg:custom", (content: RecordedMessage["content"], buffers: DataView[]) => {
    const text = buffers.map((view) => String.fromCharCode(...new Uint8Array(view.buffer)));
    messages.push({ content, buffers: text.map(btoa) });
  });
  python.send({ type: "hello", view: "page" });
  setTimeout(() => {
    close();
    const names: (keyof Traits)[] = Object.keys(DEFAULTS) as (keyof Traits)[];
    openPage({
      element: element as HTMLElement,
      traits: Object.fromEntries(names.map((name) => [name, python.get(name)])),
      messages,
    });
  }, 600);
}

/** Slices of a contact sheet if there is one, else gratings; both come out of noise as the climb goes on. */
async function painter(): Promise<
  (context: CanvasRenderingContext2D, tile: { unit: number; sign: Sign; layer: string }, share: number) => void
> {
  const sheet = await fetch("pictures.png").then((answer) =>
    answer.ok ? answer.blob().then(createImageBitmap) : null,
  );
  const noise = noiseBitmap();
  return (context, { unit, sign, layer: name }, share) => {
    const spread = (unit * 37 + name.length * 11 + (sign < 0 ? 17 : 0)) % 97;
    if (sheet) {
      const [columns, rows] = [4, Math.floor(sheet.height / 274)];
      const [column, row] = [spread % columns, Math.floor(spread / columns) % rows];
      const [shift, size] = [(spread * 13) % 96, 144];
      context.drawImage(sheet, column * 260 + shift, row * 274 + 14 + ((spread * 29) % 96), size, size, 0, 0, 128, 128);
    } else {
      for (let stripe = 0; stripe < 128; stripe += 4) {
        context.fillStyle = `hsl(${spread * 37 + stripe} 45% ${50 + 20 * Math.sin((stripe * (1 + (spread % 5))) / 9)}%)`;
        context.fillRect(0, stripe, 128, 4);
      }
    }
    context.globalAlpha = Math.max(0, 1 - 1.6 * Math.sqrt(share));
    context.drawImage(noise, 0, 0, 128, 128);
    context.globalAlpha = 1;
  };
}

function noiseBitmap(): OffscreenCanvas {
  const canvas = new OffscreenCanvas(32, 32);
  const context = canvas.getContext("2d");
  for (let place = 0; place < 1024 && context; place++) {
    const shade = (): number => 119 + Math.round(24 * (Math.random() - 0.5));
    context.fillStyle = `rgb(${shade()} ${shade()} ${shade()})`;
    context.fillRect(place % 32, Math.floor(place / 32), 1, 1);
  }
  return canvas;
}
