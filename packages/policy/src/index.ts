export type { Candidate, Chooser, Verdict } from "./candidate.ts";
export { chooseDataplanePolicy, dataplanePolicies, dataplanePolicyCandidates } from "./dataplane-policy.ts";
export { candidatesForDestinations, chooseForDestinations, gatewayChooser } from "./gateway-policy.ts";
export {
  chooseInboundPolicy,
  inboundPolicies,
  inboundPoliciesCandidates,
  inboundPolicyCandidates,
  mayUseExternalService,
} from "./inbound-policy.ts";
export { collectTags, kumaTagsHeader, kumaTagsRegex, renderKumaTags } from "./kuma-tags.ts";
export { outboundChooser, passThroughService } from "./outbound-policy.ts";
export { compareAge } from "./policy-resource.ts";
export type { ConnectionPolicy, DataplanePolicy, NamedPolicy } from "./policy-resource.ts";
export { defaultRules, documentedRules, recordedRules } from "./policy-rules.ts";
export type { PolicyRules } from "./policy-rules.ts";
export { anyValue, bestMatch, combineRanks, compareRanks, firstMatch, matchesTags, rankOf } from "./selector.ts";
export type { Rank, Selector, Tags } from "./selector.ts";
export * from "./target/index.ts";
export * from "./ask/index.ts";
export * from "./policies/index.ts";
