import { type RevisionEntry, shortKey } from "@atoll/rest-answers";
import { useState } from "preact/hooks";
import { useData } from "../data.ts";
import { revision } from "../live.ts";
import { Badge, Shown, Table, time } from "../parts/shown.tsx";
import { linkTo } from "../route.ts";

const pageSize = 50;

/** Who changed what, when and why; newest first. */
export function ChangesPage() {
  const [before, setBefore] = useState<number | undefined>(undefined);
  const [wanted, setWanted] = useState("");
  const newest = revision.value;
  const to = before ?? newest;
  const from = Math.max(1, to - pageSize + 1);
  const data = useData<{ items: RevisionEntry[] }>(
    newest > 0 ? `/revisions?from=${from}&to=${to}` : undefined,
    before === undefined ? "changes" : "never",
  );
  return (
    <>
      <h1>Changes</h1>
      <p class="actions">
        <label>
          Filter{" "}
          <input
            type="search"
            value={wanted}
            placeholder="kind, name, author, reason"
            onInput={(event) => setWanted(event.currentTarget.value)}
          />
        </label>
        <button type="button" disabled={to >= newest} onClick={() => setBefore(to + pageSize >= newest ? undefined : to + pageSize)}>
          Newer
        </button>
        <button type="button" disabled={from <= 1} onClick={() => setBefore(from - 1)}>
          Older
        </button>
        <span class="quiet">
          {from}–{to} of {newest}
        </span>
      </p>
      <Shown data={data}>
        {({ items }) => (
          <Table
            name="Changes"
            columns={["Revision", "When", "Who", "Verdict", "What", "Why"]}
            empty="Nothing was ever changed."
            rows={items
              .toReversed()
              .filter((entry) => textOf(entry).includes(wanted.toLowerCase()))
              .map((entry) => [
                <a href={linkTo("changes", entry.revision)}>{entry.revision}</a>,
                time(entry.at),
                entry.author.replace("mesh-system:", ""),
                <Badge good={entry.accepted}>{entry.accepted ? "accepted" : "rejected"}</Badge>,
                <ul class="bare">
                  {entry.changes.slice(0, 4).map(({ op, key }) => (
                    <li key={key}>
                      {op} {shortKey(key)}
                    </li>
                  ))}
                  {entry.changes.length > 4 && <li class="quiet">and {entry.changes.length - 4} more</li>}
                </ul>,
                entry.reason ?? "",
              ])}
          />
        )}
      </Shown>
    </>
  );
}

const textOf = ({ author, reason = "", changes }: RevisionEntry): string =>
  [author, reason, ...changes.map(({ op, key }) => `${op} ${key}`)].join(" ").toLowerCase();
