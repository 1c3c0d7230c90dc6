export {
  configDocument,
  defaultConfig,
  defaultProxyUser,
  executableNames,
  familyOf,
  readConfig,
  readIpFamilyMode,
  readPort,
  readPorts,
  TransparentProxyError,
  type ExecutableName,
  type IpFamilyMode,
  type TransparentProxyConfig,
} from "./config.ts";
export { buildRules, withoutRules } from "./rules/build-rules.ts";
export { capturedDns, chainPrefix, commentPrefix, type MachineAbilities, type RuleInput } from "./rules/rule-input.ts";
