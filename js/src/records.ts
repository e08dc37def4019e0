// What is known of single units: curve, stages and the strip of pictures, decoded only when it is shown.
import { type Signal, signal } from "@preact/signals";
import { decode } from "./frames";
import type { Bytes, UnitMessage } from "./messages";
import { bytesOf } from "./messages";
import type { Sign } from "./traits";

export interface UnitRecord extends UnitMessage {
  strip: ImageBitmap | null;
}

/** With a kernel, units that were looked at long ago are forgotten: Python sends them again. */
const MOST_RECORDS = 32;

interface Entry {
  signal: Signal<UnitRecord | null>;
  message: UnitMessage | null;
  jpeg: Bytes | null;
  /** Counts messages, so that a strip that is decoded late does not replace a newer one. */
  version: number;
}

export class UnitRecords {
  #entries = new Map<string, Entry>();

  /** @param forgetful Whether old units may be forgotten. */
  constructor(private readonly forgetful: boolean) {}

  /** The record of a unit, which changes when messages about it come; decodes its strip if that was put off. */
  of(layer: string, unit: number, sign: Sign): Signal<UnitRecord | null> {
    const entry = this.#entry(`${layer}:${unit}:${sign}`);
    if (entry.message && !entry.signal.peek()) void this.#decode(entry);
    return entry.signal;
  }

  take(message: UnitMessage, buffer: Bytes | undefined, shown: boolean): void {
    const entry = this.#entry(`${message.layer}:${message.unit}:${message.sign}`);
    if (entry.message && message.generation < entry.message.generation) return;
    entry.message = message;
    entry.jpeg = buffer ? bytesOf(buffer) : null;
    entry.version += 1;
    if (shown) void this.#decode(entry);
    else entry.signal.value = null;
  }

  async #decode(entry: Entry): Promise<void> {
    const { message, jpeg, version } = entry;
    if (!message) return;
    const strip = jpeg ? await decode(jpeg).catch(() => null) : null;
    if (entry.version === version) {
      const before = entry.signal.peek()?.strip;
      entry.signal.value = { ...message, strip };
      before?.close(); // whoever showed it has drawn the new one by now
    } else strip?.close();
  }

  #entry(key: string): Entry {
    const found = this.#entries.get(key);
    const entry = found ?? { signal: signal<UnitRecord | null>(null), message: null, jpeg: null, version: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.forgetful && this.#entries.size > MOST_RECORDS && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }
}
