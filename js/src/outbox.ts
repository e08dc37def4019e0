// Sends messages to Python: one of a kind on its way, only the latest kept meanwhile, and a watch on the answers. Commands
// wait for nothing: the last click must be the last that Python hears.
import type { Command, Outgoing } from "./messages";
import type { Changes, TraitName } from "./traits";

export type Connection = "answering" | "busy" | "gone";

const BUSY_MILLISECONDS = 3_000;
const GONE_MILLISECONDS = 20_000;
/** A message that was not heard of for so long no longer holds back the next of its kind. */
const LOST_MILLISECONDS = 6_000;
const WATCH_MILLISECONDS = 500;
/** The least time between two messages of one kind. */
const PAUSE_MILLISECONDS = 80;

interface Sent {
  serial: number;
  at: number;
}

export class Outbox {
  #serial = 0;
  #waiting = new Map<string, Outgoing>();
  #sent = new Map<string, Sent>();
  #lastSent = new Map<string, number>();
  #unanswered = new Map<number, number>();
  #edits = new Map<TraitName, number>();
  /** The last command, if nothing was set after it. */
  #command: { name: Command; serial: number; at: number } | null = null;
  #lastSign = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #refused = false;
  #connection: Connection = "answering";

  /**
   * @param send Hands a message to the host; throws where the kernel is gone.
   * @param onConnection Called whenever the connection changes.
   */
  constructor(
    private readonly send: (message: Outgoing & { serial?: number }) => void,
    private readonly onConnection: (connection: Connection) => void,
  ) {}

  /** Sends a message now, or as soon as the one of its kind that is on its way has been heard. */
  post(message: Outgoing): void {
    if (message.type === "ack" || message.type === "alive" || message.type === "goodbye") {
      this.#hand(message);
      return;
    }
    if (message.type === "command") {
      this.#order(message.command);
      return;
    }
    const key = keyOf(message);
    const earlier = this.#waiting.get(key);
    this.#waiting.set(key, merged(earlier, message));
    if (message.type === "set")
      for (const name of namesOf(message.changes)) this.#edits.set(name, Number.POSITIVE_INFINITY);
    this.#pump();
  }

  /** Whether the user changed a trait and Python has not said yet what became of it. */
  isEdited(name: TraitName): boolean {
    return this.#edits.has(name);
  }

  /**
   * Takes Python's answer to a message.
   *
   * @returns The traits that are Python's again.
   */
  heard(serial: number): TraitName[] {
    const settled: TraitName[] = [];
    for (const [name, last] of this.#edits) {
      if (last <= serial) {
        this.#edits.delete(name);
        settled.push(name);
      }
    }
    for (const [key, sent] of this.#sent) if (sent.serial <= serial) this.#sent.delete(key);
    for (const each of this.#unanswered.keys()) if (each <= serial) this.#unanswered.delete(each);
    this.signOfLife();
    this.#pump();
    return settled;
  }

  /** Anything at all came from Python. */
  signOfLife(): void {
    this.#lastSign = Date.now();
    this.#refused = false;
    this.#pump(); // and not only watched: signs that come fast would put the timer off for ever
  }

  /** The host says that there is no kernel any more behind this model. */
  lose(): void {
    this.#refused = true;
    this.#watch();
  }

  /** How long nothing has come from Python. */
  get silentMilliseconds(): number {
    return Date.now() - this.#lastSign;
  }

  /** Nobody looks any more: forgets what has not been sent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
    this.#sent.clear();
    this.#unanswered.clear();
    this.#edits.clear();
    this.#command = null;
  }

  open(): void {
    this.#closed = false;
  }

  /** Sends a command at once, and what was set before it before it; only one that is not heard yet is not said again. */
  #order(name: Command): void {
    const changes = this.#waiting.get("set");
    if (changes) this.#dispatch("set", changes);
    const last = this.#command;
    const isSaid = last?.name === name && this.#unanswered.has(last.serial) && Date.now() - last.at < LOST_MILLISECONDS;
    if (!isSaid) {
      this.#dispatch("command", { type: "command", command: name });
      this.#command = { name, serial: this.#serial, at: Date.now() };
    }
    this.#pump();
  }

  #pump(): void {
    const now = Date.now();
    for (const [key, message] of this.#waiting) {
      const sent = this.#sent.get(key);
      const heldBack = sent !== undefined && now - sent.at < LOST_MILLISECONDS;
      const tooSoon = now - (this.#lastSent.get(key) ?? Number.NEGATIVE_INFINITY) < PAUSE_MILLISECONDS;
      if (!heldBack && !tooSoon) this.#dispatch(key, message);
    }
    this.#watch();
  }

  #dispatch(key: string, message: Outgoing): void {
    const serial = ++this.#serial;
    const at = Date.now();
    this.#waiting.delete(key);
    this.#sent.set(key, { serial, at });
    this.#lastSent.set(key, at);
    this.#unanswered.set(serial, at);
    if (message.type === "set") {
      for (const name of namesOf(message.changes)) this.#edits.set(name, serial);
      this.#command = null;
    }
    this.#hand({ ...message, serial });
  }

  #hand(message: Outgoing & { serial?: number }): void {
    try {
      this.send(message);
    } catch {
      this.lose();
    }
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#closed) return;
    const now = Date.now();
    let oldest = now;
    for (const at of this.#unanswered.values()) oldest = Math.min(oldest, at);
    const silent = now - Math.max(this.#lastSign, oldest);
    if (this.#refused || silent > GONE_MILLISECONDS) this.#say("gone");
    else this.#say(now - oldest > BUSY_MILLISECONDS ? "busy" : "answering");
    if (this.#waiting.size > 0) this.#wake(PAUSE_MILLISECONDS);
    else if (this.#unanswered.size > 0) this.#wake(WATCH_MILLISECONDS);
  }

  #wake(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#pump(), milliseconds);
  }

  #say(connection: Connection): void {
    if (connection === this.#connection) return;
    this.#connection = connection;
    this.onConnection(connection);
  }
}

/** Messages with the same key replace one another. */
function keyOf(message: Outgoing): string {
  switch (message.type) {
    case "file":
      return message.what === "grid"
        ? "file grid"
        : `file ${message.layer}:${message.unit}:${message.sign}@${message.generation ?? ""}`;
    case "hello":
      return `hello ${message.view}`;
    default:
      return message.type;
  }
}

function merged(earlier: Outgoing | undefined, message: Outgoing): Outgoing {
  if (earlier?.type !== "set" || message.type !== "set") return message;
  return { type: "set", changes: { ...earlier.changes, ...message.changes } };
}

function namesOf(changes: Changes): TraitName[] {
  return Object.keys(changes) as TraitName[];
}
