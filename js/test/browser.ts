// What happy-dom lacks: pictures that decode, elements with a size, and observers that never fire.
import { vi } from "vitest";

export function prepareBrowser(): void {
  vi.stubGlobal("createImageBitmap", async () => ({ width: 1024, height: 1024, close: () => undefined }));
  vi.stubGlobal("requestAnimationFrame", (callback: (time: number) => void) => setTimeout(() => callback(0), 0));
  for (const [name, pixels] of [
    ["clientWidth", 600],
    ["clientHeight", 500],
  ] as const) {
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => pixels });
  }
  Element.prototype.scrollIntoView = () => undefined;
}

/** Lets frames be decoded and drawn, and components redraw. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
}
