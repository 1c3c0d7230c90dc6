import type { ListedToken } from "@atoll/rest-answers";
import { useState } from "preact/hooks";
import { useData } from "../data.ts";
import { Badge, Shown, Table, time } from "../parts/shown.tsx";
import { post } from "../rest.ts";
import { go, linkTo } from "../route.ts";
import { useSending } from "../sending.ts";

interface Tokens {
  total: number;
  next: string | null;
  items: ListedToken[];
}

const pageSize = 50;
const states = ["valid", "expired", "revoked"];

/** Who was given a token for what, until when; and an end to one. For admins. */
export function TokensPage() {
  const [state, setState] = useState("valid");
  const [offset, setOffset] = useState(0);
  const { error, send } = useSending();
  const tokens = useData<Tokens>(`/tokens?size=${pageSize}&offset=${offset}${state === "" ? "" : `&state=${state}`}`);
  const revoke = async (jti: string, name: string) => {
    if (!confirm(`Revoke the token of ${name}? Its streams end, and nobody can undo it.`)) return;
    await send(async () => {
      const { revision } = await post<{ revision: number }>("/tokens/revoke", { ids: [jti], reason: `revoke the token of ${name}` });
      go(linkTo("changes", revision));
    });
  };
  return (
    <>
      <h1>Tokens</h1>
      <p class="actions">
        <label>
          State{" "}
          <select
            value={state}
            onChange={(event) => {
              setState(event.currentTarget.value);
              setOffset(0);
            }}
          >
            <option value="">any</option>
            {states.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={offset === 0} onClick={() => setOffset(Math.max(0, offset - pageSize))}>
          Newer
        </button>
        <button type="button" disabled={!tokens.value?.next} onClick={() => setOffset(offset + pageSize)}>
          Older
        </button>
        {tokens.value && <span class="quiet">{tokens.value.total} in all</span>}
      </p>
      {error !== undefined && (
        <p class="problem" role="alert">
          {error}
        </p>
      )}
      <Shown data={tokens}>
        {({ items }) => (
          <Table
            name="Tokens"
            columns={["For", "Kind", "Mesh", "State", "Issued", "Expires", "By", "End"]}
            empty="There are none."
            rows={items.map(({ jti, kind, subject, mesh, author, issuedAt, expiresAt, state: now }) => {
              const name = subject === "" ? `any ${kind}` : subject;
              return [
                <span title={jti}>{name}</span>,
                kind,
                mesh ?? "",
                <Badge good={now === "valid" ? true : now === "revoked" ? false : undefined}>{now}</Badge>,
                time(issuedAt),
                time(expiresAt),
                author.replace("mesh-system:", ""),
                now === "valid" && (
                  <button type="button" class="plain" aria-label={`Revoke the token of ${name}`} onClick={() => void revoke(jti, name)}>
                    Revoke
                  </button>
                ),
              ];
            })}
          />
        )}
      </Shown>
    </>
  );
}
