import type { EncodedResource } from "./snapshot.ts";

/** This many forms are remembered. */
const limit = 1_000;

/**
 * Forms of resources that some client took in place of the whole, by version. A client that comes back with one is known by it to have taken
 * its parts, so that nothing it has need be tried again.
 */
export class KnownForms {
  readonly #forms = new Map<string, EncodedResource>();

  remember(form: EncodedResource): void {
    this.#forms.delete(form.version);
    this.#forms.set(form.version, form);
    const [oldest] = this.#forms.keys();
    if (this.#forms.size > limit && oldest !== undefined) this.#forms.delete(oldest);
  }

  /** The form of a resource that has this version; a version is a hash of the content. */
  get(name: string, version: string): EncodedResource | undefined {
    const form = this.#forms.get(version);
    return form?.name === name ? form : undefined;
  }
}
