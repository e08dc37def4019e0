// The messages of docs/explorer.md, and the little of an anywidget model that the front end uses.
import type { Changes, Sign, State } from "./traits";

export type Command = "start" | "pause" | "stop" | "restart";

export type Outgoing =
  | { type: "hello"; view: string }
  | { type: "goodbye"; view: string }
  | { type: "alive"; views: string[] }
  | { type: "ack"; id: number }
  | { type: "set"; changes: Changes }
  | { type: "visible"; layer: string; units: number[] }
  | { type: "command"; command: Command }
  | { type: "file"; what: "grid" }
  | { type: "file"; what: "unit"; layer: string; unit: number; sign: Sign; generation?: number };

export interface FrameTile {
  unit: number;
  sign: Sign;
  step: number;
  score: number | null;
  state: State;
}

export interface Frame {
  type: "frame";
  id: number;
  layer: string;
  generation: number;
  height: number;
  width: number;
  columns: number;
  tiles: FrameTile[];
}

export interface UnitMessage {
  type: "unit";
  layer: string;
  unit: number;
  sign: Sign;
  generation: number;
  message: string;
  stages: number[];
  height: number;
  width: number;
  steps: number[];
  scores: (number | null)[];
}

export type Incoming = { type: "heard"; serial: number } | Frame | UnitMessage | { type: "file"; name: string };

/** All that is used of the model: anywidget's offers it in every host, and so does `StaticModel`. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(name: string, listener: (...values: never[]) => void): void;
  off(name: string, listener: (...values: never[]) => void): void;
  send(content: unknown): void;
}

export type Bytes = ArrayBuffer | ArrayBufferView;

/** Copies the bytes of a buffer, whatever kind of buffer the host hands over, into one that a Blob takes. */
export function bytesOf(buffer: Bytes): Uint8Array<ArrayBuffer> {
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer.slice(0))
    : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
}
