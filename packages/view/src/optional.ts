/** An object with the field, or an empty one when there is no value: absent fields are absent from the view's JSON. */
export const optional = <Name extends string, Value>(name: Name, value: Value | undefined): { [K in Name]?: Value } =>
  (value === undefined ? {} : { [name]: value }) as { [K in Name]?: Value };
