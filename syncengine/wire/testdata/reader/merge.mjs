// Merging the changes of one record, sections 6.1 and 6.3 to 6.5.

import { byBytes, write } from './canonical.mjs';
import { isPresence, rankOf, registerAt } from './checklist.mjs';
import { documentOf } from './document.mjs';
import { hashOrder } from './fields.mjs';
import { translate } from './lens.mjs';
import { enclosing } from './verdict.mjs';

// mergeRecord merges changes, each with its status, its decision, and the reading of its lineage. The fields of the result ascend by path.
export function mergeRecord(changes) {
  const effective = changes.filter(({ status }) => status === 'effective');
  const lists = effective.map(({ reading }) => reading.at(-1)).sort((a, b) => byBytes(a.lineage, b.lineage));
  const list = lists[0];
  const writes = changes.flatMap(writesOf);
  const paths = [...new Set(writes.map(({ path }) => path))].sort(byBytes);
  const shown = paths.filter((path) => path === '/' || (list && registerAt(list, path)));
  const fields = new Map(shown.map((path) => [path, fieldOf(list, path, survivorsOf(writes, path))]).filter(([, field]) => field !== undefined));
  for (const [path, field] of fields) {
    field.conflict &&= enclosing(path).every((at) => fields.get(at)?.shown === true);
  }
  return {
    checklist: list?.version,
    mixed: lists.some(({ lineage }) => lineage !== list.lineage),
    fields,
    document: list && fields.get('/')?.shown === true ? documentOf(list, fields) : null,
    ...Object.fromEntries(['pending', 'ineffective'].map((status) => [status, idsOf(changes, status)])),
  };
}

const idsOf = (changes, wanted) => changes.filter(({ status }) => status === wanted).map(({ id }) => id).sort(hashOrder);

// writesOf reads the writes of a change through the lenses.
function writesOf(change) {
  const { decision, reading, checklist } = change;
  return change.paths
    .map((path) => ({ change, path, value: change.values.get(path), erased: decision.erased.has(path), over: change.over.get(path) ?? [] }))
    .map((one) => translate(reading, checklist, one))
    .filter((one) => one !== undefined);
}

// survivorsOf gives the writes of a register that no effective change covers, ascending as they are shown.
function survivorsOf(writes, path) {
  const here = new Map(writes.filter((one) => one.path === path).map((one) => [one.change.id, one]));
  const effective = [...here.values()].filter(({ change }) => change.status === 'effective');
  const covered = new Set();
  const reached = new Set();
  const cover = ({ over }) => {
    for (const id of over) {
      covered.add(id);
      const one = here.get(id);
      if (one === undefined || one.change.status === 'effective' || reached.has(id)) continue;
      reached.add(id);
      cover(one);
    }
  };
  effective.forEach(cover);
  return effective.filter(({ change }) => !covered.has(change.id)).sort(byTime);
}

function byTime(a, b) {
  return (
    Number(b.erased) - Number(a.erased) ||
    Number(b.change.decision.untimed) - Number(a.change.decision.untimed) ||
    a.change.time - b.change.time ||
    hashOrder(a.change.id, b.change.id)
  );
}

// fieldOf joins the survivors of a register, if there are any.
function fieldOf(list, path, survivors) {
  if (survivors.length === 0) return undefined;
  const legible = survivors.filter(({ erased }) => !erased);
  const values = new Set(legible.map(({ value }) => write(value)));
  const field = { survivors: survivors.map(({ change }) => change.id), differs: values.size + Number(legible.length < survivors.length) > 1 };
  const node = path === '/' ? undefined : registerAt(list, path);
  if (isPresence(path)) return { ...field, shown: values.has('true'), conflict: node?.type !== 'set' && values.size > 1 };
  const last = node.policy === 'highest' || node.policy === 'lowest' ? [...survivors].sort((a, b) => byRank(node, a, b)).at(-1) : survivors.at(-1);
  return { ...field, ...(last.erased ? { erased: true } : { shown: last.value }), conflict: node.policy === 'review' && values.size > 1 };
}

// byRank orders survivors so that the one to be shown comes last.
function byRank(node, a, b) {
  const [x, y] = [a, b].map(({ erased, value }) => (erased ? undefined : rankOf(node, value)));
  if (a.erased !== b.erased || (x === undefined) !== (y === undefined)) {
    return Number(b.erased) - Number(a.erased) || Number(x !== undefined) - Number(y !== undefined);
  }
  const up = x === undefined ? 0 : x - y;
  return (node.policy === 'lowest' ? -up : up) || (a.erased ? 0 : byBytes(write(a.value), write(b.value))) || byTime(a, b);
}
