// An exported page: the same front end over a model that only remembers.
import { fromBase64 } from "./browser";
import type { Bytes, Incoming, Model, Outgoing } from "./messages";
import { openView } from "./open";
import { Store } from "./store";

export interface RecordedMessage {
  content: Incoming;
  /** Base64. */
  buffers: string[];
}

type Listener = (...values: never[]) => void;

/** A model without a kernel: it holds traits, and answers each `hello` with what was recorded. */
export class StaticModel implements Model {
  #traits: Record<string, unknown>;
  #messages: RecordedMessage[];
  #listeners = new Map<string, Set<Listener>>();

  constructor(traits: Record<string, unknown>, messages: RecordedMessage[]) {
    this.#traits = { ...traits, kernel: false };
    this.#messages = messages;
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    if (this.#traits[name] === value) return;
    this.#traits[name] = value;
    this.#emit(`change:${name}`);
  }

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  send(content: unknown): void {
    if ((content as Outgoing).type !== "hello") return;
    for (const { content: message, buffers } of this.#messages) {
      this.#emit("msg:custom", message, buffers.map(fromBase64));
    }
  }

  #emit(name: string, ...values: (Incoming | Bytes[])[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...(values as never[]));
  }
}

/** Opens an exported page in an element; returns what closes it. */
export function openPage({
  element,
  traits,
  messages,
}: {
  element: HTMLElement;
  traits: Record<string, unknown>;
  messages: RecordedMessage[];
}): () => void {
  const store = new Store(new StaticModel(traits, messages));
  element.style.setProperty("--jaxviz-height", "100vh"); // a page is all explorer
  const close = openView(store, element);
  return () => {
    close();
    store.end();
  };
}
