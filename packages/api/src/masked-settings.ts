const secretName = /(token|password|secret|passphrase|apikey|credentials)$/i;
const mask = "*****";

/** Settings as they may be shown: texts whose name says that they are secret are masked, files of secrets are named. */
export function maskedSettings(settings: unknown, name = ""): unknown {
  if (Array.isArray(settings)) return settings.map((each) => maskedSettings(each, name));
  if (typeof settings === "object" && settings !== null) {
    return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, maskedSettings(value, key)]));
  }
  return typeof settings === "string" && settings !== "" && secretName.test(name) ? mask : withoutUserInfo(settings);
}

/** An address may carry a password. */
const withoutUserInfo = (value: unknown): unknown =>
  typeof value === "string" ? value.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*:[^/@\s]*@/i, `$1${mask}@`) : value;
