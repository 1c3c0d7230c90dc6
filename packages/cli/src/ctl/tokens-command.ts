import type { ListedToken } from "@atoll/rest-answers";
import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { repeated } from "./flags.ts";
import type { Io } from "./io.ts";
import { checkFormat, outputFlag, pagingFooter, print, type Page } from "./output.ts";
import { withQuery } from "./point-flags.ts";
import { renderTable } from "./table.ts";
import { waitFlags, waitQuery, type WaitFlags } from "./wait.ts";

interface Selection {
  kind?: string;
  mesh?: string;
  subject?: string;
}

const chosen = ({ kind, mesh, subject }: Selection): Record<string, string> => ({
  ...(kind !== undefined && { kind }),
  ...(mesh !== undefined && { mesh }),
  ...(subject !== undefined && { subject }),
});

const selectionFlags = (command: Command): Command =>
  command
    .option("--kind <kind>", "dataplane, zone or user")
    .option("-m, --mesh <mesh>", "dataplane tokens of this mesh")
    .option("--subject <name>", "of this dataplane, zone or user");

/** `tokens`: what was issued, and an end to it. */
export function addTokenLedger(program: Command, client: () => ApiClient, io: Io): void {
  const tokens = program.command("tokens").description("Tokens that were issued: list and revoke them");
  selectionFlags(tokens.command("list"))
    .description("Who was given a token for what, until when, and whether it is good; newest first. Tokens themselves are kept nowhere")
    .option("--state <state>", "valid, expired or revoked")
    .option("--size <n>", "how many to show at most")
    .option("--offset <text>", "where to go on, as the previous page said")
    .option(...outputFlag)
    .action(async (flags: Selection & { state?: string; size?: string; offset?: string; output: string }) => {
      checkFormat(flags.output);
      const { state, size, offset } = flags;
      const query = { ...chosen(flags), ...(state && { state }), ...(size && { size }), ...(offset && { offset }) };
      const page = await client().json<Page<ListedToken>>("GET", withQuery("/tokens", query));
      print(io, flags.output, page, ({ items }) => tokenTable(items) + pagingFooter(page));
    });

  const revoke = selectionFlags(tokens.command("revoke"))
    .description("Revoke tokens by id or by what is chosen, as one revision; zones end their streams when they have it")
    .option("--id <jti>", "one token, as list shows it; again for more", repeated)
    .option("--issued-before <time>", "only those issued before (RFC 3339)")
    .option("--dry-run", "say which, and revoke none")
    .option("--reason <text>", "why, for the history");
  waitFlags(revoke).action(
    async (flags: Selection & WaitFlags & { id?: string[]; issuedBefore?: string; dryRun?: true; reason?: string }) => {
      const { id: ids, issuedBefore, dryRun, reason } = flags;
      const { query, waitMs } = dryRun ? { query: "?dry_run=true", waitMs: 0 } : waitQuery(flags);
      const body = { ...chosen(flags), ids, issuedBefore, reason };
      const { revoked, revision, warnings = [] } = await client().json<Revoked>("POST", `/tokens/revoke${query}`, { body, waitMs });
      for (const { jti, kind, mesh, subject } of revoked) io.out(`  ${[jti, kind, mesh, subject || "*"].filter(Boolean).join(" ")}\n`);
      if (revoked.length === 0) io.out("there is nothing to revoke\n");
      else io.out(dryRun ? `${revoked.length} tokens would be revoked\n` : `revoked ${revoked.length} tokens as revision ${revision}\n`);
      for (const warning of warnings) io.err(`Warning: ${warning}\n`);
      if (warnings.length > 0) throw new CtlError("not applied by every proxy in time");
    },
  );
}

interface Revoked {
  revision: number;
  revoked: { jti: string; kind: string; mesh?: string; subject: string }[];
  warnings?: string[];
}

const tokenTable = (items: readonly ListedToken[]): string =>
  renderTable(
    ["ID", "KIND", "MESH", "FOR", "STATE", "ISSUED", "EXPIRES", "BY"],
    items.map(({ jti, kind, mesh = "-", subject, state, issuedAt, expiresAt, author }) => [
      ...[jti, kind, mesh, subject === "" ? "*" : subject, state, issuedAt, expiresAt, author],
    ]),
  );
