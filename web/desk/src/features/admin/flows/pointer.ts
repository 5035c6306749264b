/** Places in a definition: JSON pointers to widgets, and to lines of a text. Pure. */

export interface Place {
  /** Which of the states; undefined when it is about the flow. */
  state?: number;
  /** The pointer within the state, such as `/properties/body`. */
  within: string;
}

/** Reads `#/states/3/properties/body`. */
export function placeOf(path: string): Place {
  const match = /^#?\/states\/(\d+)(\/.*)?$/.exec(path);
  return match ? { state: Number(match[1]), within: match[2] ?? '' } : { within: path.replace(/^#/, '') };
}

const decode = (part: string) => part.replace(/~1/g, '/').replace(/~0/g, '~');

/** The line (from 1) of a JSON text that a pointer leads to, or of the nearest thing around it; undefined for no JSON. */
export function lineOf(source: string, path: string): number | undefined {
  const parts = path.replace(/^#/, '').split('/').slice(1).map(decode);
  let at = 0;
  const space = () => {
    while (/\s/.test(source[at] ?? '')) at++;
  };
  const string = (): string => {
    const start = at++;
    while (at < source.length && source[at] !== '"') at += source[at] === '\\' ? 2 : 1;
    at++;
    return JSON.parse(source.slice(start, at)) as string;
  };
  const skip = () => {
    space();
    if (source[at] === '"') return void string();
    let depth = 0;
    for (; at < source.length; at++) {
      const char = source[at]!;
      if (char === '"') {
        string();
        at--;
      } else if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') {
        if (depth === 0) return undefined;
        if (--depth === 0) return void at++;
      } else if (char === ',' && depth === 0) return undefined;
    }
    return undefined;
  };
  const enter = (part: string): boolean => {
    space();
    const open = source[at];
    if (open !== '{' && open !== '[') return false;
    const start = at++;
    for (let n = 0; at < source.length; n++) {
      space();
      if (source[at] === '}' || source[at] === ']') break;
      let key = String(n);
      if (open === '{') {
        key = string();
        space();
        at++;
        space();
      }
      if (key === part) return true;
      skip();
      space();
      if (source[at] !== ',') break;
      at++;
    }
    at = start;
    return false;
  };
  try {
    JSON.parse(source);
    space();
    parts.every(enter);
  } catch {
    return undefined;
  }
  return source.slice(0, at).split('\n').length;
}

/** What is wrong with a text that is no JSON, and its line; undefined when it is JSON. */
export function syntaxProblem(source: string): { why: string; line?: number } | undefined {
  try {
    JSON.parse(source);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(why);
    const line = /line (\d+)/.exec(why);
    return { why, line: position ? source.slice(0, Number(position[1])).split('\n').length : line ? Number(line[1]) : undefined };
  }
}
