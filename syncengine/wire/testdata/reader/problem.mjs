// The codes of section 8, thrown.

export class Problem extends Error {
  constructor(code, detail) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

export function refuse(code, detail) {
  throw new Problem(code, detail);
}

// must refuses as malformed what is not so.
export function must(so, detail) {
  if (!so) refuse('malformed', detail);
}
