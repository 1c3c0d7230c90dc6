/** Under which name this service's fields are known to the API server; its parts put a dash and their own name after it. */
export const fieldManager = "atoll";
