// Which changes count, section 6.2.

import { fits, isElement, registerAt, segmentsOf } from './checklist.mjs';

// judge says whether a change is effective, pending or ineffective. holding tells what else is held: authority, heldTo(replica),
// list(version) and isBefore(envelope, cut).
export function judge(change, envelopes, decision, holding) {
  const { authority } = holding;
  if (decision.last === 'refuse' || decision.last === 'void') return 'ineffective';
  if (change.format !== 1) return 'pending';
  if (decision.last !== 'release') {
    const [replica, seq] = change.at;
    const isHeld = authority.is(replica) && holding.heldTo(replica) >= seq;
    if (!isHeld && !envelopes.some((envelope) => authority.is(envelope.replica))) return 'pending';
    if (!envelopes.some((envelope) => authority.authorises(change, envelope, holding.isBefore))) return 'ineffective';
  }
  const list = holding.list(change.checklist);
  if (list === undefined) return 'pending';
  if (list.kind !== change.kind || !change.paths.every((path) => isFitting(change, path, decision, list))) return 'ineffective';
  return change.paths.every((path) => change.values.has(path) || decision.erased.has(path)) ? 'effective' : 'pending';
}

function isFitting(change, path, decision, list) {
  const node = registerAt(list, path);
  if (node === undefined && path !== '/') return false;
  const isRead = change.values.has(path) && !decision.erased.has(path);
  return (!isRead || fits(node, change.values.get(path))) && enclosing(path).every((at) => change.paths.includes(at));
}

// enclosing gives the presences of the record and of the elements that a path lies in.
export function enclosing(path) {
  if (path === '/') return [];
  const segments = segmentsOf(path);
  const elements = segments.slice(0, -1).flatMap((segment, i) => (isElement(segment) ? [`/${segments.slice(0, i + 1).join('/')}/`] : []));
  return ['/', ...elements];
}
