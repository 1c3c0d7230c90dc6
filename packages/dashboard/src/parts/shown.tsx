import type { ComponentChildren } from "preact";
import type { Data } from "../data.ts";

/** What there is of some data: itself, why there is none, or that it is on its way. */
export function Shown<T>({ data, children }: { data: Data<T>; children: (value: T) => ComponentChildren }) {
  if (data.error) return <p class="problem">{data.error.message}</p>;
  if (data.value === undefined) return <p class="quiet">…</p>;
  return <>{children(data.value)}</>;
}

export function Section({ title, aside, children }: { title: string; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section>
      <h2>
        {title}
        {aside !== undefined && <span class="aside">{aside}</span>}
      </h2>
      {children}
    </section>
  );
}

/** Rows of cells under headers; a sentence where there are none. */
export function Table({
  name,
  columns,
  rows,
  empty,
}: {
  name: string;
  columns: readonly string[];
  rows: readonly ComponentChildren[][];
  empty: string;
}) {
  if (rows.length === 0) return <p class="quiet">{empty}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={name}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, row) => (
            <tr key={row}>
              {cells.map((cell, index) => (
                <td key={index}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Badge({ good, children }: { good: boolean | undefined; children: ComponentChildren }) {
  return (
    <span class="badge">
      <span class={`dot ${good === undefined ? "" : good ? "good" : "bad"}`} aria-hidden="true" />
      {children}
    </span>
  );
}

export const time = (text: string): string => new Date(text).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
