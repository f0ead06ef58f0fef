// Contents of checklists, section 6.7: the registers of a record, their types, policies and ranks.

import { isObject, uuid, account } from './fields.mjs';
import { Problem, must } from './problem.mjs';

const keyword = 'x-arpenteur';
const scalars = ['string', 'integer', 'number', 'boolean'];
const deepest = 8; // segments of a path

// readChecklist reads a parsed content. It gives version, lineage, kind, previous (undefined where there is none), lens (section 6.8) and
// shape, which is a group. A node is { type, … } with the type leaf (of, policy, ranks), group (children), list (element, a group),
// set (codes) or authors (value, a leaf).
export function readChecklist(version, content) {
  must(isObject(content) && isObject(content.get(keyword)), 'content is no checklist');
  const words = content.get(keyword);
  const lens = words.get('lens') ?? new Map();
  return {
    version,
    lineage: words.get('lineage'),
    kind: words.get('kind'),
    previous: words.get('previous'),
    lens: { retire: lens.get('retire') ?? [], rename: lens.get('rename') ?? new Map(), codes: lens.get('codes') ?? new Map() },
    shape: group(content, content.get('$defs') ?? new Map(), 0),
  };
}

function group(schema, defs, depth, without) {
  must(isObject(schema.get('properties')), 'group without properties');
  must(depth < deepest, 'nested deeper than a path');
  const children = new Map();
  for (const [name, property] of schema.get('properties')) {
    if (name !== without) children.set(name, nodeOf(resolve(property, defs, []), defs, depth + 1));
  }
  return { type: 'group', children };
}

// resolve puts the schema that a $ref names in its place.
function resolve(schema, defs, inside) {
  must(isObject(schema), 'schema is no object');
  if (!schema.has('$ref')) return schema;
  const name = schema.get('$ref').replace(/^#\/\$defs\//, '');
  must(defs.has(name) && !inside.includes(name), `$ref to ${name}`);
  const target = resolve(defs.get(name), defs, [...inside, name]);
  return new Map(target).set(keyword, new Map([...wordsOf(target), ...wordsOf(schema)]));
}

const wordsOf = (schema) => schema.get(keyword) ?? new Map();

function nodeOf(schema, defs, depth) {
  const type = schema.get('type');
  const words = wordsOf(schema);
  if (words.get('node') === 'atomic') return leaf('atomic', words);
  if (words.get('node') === 'authors') {
    const value = resolve(schema.get('additionalProperties'), defs, []).get('type');
    return { type: 'authors', value: leaf(scalars.includes(value) ? value : 'atomic', words) };
  }
  if (type === 'object') return group(schema, defs, depth);
  if (type === 'array') {
    const items = resolve(schema.get('items'), defs, []);
    if (items.get('type') === 'object') return { type: 'list', element: group(items, defs, depth + 1, 'id') };
    must(Array.isArray(items.get('enum')), 'array of neither objects nor codes');
    return { type: 'set', codes: items.get('enum') };
  }
  must(scalars.includes(type), `schema of type ${type}`);
  return leaf(type, words);
}

function leaf(of, words) {
  const answers = words.get('answers') ?? [];
  const ranks = new Map(answers.filter((answer) => answer.has('rank')).map((answer) => [answer.get('code'), answer.get('rank')]));
  return { type: 'leaf', of, policy: words.get('policy') ?? 'review', ranks };
}

export const segmentsOf = (path) => path.split('/').filter((segment) => segment !== '');
export const isPresence = (path) => path.endsWith('/');

// registerAt gives the node of a register: a leaf, or the list or set that a presence is of. It is undefined where the checklist has no
// such register, and for the presence of the record.
export function registerAt({ shape }, path) {
  const segments = segmentsOf(path);
  let node = shape;
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    if (node.type === 'group') node = node.children.get(segment);
    else if (node.type === 'list' && isForm(uuid, segment) && !isLast) node = node.element;
    else if (isLast) return isMember(node, segment) === isPresence(path) ? memberOf(node, segment) : undefined;
    else return undefined;
    if (node === undefined) return undefined;
  }
  return node.type === 'leaf' && !isPresence(path) ? node : undefined;
}

// isMember says whether a segment names an element of a list or a member of a set.
const isMember = (node, segment) =>
  (node.type === 'list' && isForm(uuid, segment)) || (node.type === 'set' && node.codes.includes(segment));

function memberOf(node, segment) {
  if (isMember(node, segment)) return node;
  return node.type === 'authors' && isForm(account, segment) ? node.value : undefined;
}

function isForm(form, value) {
  try {
    form(value, '');
    return true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return false;
  }
}

// isElement says whether a segment of a path names an element.
export const isElement = (segment) => isForm(uuid, segment);

// fits says whether a value is of the type of a register; without a node, of a presence.
export function fits(node, value) {
  if (node?.type !== 'leaf') return typeof value === 'boolean';
  if (value === null) return true;
  if (node.of === 'atomic') return Array.isArray(value) || isObject(value);
  return node.of === 'integer' ? Number.isInteger(value) : typeof value === node.of;
}

// rankOf gives the rank of a value at a leaf, or undefined where it has none.
export function rankOf(node, value) {
  if (typeof value === 'string') return node.ranks.get(value);
  return typeof value === 'number' || typeof value === 'boolean' ? Number(value) : undefined;
}
