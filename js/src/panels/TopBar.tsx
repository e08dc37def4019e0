// Start, pause, stop and restart; how far everything is; and what went wrong, in one line.
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Connection } from "../outbox";
import { formatCount, formatDuration, formatNumber } from "../pure/format";
import type { Phase, Status } from "../traits";
import { useView } from "../view";
import { Icon } from "./icons";
import { Button } from "./parts";

const PHASES: Record<Phase, string> = {
  idle: "ready",
  preparing: "compiling",
  climbing: "climbing",
  paused: "paused",
  stopped: "stopped",
  done: "done",
  failed: "failed",
};

const CONNECTIONS: Record<Connection, string> = {
  answering: "",
  busy: "kernel busy",
  gone: "kernel gone; pictures stay",
};

export function TopBar(): JSX.Element {
  const { store, announcement } = useView();
  const { kernel, kind, model_name, status, error } = store.traits;
  const connection = store.connection.value;
  const share = shareOf(status.value);
  return (
    <div class="top">
      <div class="bar top-bar">
        {kind.value !== "progress" && (
          <bdi class="model-name" title={model_name.value} data-testid="model-name">
            {model_name.value}
          </bdi>
        )}
        {kernel.value && <Commands />}
        <span class="progress-text" data-testid="progress-text">
          {kernel.value && connection !== "gone" && progressText(status.value)}
        </span>
        <span class="connection" data-testid="connection" role="status">
          {kernel.value && connection !== "answering" && (
            <>
              <Icon name="warning" />
              {CONNECTIONS[connection]}
            </>
          )}
        </span>
      </div>
      <div
        class={`progress-bar ${status.value.phase}`}
        data-testid="progress"
        role="progressbar"
        aria-label="Progress of all pictures"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * share)}
        hidden={!kernel.value}
      >
        <span style={{ transform: `scaleX(${share})` }} />
      </div>
      {error.value && (
        <p class="error" data-testid="error" role="alert">
          <Icon name="warning" />
          <span>{error.value}</span>
        </p>
      )}
      <Announcements />
      <span class="unseen" aria-live="polite" data-testid="announcement">
        {announcement.value}
      </span>
    </div>
  );
}

function Commands(): JSX.Element {
  const { store } = useView();
  const { phase } = store.traits.status.value;
  const running = phase === "climbing" || phase === "preparing";
  const gone = store.connection.value === "gone";
  const nothing = store.layer === undefined || gone;
  const only = store.traits.kind.value === "progress";
  return (
    <span class="tools commands">
      {!only &&
        (running ? (
          <Button icon="pause" label="Pause" testid="pause" disabled={gone} onClick={() => store.command("pause")} />
        ) : (
          <Button
            icon="start"
            label={phase === "paused" ? "Go on" : "Start"}
            testid="start"
            disabled={nothing || phase === "done"}
            onClick={() => store.command("start")}
          />
        ))}
      <Button
        icon="stop"
        label="Stop"
        testid="stop"
        disabled={gone || (!running && phase !== "paused")}
        onClick={() => store.command("stop")}
      />
      {!only && (
        <Button
          icon="restart"
          label="Restart"
          testid="restart"
          disabled={nothing}
          onClick={() => store.command("restart")}
        />
      )}
    </span>
  );
}

/** Tells a screen reader of each new phase, and of each quarter of the way. */
function Announcements(): null {
  const { store, announcement } = useView();
  const told = useRef("");
  useSignalEffect(() => {
    const status = store.traits.status.value;
    const quarter = status.phase === "climbing" ? `, ${25 * Math.floor(4 * shareOf(status))} %` : "";
    const words = `${PHASES[status.phase]}${quarter}`;
    if (words === told.current) return;
    if (told.current !== "") announcement.value = words;
    told.current = words;
  });
  return null;
}

function shareOf({ image_steps, total_image_steps }: Status): number {
  return total_image_steps > 0 ? Math.min(1, image_steps / total_image_steps) : 0;
}

function progressText(status: Status): string {
  const { phase, finished, total, seconds_left, steps_per_second, message } = status;
  if (phase === "idle" && total === 0) return message;
  const words = [PHASES[phase], total > 0 && `${formatCount(finished)} of ${formatCount(total)}`];
  if (phase === "climbing") {
    words.push(formatDuration(seconds_left));
    if (steps_per_second !== null) words.push(`${formatNumber(steps_per_second)} steps/s`);
  }
  words.push(message);
  return words.filter(Boolean).join(" · ");
}
