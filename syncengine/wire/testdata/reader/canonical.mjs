// Canonical JSON, section 2. What is canonical is what the writer gives back byte for byte; objects are Maps, so that no key has a
// meaning of its own, and strings, numbers, booleans, null and arrays are those of JavaScript.

import { utf8 } from './bytes.mjs';
import { must, refuse } from './problem.mjs';
import { isFormC, isStreamSafe } from './normal.mjs';

const stringLimit = 512 * 1024;

// parse reads one canonical value, nested at most depth deep.
export function parse(bytes, depth = 32) {
  const value = parseJSON(bytes, depth);
  must(Buffer.compare(Buffer.from(bytes), Buffer.from(write(value))) === 0, 'not the canonical encoding');
  return value;
}

// parseJSON reads one value in any encoding of JSON (RFC 8259), as in bodies of HTTP (section 7); no key may occur twice.
export function parseJSON(bytes, depth = 32) {
  const input = { text: utf8(bytes), at: 0, depth };
  const value = parseValue(input, 0);
  space(input);
  must(input.at === input.text.length, 'more than one value');
  return value;
}

const words = new Map([['null', null], ['true', true], ['false', false]]);

function parseValue(input, depth) {
  space(input);
  const first = input.text[input.at];
  if (first === '{' || first === '[') {
    if (depth === input.depth) refuse('too_deep', `nested deeper than ${input.depth}`);
    return first === '{' ? parseObject(input, depth + 1) : parseArray(input, depth + 1);
  }
  if (first === '"') return parseString(input);
  for (const [word, value] of words) {
    if (take(input, word)) return value;
  }
  return parseNumber(input);
}

function parseObject(input, depth) {
  const object = new Map();
  take(input, '{');
  space(input);
  if (take(input, '}')) return object;
  do {
    space(input);
    const key = parseString(input);
    must(!object.has(key), `key ${JSON.stringify(key)} twice`);
    space(input);
    must(take(input, ':'), 'no colon after a key');
    object.set(key, parseValue(input, depth));
    space(input);
  } while (take(input, ','));
  must(take(input, '}'), 'object does not end');
  return object;
}

function parseArray(input, depth) {
  const array = [];
  take(input, '[');
  space(input);
  if (take(input, ']')) return array;
  do {
    array.push(parseValue(input, depth));
    space(input);
  } while (take(input, ','));
  must(take(input, ']'), 'array does not end');
  return array;
}

const numberForm = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function parseNumber(input) {
  numberForm.lastIndex = input.at;
  const match = numberForm.exec(input.text);
  must(match !== null, `no value at character ${input.at}`);
  input.at = numberForm.lastIndex;
  return Number(match[0]);
}

const plainForm = /[^"\\\u0000-\u001f]*/y;
const shortEscapes = new Map([['"', '"'], ['\\', '\\'], ['/', '/'], ['b', '\b'], ['f', '\f'], ['n', '\n'], ['r', '\r'], ['t', '\t']]);

function parseString(input) {
  must(take(input, '"'), 'no string');
  let string = '';
  for (;;) {
    plainForm.lastIndex = input.at;
    string += plainForm.exec(input.text)[0];
    input.at = plainForm.lastIndex;
    if (take(input, '"')) break;
    must(take(input, '\\'), 'string does not end, or holds a control character');
    string += parseEscape(input);
  }
  must(!/\p{Surrogate}/u.test(string), 'unpaired surrogate');
  if (Buffer.byteLength(string) > stringLimit) refuse('too_large', 'string over 512 KiB');
  return string;
}

function parseEscape(input) {
  const letter = input.text[input.at++];
  if (letter !== 'u') {
    must(shortEscapes.has(letter), 'unknown escape');
    return shortEscapes.get(letter);
  }
  const digits = input.text.slice(input.at, input.at + 4);
  must(/^[0-9a-fA-F]{4}$/.test(digits), 'escape without four digits');
  input.at += 4;
  return String.fromCharCode(parseInt(digits, 16));
}

function space(input) {
  while (' \t\r\n'.includes(input.text[input.at] ?? 'x')) input.at++;
}

function take(input, word) {
  if (!input.text.startsWith(word, input.at)) return false;
  input.at += word.length;
  return true;
}

// write gives the canonical text of a value, or refuses what has none.
export function write(value) {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'string') return writeString(value);
  if (Array.isArray(value)) return `[${value.map(write).join()}]`;
  const keys = [...value.keys()].sort(byBytes);
  return `{${keys.map((key) => `${writeString(key)}:${write(value.get(key))}`).join()}}`;
}

// byBytes orders strings by the bytes of their UTF-8.
export const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

// A number of at most 15 digits comes back from binary floating point digit for digit.
function writeNumber(number) {
  let digits = String(number);
  if (digits.includes('e-')) digits = number.toFixed(15).replace(/0+$/, '');
  must(/^-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/.test(digits), `number ${number} has no canonical form`);
  must(digits.replace(/^-?(0\.)?/, '').replace('.', '').length <= 15, 'number of more than 15 digits');
  return digits;
}

const escapes = new Map([['"', '\\"'], ['\\', '\\\\'], ['\b', '\\b'], ['\t', '\\t'], ['\n', '\\n'], ['\f', '\\f'], ['\r', '\\r']]);

function writeString(string) {
  must(isFormC(string), 'not in normalisation form C');
  must(isStreamSafe(string), 'more than 30 combining characters in a row');
  const escaped = string.replace(/["\\\u0000-\u001f]/g, (char) => escapes.get(char) ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `"${escaped}"`;
}
