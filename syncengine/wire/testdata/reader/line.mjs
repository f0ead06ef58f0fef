// Changes and their lines, section 3: from the bytes of a line to header, root and id.

import { must, refuse } from './problem.mjs';
import { hmac, sha, text, unbase64, unhash } from './bytes.mjs';
import { byBytes, parse, write } from './canonical.mjs';
import { account, ascending, hash, hashOrder, integer, isObject, members, path, point, uuid, word } from './fields.mjs';
import { checkGenesis } from './genesis.mjs';
import { checkRuling } from './ruling.mjs';

const limits = { header: 256 * 1024, paths: 2048, over: 4096, values: 512 * 1024, line: 1536 * 1024, depth: 30 };

export const leafSalt = (salt, at) => hmac(salt, at);
export const leaf = (salt, value) => sha(salt, write(value));
const rootOf = (leaves) => sha('arpenteur/1 root\n', ...leaves);

// readLine reads a line of a ledger (hash text; the empty string asks for a genesis of any). It gives the form, the canonical header,
// the root and the id, and of a change that it understands also: line (the parsed line), paths, and values (path -> value) as held.
export function readLine(bytes, ledger) {
  if (bytes.length > limits.line) refuse('too_large', 'line over 1.5 MiB');
  const line = parse(bytes, limits.depth);
  must(isObject(line), 'line is no object');
  const format = line.get('format');
  integer(format, 'format', 1);
  return format === 1 ? readFormat1(line, ledger) : readUnknown(line, ledger);
}

// readUnknown reads a line of a later format, of which only the header's ledger is known.
function readUnknown(line, ledger) {
  const any = () => {};
  members(line, 'line', { body: any, format: any, header: any });
  const header = line.get('header');
  must(isObject(header) && header.get('format') === line.get('format'), 'line and header differ in their format');
  hash(header.get('ledger'), 'ledger');
  if (header.get('ledger') !== ledger) refuse('wrong_ledger', 'header names another ledger');
  const canonical = write(header);
  if (Buffer.byteLength(canonical) > limits.header) refuse('too_large', 'header over 256 KiB');
  return { form: 'unknown format', header: canonical, id: text(sha(canonical)) };
}

const forms = [
  { name: 'whole', members: { salt: (value, what) => unbase64(value, 16, what), values: pathMap(() => {}) } },
  { name: 'partial', members: { leaves: pathMap(hash), salts: pathMap(hash), values: pathMap(() => {}) } },
  { name: 'bare', members: { paths: (value, what) => ascending(value, path, byBytes, what), root: hash } },
];

function pathMap(form) {
  return (value, what) => {
    must(isObject(value), `${what} is no object`);
    for (const [at, item] of value) {
      path(at, what);
      form(item, `${what} at ${at}`);
    }
  };
}

function readFormat1(line, ledger) {
  const isGenesis = line.get('kind') === 'genesis';
  const isRuling = line.get('kind') === 'ruling';
  const form = forms.find(({ members: own }) => Object.keys(own).every((name) => line.has(name)));
  must(form !== undefined, 'line has neither salt and values, nor values, salts and leaves, nor paths and root');
  members(
    line,
    'line',
    {
      author: account, format: () => {}, kind: word, record: uuid, time: integer, ...form.members,
      ...(isGenesis ? { genesis: checkGenesis } : { at: point }),
      ...(isRuling ? { ruling: checkRuling } : {}),
      ...(isGenesis || isRuling ? {} : { checklist: hash }),
    },
    { over: pathMap(overList) },
  );
  const { paths, root } = form.name === 'bare' ? { paths: line.get('paths'), root: unhash(line.get('root')) } : rootOfValues(line, form.name);
  checkPaths(line, paths, isGenesis, isGenesis || isRuling);
  return identify(line, form.name, paths, text(root), isGenesis ? '' : ledger, ledger);
}

function overList(value, what) {
  ascending(value, hash, hashOrder, what);
  must(value.length > 0, `${what} is empty`);
}

// rootOfValues computes the root of a whole or partial line.
function rootOfValues(line, form) {
  const values = line.get('values');
  const leaves = line.get('leaves') ?? new Map();
  const salts = line.get('salts');
  if (form === 'partial') must(salts.size === values.size && [...salts.keys()].every((at) => values.has(at)), 'salts and values differ in their paths');
  const paths = [...values.keys(), ...leaves.keys()].sort(byBytes);
  must(new Set(paths).size === paths.length, 'a path has both a value and a leaf hash');
  const size = [...values.values()].reduce((sum, value) => sum + Buffer.byteLength(write(value)), 0);
  if (size > limits.values) refuse('too_large', 'values over 512 KiB together');
  const salt = form === 'whole' ? unbase64(line.get('salt')) : undefined;
  const hashes = paths.map((at) => {
    if (leaves.has(at)) return unhash(leaves.get(at));
    return leaf(salt === undefined ? unhash(salts.get(at)) : leafSalt(salt, at), values.get(at));
  });
  return { paths, root: rootOf(hashes) };
}

function checkPaths(line, paths, isGenesis, mayBeEmpty) {
  if (paths.length > limits.paths) refuse('too_large', 'more than 2,048 paths');
  must(mayBeEmpty || paths.length > 0, 'nothing is written');
  must(!isGenesis || paths.length === 0, 'a genesis writes nothing');
  const over = line.get('over');
  if (over === undefined) return;
  must(over.size > 0, 'over is empty');
  const written = new Set(paths);
  for (const at of over.keys()) must(written.has(at), `over names ${at}, which is not written`);
  const ids = [...over.values()].reduce((sum, list) => sum + list.length, 0);
  if (ids > limits.over) refuse('too_large', 'more than 4,096 ids in over');
}

// identify makes the header and the id. A genesis belongs to the ledger that its id names; asked for the empty ledger, only a genesis will do.
function identify(line, form, paths, root, ledger, wanted) {
  const header = new Map([['ledger', ledger], ['paths', paths], ['root', root]]);
  for (const [name, value] of line) {
    if (!forms.some(({ members: own }) => Object.hasOwn(own, name))) header.set(name, value);
  }
  const canonical = write(header);
  if (Buffer.byteLength(canonical) > limits.header) refuse('too_large', 'header over 256 KiB');
  const id = text(sha(canonical));
  if (line.has('genesis') ? wanted !== '' && wanted !== id : wanted === '') refuse('wrong_ledger', 'line of another ledger');
  return { form, header: canonical, root, id, line, paths, values: line.get('values') ?? new Map() };
}

// redactLine forgets the values at those paths, and with them the salt.
export function redactLine(change, at) {
  if (!at.some((one) => change.values.has(one))) return write(change.line);
  return partialLine([change], (one) => !at.includes(one));
}

// stripLine forgets all values.
export function stripLine(change) {
  const line = new Map(change.line);
  for (const name of ['salt', 'salts', 'values', 'leaves']) line.delete(name);
  line.set('paths', change.paths).set('root', change.root);
  return write(line);
}

// fillLine adds to one line of a change what another one holds.
export function fillLine(change, other) {
  if (change.id !== other.id) refuse('invalid', 'lines of different changes');
  const both = [change, other];
  const whole = both.find(({ form }) => form === 'whole');
  if (whole !== undefined) return write(whole.line);
  const partial = both.filter(({ form }) => form === 'partial');
  return partial.length === 0 ? write(change.line) : partialLine(partial, () => true);
}

// partialLine joins lines of one change, none of them bare, to a partial one, with the values that they hold at the paths to keep.
function partialLine(changes, keep) {
  const line = new Map(changes[0].line);
  line.delete('salt');
  const [leaves, salts, values] = [new Map(), new Map(), new Map()];
  for (const at of changes[0].paths) {
    const holder = changes.find((change) => change.values.has(at));
    const salt = holder && saltAt(holder.line, at);
    if (holder === undefined) leaves.set(at, changes[0].line.get('leaves').get(at));
    else if (!keep(at)) leaves.set(at, text(leaf(salt, holder.values.get(at))));
    else {
      salts.set(at, text(salt));
      values.set(at, holder.values.get(at));
    }
  }
  return write(line.set('leaves', leaves).set('salts', salts).set('values', values));
}

const saltAt = (line, at) => (line.has('salt') ? leafSalt(unbase64(line.get('salt')), at) : unhash(line.get('salts').get(at)));
