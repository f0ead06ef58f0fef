// Reading what was written under an older version, sections 6.1 and 6.8.

import { byBytes } from './canonical.mjs';
import { isPresence, segmentsOf } from './checklist.mjs';

// translate reads a write { path, value, … } of a version of a reading, which is the versions of a lineage that are in force, oldest first.
// It is undefined where the register is retired.
export function translate(reading, version, write) {
  const start = reading.findIndex((list) => list.version === version);
  if (write.path === '/' || start < 0) return write;
  const line = ancestry(reading);
  return reading.slice(start + 1).reduce((read, list) => (read && line.includes(list) ? through(list.lens, read) : read), write);
}

// ancestry gives the current version, the one that it succeeds, and so on.
function ancestry(reading) {
  const current = reading.at(-1);
  if (current === undefined) return [];
  const before = reading.findIndex(({ version }) => version === current.previous);
  const rest = current.previous === undefined ? reading.length - 1 : before + 1;
  return [...ancestry(reading.slice(0, rest)), current];
}

function through({ retire, rename, codes }, write) {
  const segments = segmentsOf(write.path);
  if (retire.some((pattern) => begins(pattern, segments))) return undefined;
  const moved = renamed(rename, segments);
  if (!isPresence(write.path)) return { ...write, path: joined(moved), value: coded(codes, moved, write.value) };
  const code = coded(codes, moved.slice(0, -1), moved.at(-1));
  return { ...write, path: `${joined([...moved.slice(0, -1), code])}/` };
}

const joined = (segments) => segments.map((segment) => `/${segment}`).join('');
const begins = (pattern, segments) => segmentsOf(pattern).every((name, i) => segments[i] !== undefined && (name === '*' || name === segments[i]));

function renamed(rename, segments) {
  const order = (a, b) => segmentsOf(a).length - segmentsOf(b).length || byBytes(a, b);
  const pattern = [...rename.keys()].filter((from) => begins(from, segments)).sort(order).at(-1);
  if (pattern === undefined) return segments;
  const names = segmentsOf(pattern);
  const stars = segments.filter((_, i) => names[i] === '*');
  const moved = segmentsOf(rename.get(pattern)).map((name) => (name === '*' ? stars.shift() : name));
  return [...moved, ...segments.slice(names.length)];
}

function coded(codes, segments, value) {
  const fitting = [...codes.keys()].filter((pattern) => segmentsOf(pattern).length === segments.length && begins(pattern, segments));
  return codes.get(fitting.sort(byBytes).at(-1))?.get(value) ?? value;
}
