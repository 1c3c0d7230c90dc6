/** A text that is no YAML, or YAML that stands for nothing JSON could say. Lines and columns count from 1. */
export class YamlError extends Error {
  override readonly name = "YamlError";
  readonly reason: string;
  readonly line: number;
  readonly column: number;

  constructor(reason: string, at: { line: number; column: number }) {
    super(`line ${at.line}, column ${at.column}: ${reason}`);
    this.reason = reason;
    this.line = at.line;
    this.column = at.column;
  }
}
