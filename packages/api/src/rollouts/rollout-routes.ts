import { shareIn } from "@atoll/replica";
import {
  type Rollout,
  endStep,
  holdStep,
  knownFaults,
  passStep,
  progressText,
  startStep,
  faultKey,
  type Step,
  type StepBy,
} from "@atoll/rollout";
import {
  type KeyString,
  type RolloutSpec,
  type RolloutStage,
  formatGoDuration,
  isUnderWay,
  keyOfChange,
  kindOf,
  parseKeyString,
  rolloutType,
  zonePinType,
} from "@atoll/resource";
import type { RolloutAnswer, StageAnswer } from "@atoll/rest-answers";
import type { ApiContext } from "../api-context.ts";
import { revisionHeader } from "../api-context.ts";
import { type Answer, type Call, type Route, json } from "../call.ts";
import { foretold, readDryRun } from "../change-routes.ts";
import { keysOf, prepareChanges, readBody, readOptionalBody, readRequest, requireWritable } from "../change-request.ts";
import type { Preparation, Proposal } from "../config-writer.ts";
import type { ConfigStore } from "../ports.ts";
import { badRequest, conflict, notFound } from "../problem.ts";
import { checkStages, readRolloutRequest, type RolloutRequest } from "./rollout-request.ts";

/** Atoll's own: change sets that take effect in stages. Begun, continued, held and aborted on global; shown everywhere. */
export function rolloutRoutes(context: ApiContext): Route[] {
  const { config, settings } = context.options;
  const shown: Route[] = [
    {
      method: "GET",
      path: "/rollouts",
      run: () => json({ revision: config.revision, items: listed(context).map((one) => answerOf(one, context)) }),
    },
    { method: "GET", path: "/rollouts/:name", run: (call) => json(answerOf(rolloutAt(context, call), context)) },
  ];
  if (settings.mode !== "global") return shown;
  const step = (path: string, decide: (rollout: Rollout, by: StepBy) => Step): Route => ({
    method: "POST",
    path: `/rollouts/:name/${path}`,
    run: (call) => takeStep(context, call, path, decide),
  });
  return [
    ...shown,
    { method: "POST", path: "/rollouts", run: (call) => start(context, call) },
    step("continue", (rollout, by) => passStep(rollout, by, knownFaults(rollout, context.options.proxies?.withheld?.() ?? {}))),
    step("hold", (rollout, by) => {
      if (rollout.spec.state === "held") throw conflict(`the roll-out ${JSON.stringify(rollout.name)} is held already`);
      return holdStep(rollout, { why: "by hand", ...by });
    }),
    step("abort", (rollout, by) => endStep(rollout, "aborted", { why: "by hand", ...by })),
  ];
}

/** Those under way first, then the newest. */
const listed = ({ options: { config } }: ApiContext): Rollout[] =>
  config
    .list<RolloutSpec>(rolloutType)
    .toSorted((a, b) => Number(isUnderWay(b.spec)) - Number(isUnderWay(a.spec)) || b.revision - a.revision);

function rolloutAt({ options: { config } }: ApiContext, call: Call): Rollout {
  const rollout = config.get<RolloutSpec>(rolloutType, "", call.params["name"]!);
  if (rollout === undefined) throw notFound("Could not find the roll-out");
  return rollout;
}

/** `POST /rollouts`: the body of `POST /changes`, with `stages`, `onFailure` and `name`. */
async function start(context: ApiContext, call: Call): Promise<Answer> {
  const { options, writer } = context;
  const { config, proxies } = options;
  const body = readBody(call, "roll-out");
  const rollout = readRolloutRequest(body);
  const request = readRequest(body, call);
  const { decide, warnings } = await prepareChanges(context, call, request);
  const at = new Date(options.now()).toISOString();
  const known = () => Object.values(proxies?.withheld?.() ?? {}).flatMap((faults) => faults.map(faultKey));
  const decideStart = (): Proposal<string> | Preparation => {
    const decided = decide();
    if ("prepare" in decided) return decided;
    const name = rollout.name ?? `at-${config.revision + 1}`;
    const changes = [...decided.changes];
    checkStages(rollout, changes.map(keyOfChange), config);
    refuseMeeting(context, name, rollout);
    const { stages, onFailure } = rollout;
    const { reason } = request;
    const begun = { name, changes, stages, onFailure, known: [...new Set(known())], ...(reason !== undefined && { reason }) };
    // Nobody may write what another roll-out changes, and so not change it in another one.
    writer.refuseHeld(changes);
    const step = startStep(begun, config, { at, author: call.user.name });
    return { changes: step.changes, reliedOn: [...step.reliedOn, ...(decided.reliedOn ?? [])], result: name };
  };
  if (readDryRun(call)) {
    await writer.preview(decideStart, request.conditions);
    const { changes } = await writer.preview(decide, request.conditions);
    return foretold(context, call, changes, [...warnings, ...leftOut(rollout, config)]);
  }
  const written = await writer.write(decideStart, {
    keys: keysOf(request),
    author: call.user.name,
    reason: request.reason,
    conditions: request.conditions,
  });
  const begun = config.get<RolloutSpec>(rolloutType, "", written.result)!;
  const told = [...warnings, ...leftOut(rollout, config)];
  const answer = { ...answerOf(begun, context), revision: written.revision, ...(told.length > 0 && { warnings: told }) };
  return json(answer, 201, revisionHeader(written.revision));
}

/** Zones that have no stage of their own. */
function leftOut({ stages }: RolloutRequest, config: ConfigStore): string[] {
  const staged = new Set(stages.flatMap(({ zones }) => zones));
  return config.list("Zone").flatMap(({ name }) => {
    if (config.get(zonePinType, "", name)) return [`zone ${name} is pinned: it does not take part`];
    return staged.has(name) ? [] : [`zone ${name} is in no stage: it has the change when the last stage is passed`];
  });
}

/** Two roll-outs of one name, or two that have some of the proxies of one zone. */
function refuseMeeting({ options: { config } }: ApiContext, name: string, { stages }: RolloutRequest): void {
  const shared = new Set(stages.filter(({ share }) => share !== undefined).flatMap(({ zones }) => zones));
  for (const { name: other, spec } of config.list<RolloutSpec>(rolloutType)) {
    if (!isUnderWay(spec)) continue;
    const said = `the roll-out ${JSON.stringify(other)} is under way (${progressText(spec)})`;
    if (other === name) throw conflict(said);
    const both = spec.stages.find(({ zones, share }) => share !== undefined && zones.some((zone) => shared.has(zone)));
    if (both) throw conflict(`${said}, and has a share of the proxies of the same zone: one at a time`);
  }
}

async function takeStep(context: ApiContext, call: Call, what: string, decide: (rollout: Rollout, by: StepBy) => Step): Promise<Answer> {
  const { options, writer } = context;
  const { config } = options;
  const { reason: why, stage } = readStep(call);
  const decideStep = (): Proposal<string> => {
    const rollout = rolloutAt(context, call);
    const { name, spec } = rollout;
    for (const key of Object.keys(spec.base)) {
      const kind = kindOf(parseKeyString(key).type);
      if (kind) requireWritable(kind, context, call);
    }
    if (!isUnderWay(spec)) throw conflict(`the roll-out ${JSON.stringify(name)} has ended: ${progressText(spec)}`);
    if (stage !== undefined && stage !== spec.stage + 1)
      throw conflict(`the roll-out ${JSON.stringify(name)} is not at stage ${stage} any more: ${progressText(spec)}`);
    const at = new Date(options.now()).toISOString();
    const step = decide(rollout, { at, author: call.user.name, ...(why !== undefined && { why }) });
    return { ...step, result: name };
  };
  const { name } = call.params;
  const written = await writer.write(decideStep, {
    keys: [{ type: rolloutType, mesh: "", name: name! }],
    author: call.user.name,
    reason: `roll-out ${name}: ${what}${why === undefined ? "" : ` (${why})`}`,
    rollout: name!,
  });
  return json(
    { ...answerOf(config.get<RolloutSpec>(rolloutType, "", name!)!, context), revision: written.revision },
    200,
    revisionHeader(written.revision),
  );
}

/** `{"reason": text, "stage": number}`, each or nothing: who decides about a stage does not decide about the next one by mistake. */
function readStep(call: Call): { reason?: string; stage?: number } {
  const fault = 'invalid step of a roll-out: must be {"reason": text, "stage": number}';
  const { reason, stage } = readOptionalBody(call, fault);
  if (reason !== undefined && typeof reason !== "string") throw badRequest(fault);
  if (stage !== undefined && typeof stage !== "number") throw badRequest(fault);
  return { ...(reason !== undefined && { reason }), ...(stage !== undefined && { stage }) };
}

function answerOf(rollout: Rollout, { options }: ApiContext): RolloutAnswer {
  const { name, revision, spec } = rollout;
  const { author, reason, state, stages, stage, since, onFailure, why, base, steps } = spec;
  const applied = options.proxies?.appliedRevisions() ?? {};
  const waits = state === "running" ? options.rolloutWaits?.()[name] : undefined;
  const zones = [...new Set(stages.flatMap((one) => one.zones))];
  return {
    name,
    ...(reason !== undefined && { reason }),
    ...{ author, state, progress: progressText(spec), stage: Math.min(stage + 1, stages.length), since, revision, onFailure },
    ...(why !== undefined && { why }),
    ...(waits && { waits: [...waits] }),
    changes: (Object.keys(base) as KeyString[]).toSorted(),
    stages: stages.map(stageAnswer),
    zones: zones.map((zone) => ({
      name: zone,
      share: state === "done" ? 100 : isUnderWay(spec) ? shareIn(zone, spec) : 0,
      proxies: applied[zone]?.proxies ?? 0,
      applied: applied[zone]?.applied ?? null,
    })),
    steps: steps.map((step) => ({ ...step, stage: Math.min(step.stage + 1, stages.length) })),
  };
}

function stageAnswer({ zones, share, gate }: RolloutStage): StageAnswer {
  const { minTimeMs, errors } = gate ?? {};
  const shown = {
    ...(minTimeMs !== undefined && { minTime: formatGoDuration(BigInt(minTimeMs) * 1_000_000n) }),
    ...(errors && { errors }),
  };
  return { zones, ...(share !== undefined && { share }), ...(gate && { gate: shown }) };
}
