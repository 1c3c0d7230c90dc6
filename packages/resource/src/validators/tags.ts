import type { Selector, TagMap } from "../specs/common.ts";
import { parseProtocol, tag } from "../tags.ts";
import { at, keyed, violation, type Violations } from "./violation.ts";

const nameCharacters = /^[a-zA-Z0-9.\-_:/]*$/;
const valueCharacters = /^[a-zA-Z0-9.\-_:]*$/;
const selectorValueCharacters = /^([a-zA-Z0-9.\-_:/]*|\*)$/;

const nameRule = "tag name must consist of alphanumeric characters, dots, dashes, slashes and underscores";
const valueRule = "tag value must consist of alphanumeric characters, dots, dashes and underscores";
const selectorValueRule = 'tag value must consist of alphanumeric characters, dots, dashes, slashes and underscores or be "*"';
const serviceMissing = `mandatory tag "${tag.service}" is missing`;

export interface TagRules {
  /** At least one tag must be given. */
  nonEmpty?: boolean;
  /** "required": must be among the tags. "only": must be the only tag. "forbidden": must not be among them. */
  service?: "required" | "only" | "forbidden";
  /** Names that must not be given. */
  forbidden?: readonly string[];
  /** Further rules on the whole set. */
  also?: (path: string, tags: TagMap) => Violations;
}

/** Tags that something carries: values are plain. */
export const validateTags = (path: string, tags: TagMap = {}, rules: TagRules = {}): Violations => check(path, tags, rules, false);

/** Tags that select: values may be "*". */
export const validateSelectorTags = (path: string, tags: TagMap = {}, rules: TagRules = {}): Violations => check(path, tags, rules, true);

function* check(path: string, tags: TagMap, rules: TagRules, selecting: boolean): Violations {
  const keys = Object.keys(tags).toSorted();
  if (rules.nonEmpty && keys.length === 0) yield violation(path, "must have at least one tag");
  if (rules.service === "only" && (keys.length !== 1 || keys[0] !== tag.service)) {
    yield violation(path, `must consist of exactly one tag "${tag.service}"`);
  }
  if (rules.also) yield* rules.also(path, tags);
  for (const key of keys) yield* checkTag(path, key, tags[key] ?? "", rules, selecting);
  if (rules.service === "forbidden") {
    if (keys.includes(tag.service)) yield violation(path, `"${tag.service}" must not be defined`);
  } else if (rules.service && !keys.includes(tag.service)) yield violation(path, serviceMissing);
}

function* checkTag(path: string, key: string, value: string, rules: TagRules, selecting: boolean): Violations {
  const field = keyed(path, key);
  if (key === "") yield violation(path, "tag name must be non-empty");
  if (!nameCharacters.test(key)) yield violation(field, nameRule);
  if (rules.service === "only" && key !== tag.service) yield violation(field, `tag "${key}" is not allowed`);
  if (rules.forbidden?.includes(key)) yield violation(field, `tag name must not be "${key}"`);
  if (value === "") yield violation(field, "tag value must be non-empty");
  if (!(selecting ? selectorValueCharacters : valueCharacters).test(value))
    yield violation(field, selecting ? selectorValueRule : valueRule);
}

export interface SelectorRules extends TagRules {
  /** An empty list selects everything. */
  optional?: boolean;
  atMostOne?: boolean;
}

/** A list of selectors; without `optional` there must be one. */
export function* validateSelectors(path: string, selectors: readonly Selector[] = [], rules: SelectorRules): Violations {
  if (!rules.optional && selectors.length === 0) yield violation(path, "must have at least one element");
  for (const [index, selector] of selectors.entries()) {
    yield* validateSelectorTags(`${at(path, index)}.match`, selector.match, rules);
    if (rules.atMostOne && index > 0) yield violation(at(path, index), "there can be at most one selector");
  }
}

export const anyTags: SelectorRules = { nonEmpty: true };
export const tagsWithService: SelectorRules = { nonEmpty: true, service: "required" };
export const onlyService: SelectorRules = { service: "only" };

/** Sources and destinations of a policy that acts on a proxy's outbound side. */
export function* validateConnection(
  spec: { sources?: Selector[]; destinations?: Selector[] },
  sources: SelectorRules = tagsWithService,
  destinations: SelectorRules = onlyService,
): Violations {
  yield* validateSelectors("sources", spec.sources, sources);
  yield* validateSelectors("destinations", spec.destinations, destinations);
}

export const isTagName = (name: string): boolean => nameCharacters.test(name);

/** The `kuma.io/protocol` tag, if there is one, names a protocol. */
export function* validateProtocolTag(path: string, tags: TagMap = {}): Violations {
  const value = tags[tag.protocol];
  if (value === undefined || parseProtocol(value) !== undefined) return;
  yield violation(
    keyed(path, tag.protocol),
    `tag "${tag.protocol}" has an invalid value "${value}". Allowed values: grpc, http, http2, kafka, tcp`,
  );
}
