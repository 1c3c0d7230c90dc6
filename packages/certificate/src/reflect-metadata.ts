/**
 * The three functions of the Reflect metadata proposal that the dependency container inside @peculiar/x509 calls when it is loaded.
 * Must be imported before it. A complete polyfill that is already there is kept.
 */
type Metadata = {
  getMetadata(key: unknown, target: object): unknown;
  getOwnMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
};

const reflect = Reflect as typeof Reflect & Partial<Metadata>;
if (reflect.getMetadata === undefined) {
  const byTarget = new WeakMap<object, Map<unknown, unknown>>();
  const get = (key: unknown, target: object): unknown => byTarget.get(target)?.get(key);
  reflect.getMetadata = get;
  reflect.getOwnMetadata = get;
  reflect.defineMetadata = (key, value, target) => {
    const entries = byTarget.get(target) ?? new Map<unknown, unknown>();
    byTarget.set(target, entries.set(key, value));
  };
}

export {};
