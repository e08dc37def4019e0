import type { JSX } from "preact";
import { formatCount, formatLarge, formatShape } from "../pure/format";
import { type Row, tileOf } from "../pure/rows";
import type { Store } from "../store";
import type { Layer } from "../traits";
import { useView } from "../view";
import { Icon } from "./icons";

interface LayerRowProps {
  row: Row;
  index: number;
  id: string;
  isActive: boolean;
  onOpen: () => void;
}

export function LayerRow({ row, index, id, isActive, onOpen }: LayerRowProps): JSX.Element {
  const { store } = useView();
  const chosen = row.kind === "layer" && row.layer.name === store.traits.layer.value;
  const closed = !canOpen(store, row);
  const classes = ["layer-row", row.kind];
  if (chosen) classes.push("chosen");
  if (closed) classes.push("closed");
  if (isActive) classes.push("active");
  if (row.kind === "layer" && row.atEnd) classes.push("at-end");
  if (row.kind === "class" || (row.kind === "layer" && row.found)) classes.push("found");
  return (
    <div
      role="treeitem"
      id={id}
      class={classes.join(" ")}
      style={{ "--depth": row.depth }}
      data-row={index}
      data-testid={testid(row)}
      title={title(row)}
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={row.kind === "module" ? undefined : chosen}
      aria-expanded={row.kind === "module" ? row.expanded : undefined}
      aria-disabled={(closed && row.kind !== "module") || undefined}
      onClick={closed && row.kind !== "module" ? undefined : onOpen}
    >
      {row.kind === "module" && <Icon name="chevron" />}
      <Label text={row.label} />
      {row.kind === "module" && (
        <span class={row.expanded ? "unseen" : "layer-count"}>
          {row.layers}
          <Spoken words="layers" />
        </span>
      )}
      {row.kind === "layer" && (
        <>
          <span class="layer-shape">{formatShape(row.layer.shape, row.layer.units)}</span>
          <span class="layer-units">
            {formatCount(row.layer.units)}
            <Spoken words={row.layer.classes ? "classes" : "units"} />
          </span>
        </>
      )}
      {row.kind === "class" && (
        <span class="layer-units">
          <Spoken words="class" />
          {row.unit}
        </span>
      )}
    </div>
  );
}

/** What a screen reader says beside what is seen. */
function Spoken({ words }: { words: string }): JSX.Element {
  return <span class="unseen">{` ${words} `}</span>;
}

/** The last part of a path, and before it the rest, which gives way or breaks behind a slash where there is no room. */
function Label({ text }: { text: string }): JSX.Element {
  const parts = text.split("/");
  const last = parts.pop();
  return (
    <span class="layer-label">
      {parts.length > 0 && (
        <span class="path">
          <bdi>{parts.flatMap((part) => [`${part}/`, <wbr />])}</bdi>
        </span>
      )}
      <bdi class="last">{last}</bdi>
    </span>
  );
}

/** Whether there is anything to see; of classes a page may hold some, and the closest in number would be any other. */
function canOpen(store: Store, row: Row): boolean {
  if (row.kind === "module") return store.canOpenIn(row.path);
  return row.kind === "class" ? store.hasTile(tileOf(row)) : store.canOpen(row.layer.name);
}

function testid(row: Row): string {
  if (row.kind === "module") return `module-${row.path}`;
  return row.kind === "class" ? `class-${row.unit}` : `layer-${row.layer.name}`;
}

function title(row: Row): string {
  if (row.kind === "module") return row.path;
  if (row.kind === "class") return `${row.label}: class ${row.unit} of ${row.layer.name}`;
  return [row.layer.name, ...facts(row.layer)].join("\n");
}

function facts({ kind, shape, parameters, flops, receptive_field }: Layer): string[] {
  const lines = [`${kind}, ${shape.join("×")}`];
  if (receptive_field.length > 0) lines.push(`sees ${receptive_field.join("×")} pixels`);
  if (parameters > 0) lines.push(`${formatLarge(parameters)} parameters`);
  if (flops > 0) lines.push(`${formatLarge(flops)} FLOP`);
  return lines;
}
