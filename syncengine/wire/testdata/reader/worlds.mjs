// Stories that others tell as what a node holds, beside the records that they merge of it: the checklists, the changes with their ids, the
// lines of logs, and the first replica of the authority. Where a change has a status, it is judged already, and the lines say nothing.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Authority } from './authority.mjs';
import { parseJSON } from './canonical.mjs';
import { readChecklist } from './checklist.mjs';
import { isObject } from './fields.mjs';
import { recordsOf, told } from './records.mjs';

// checkWorlds merges each world of the files of a folder, and compares.
export function checkWorlds(folder) {
  const failures = [];
  let count = 0;
  for (const file of readdirSync(folder)) {
    for (const world of parseJSON(readFileSync(join(folder, file)), 64)) {
      count++;
      const [want, got] = [plain(world.get('records')), mergeWorld(world)];
      if (!isDeepStrictEqual(want, got)) failures.push(`${file}: ${world.get('name')}: want\n${JSON.stringify(want)}\ngot\n${JSON.stringify(got)}`);
    }
  }
  return { summary: `${count} worlds`, failures };
}

function mergeWorld(world) {
  const lists = new Map(world.get('checklists').map((list) => [list.get('version'), readChecklist(list.get('version'), list.get('content'))]));
  const changes = world.get('changes').map(changeOf);
  if (!world.has('lines')) return [told(changes.map((change) => judged(change, lists)))];
  const lines = world.get('lines').map(Object.fromEntries);
  const placed = lines.map((line) => ({ ...line, ruling: changes.find(({ id }) => id === line.id).ruling })).filter(({ ruling }) => ruling !== undefined);
  const chains = new Map(lines.map((line) => [line.chain, line]));
  return recordsOf({
    authority: new Authority(world.get('first'), placed),
    changes: changes.filter(({ ruling }) => ruling === undefined),
    envelopes: (id) => lines.filter((line) => line.id === id),
    heldTo: (replica) => Math.max(0, ...lines.filter((line) => line.replica === replica).map(({ seq }) => seq)),
    list: (version) => lists.get(version),
    isBefore(envelope, [, chain]) {
      let line = chains.get(chain);
      if (line === undefined) return true;
      while (line !== undefined && line.seq > envelope.seq) line = chains.get(line.before);
      return line === undefined || line.chain === envelope.chain;
    },
  });
}

const changeOf = (change) => ({ over: new Map(), values: new Map(), ...Object.fromEntries(change) });

// judged completes a change that has a status.
function judged({ reading, untimed, erased, ...change }, lists) {
  return { ...change, decision: { untimed, erased: new Set(erased) }, reading: reading.map((version) => lists.get(version)) };
}

// plain gives Maps as objects.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  return isObject(value) ? Object.fromEntries([...value].map(([name, item]) => [name, plain(item)])) : value;
}
