import { comment, type Parameter } from "./parameter.ts";

interface Rule {
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** Before all that was there; else behind it. */
  readonly isInserted: boolean;
}

/** Rules of a chain, in the order in which packets meet them. */
export class Chain {
  readonly name: string;
  readonly #rules: Rule[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get rules(): readonly Rule[] {
    return this.#rules;
  }

  /** Behind what others have in the chain. */
  append(text: string, ...parameters: Parameter[]): this {
    this.#rules.push({ text, parameters, isInserted: false });
    return this;
  }

  /** Before what others have in the chain, and after what was inserted here. */
  insert(text: string, ...parameters: Parameter[]): this {
    this.#rules.push({ text, parameters, isInserted: true });
    return this;
  }
}

export interface Table {
  readonly name: "raw" | "nat" | "mangle";
  /** Chains of the kernel, in its order. */
  readonly chains: readonly Chain[];
  /** Chains that come with the rules. */
  readonly ownChains: readonly Chain[];
}

export interface RuleStyle {
  /** Long flags, and empty lines between sections. */
  readonly verbose: boolean;
  /** What every comment begins with, by which rules are found again; undefined = no comments. */
  readonly commentPrefix: string | undefined;
}

/** What `iptables-restore --noflush` reads; undefined for a table without rules. */
export function tableText({ name, chains, ownChains }: Table, style: RuleStyle): string | undefined {
  const rules = [...chains, ...ownChains].flatMap((chain) => chainLines(chain, style));
  if (rules.length === 0) return undefined;
  const { verbose } = style;
  const own = ownChains.map((chain) => `${verbose ? "--new-chain" : "-N"} ${chain.name}`);
  const sections = [
    `* ${name}`,
    ...(own.length > 0 ? [[...(verbose ? ["# Custom Chains:"] : []), ...own].join("\n")] : []),
    [...(verbose ? ["# Rules:"] : []), ...rules].join("\n"),
    "COMMIT",
  ];
  return sections.join(verbose ? "\n\n" : "\n");
}

function chainLines(chain: Chain, { verbose, commentPrefix }: RuleStyle): string[] {
  let inserted = 0;
  return chain.rules.map(({ text, parameters, isInserted }) => {
    if (isInserted) inserted += 1;
    const place = isInserted ? [verbose ? "--insert" : "-I", chain.name, String(inserted)] : [verbose ? "--append" : "-A", chain.name];
    const said = commentPrefix === undefined ? [] : [comment(`${commentPrefix}/${text}`)];
    return [...place, ...[...said, ...parameters].flatMap((parameter) => parameter(verbose))].join(" ");
  });
}
