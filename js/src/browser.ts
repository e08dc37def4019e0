// What the browser does outside the page: files, the clipboard, and the theme of the host.
import type { Bytes } from "./messages";

export function saveBytes(name: string, bytes: Uint8Array<ArrayBuffer>): void {
  saveBlob(name, new Blob([bytes], { type: name.endsWith(".png") ? "image/png" : "application/octet-stream" }));
}

export function saveBlob(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Copies text; also where the page is not secure and the modern clipboard is missing. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text });
    area.style.cssText = "position:fixed;opacity:0";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

/** Whether the page around is dark: by what the host says, then by its colour, then by the system. */
export function isDark(element: Element): boolean {
  const { body, documentElement } = document;
  const lab = body.getAttribute("data-jp-theme-light");
  if (lab !== null) return lab === "false";
  if (body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast")) return true;
  if (body.classList.contains("vscode-light")) return false;
  const named = documentElement.getAttribute("theme") ?? documentElement.getAttribute("data-theme");
  if (named === "dark" || named === "light") return named === "dark";
  const surface = luminance(getComputedStyle(element).getPropertyValue("--jp-layout-color1"));
  if (surface !== null) return surface < 0.5;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Keeps an attribute of the host element at the theme around it; returns what ends that. */
export function followTheme(host: HTMLElement): () => void {
  const apply = (): void => {
    host.dataset.theme = isDark(host) ? "dark" : "light";
  };
  apply();
  const observer = new MutationObserver(apply);
  const options = {
    attributes: true,
    attributeFilter: ["class", "style", "theme", "data-theme", "data-jp-theme-light"],
  };
  observer.observe(document.body, options);
  observer.observe(document.documentElement, options);
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", apply);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", apply);
  };
}

/** Perceived lightness of a CSS colour from 0 to 1, for the notations that themes use. */
export function luminance(colour: string): number | null {
  const text = colour.trim();
  const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(text);
  const long = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})/i.exec(text);
  const rgb = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(text);
  const parts = short
    ? short.slice(1).map((digit) => Number.parseInt(digit + digit, 16))
    : long
      ? long.slice(1).map((digits) => Number.parseInt(digits, 16))
      : rgb?.slice(1).map(Number);
  if (!parts) return text === "white" ? 1 : text === "black" ? 0 : null;
  const [red = 0, green = 0, blue = 0] = parts;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
