/** Under which name this service's fields are known to the API server. */
export const fieldManager = "atoll";
