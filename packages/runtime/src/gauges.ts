import { Gauge, type Registry } from "prom-client";

/** Makes gauges of a registry that ask for their value when they are read: nothing has to be kept up to date for them. */
export const gaugesOf =
  (registry: Registry) =>
  (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  };
