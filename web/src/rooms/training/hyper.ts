/** What somebody typed for a hyper-parameter, as the type that it has. */

/** Read by the type of the preset's value; what does not fit is sent as it is, and the server says why not. */
export function read(text: string, like: unknown): unknown {
  const trimmed = text.trim();
  if (trimmed === "none" || trimmed === "null") return null;
  if (Array.isArray(like)) return trimmed.split(/[,\s]+/).filter(Boolean);
  if (typeof like === "boolean" || ["true", "false"].includes(trimmed)) return trimmed === "true" ? true : trimmed === "false" ? false : trimmed;
  const number = Number(trimmed);
  return trimmed !== "" && Number.isFinite(number) && typeof like !== "string" ? number : trimmed;
}
