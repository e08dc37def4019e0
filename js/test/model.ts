// A model whose Python is the test.
import type { Model, Outgoing } from "../src/messages";
import { DEFAULTS, type Layer, type Traits } from "../src/traits";

type Listener = (...values: never[]) => void;
type Sent = Outgoing & { serial?: number };

export function layer(name: string, units: number, classes = ""): Layer {
  return { name, kind: "conv", shape: [7, 7, units], units, parameters: 0, flops: 0, receptive_field: [], classes };
}

export class TestModel implements Model {
  sent: Sent[] = [];
  gone = false;
  readonly listeners = new Map<string, Set<Listener>>();
  #traits: Record<string, unknown>;

  constructor(traits: Partial<Traits> = {}) {
    this.#traits = { ...DEFAULTS, ...traits };
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    this.#traits[name] = value;
    for (const listener of [...(this.listeners.get(`change:${name}`) ?? [])]) listener();
  }

  on(name: string, listener: Listener): void {
    this.listeners.set(name, (this.listeners.get(name) ?? new Set()).add(listener));
  }

  off(name: string, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
  }

  send(content: unknown): void {
    if (this.gone) throw new Error("The comm is closed.");
    this.sent.push(content as Sent);
  }

  /** Messages of one type that the browser has sent. */
  of<Type extends Outgoing["type"]>(type: Type): (Extract<Outgoing, { type: Type }> & { serial?: number })[] {
    return this.sent.filter((message) => message.type === type) as never;
  }

  /** Python says something. */
  say(content: unknown, ...buffers: ArrayBuffer[]): void {
    for (const listener of [...(this.listeners.get("msg:custom") ?? [])]) {
      listener(...([content, buffers.map((buffer) => new DataView(buffer))] as never[]));
    }
  }

  /** Python answers everything that it was sent so far. */
  answerAll(): void {
    for (const { serial } of this.sent.splice(0)) if (serial !== undefined) this.say({ type: "heard", serial });
  }

  get listenerCount(): number {
    return [...this.listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }
}
