// The document of a merged record, section 6.6.

import { byBytes } from './canonical.mjs';

// documentOf gives the document of a record that is present.
export const documentOf = (list, fields) => groupAt(list.shape, fields, '') ?? new Map();

// Each function gives what a node at a path is in the document, or undefined where nothing of it is left.

const kinds = { leaf: leafAt, group: groupAt, set: setAt, list: listAt, authors: authorsAt };
const nodeAt = (node, fields, at) => kinds[node.type](node, fields, at);

function leafAt(_, fields, at) {
  const shown = fields.get(at)?.shown;
  return shown === null ? undefined : shown;
}

function groupAt({ children }, fields, at) {
  const members = [...children].map(([name, child]) => [name, nodeAt(child, fields, `${at}/${name}`)]).filter(([, value]) => value !== undefined);
  return members.length > 0 ? new Map(members) : undefined;
}

function setAt({ codes }, fields, at) {
  const present = codes.filter((code) => fields.get(`${at}/${code}/`)?.shown === true);
  return present.length > 0 ? present : undefined;
}

function listAt({ element }, fields, at) {
  const ids = below(fields, at).filter((rest) => /^[^/]+\/$/.test(rest) && fields.get(`${at}/${rest}`).shown === true).map((rest) => rest.slice(0, -1));
  const position = (id) => {
    const shown = fields.get(`${at}/${id}/position`)?.shown;
    return typeof shown === 'number' ? shown : Infinity;
  };
  const order = (a, b) => (position(a) === position(b) ? byBytes(a, b) : position(a) - position(b));
  const elements = ids.sort(order).map((id) => new Map([['id', id], ...(groupAt(element, fields, `${at}/${id}`) ?? [])]));
  return elements.length > 0 ? elements : undefined;
}

function authorsAt(_, fields, at) {
  const members = below(fields, at).map((account) => [account, leafAt(undefined, fields, `${at}/${account}`)]).filter(([, value]) => value !== undefined);
  return members.length > 0 ? new Map(members) : undefined;
}

const below = (fields, at) => [...fields.keys()].filter((path) => path.startsWith(`${at}/`)).map((path) => path.slice(at.length + 1));
