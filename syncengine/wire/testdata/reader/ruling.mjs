// The decisions of the authority, section 3.6.

import { must, refuse } from './problem.mjs';
import { concat, sha, signed, text, u64, unbase64, unhash } from './bytes.mjs';
import { byBytes } from './canonical.mjs';
import { account, ascending, entry, hash, integer, isObject, key, members, path, point, segment, signature, word } from './fields.mjs';

const paths = (value, what) => {
  ascending(value, path, byBytes, what);
  must(value.length > 0, `${what} is empty`);
};

// A cut lets stand what a log holds up to [sequence, chain]; [0,""] lets nothing stand.
const cut = (value, what) => {
  if (Array.isArray(value) && value.length === 2 && value[0] === 0 && value[1] === '') return;
  entry(value, what);
};

// What an incarnation follows is the head [replica, sequence, chain] of the one before.
const follows = (value, what) => {
  must(Array.isArray(value) && value.length === 3, `${what} is no triple`);
  point(value.slice(0, 2), what);
  hash(value[2], what);
};

const target = { target: hash };
const types = {
  grant: {
    required: { replica: hash, key, account, role: word, kinds: (value, what) => ascending(value, word, byBytes, what) },
    optional: { predecessor: hash },
  },
  revoke: { required: { ...target, cut } },
  refuse: { required: target },
  void: { required: target },
  release: { required: target },
  redact: { required: { ...target, paths } },
  publish: { required: { version: hash, lineage: segment } },
  succeed: { required: { certificate: signature, follows, incarnation: (value, what) => integer(value, what, 2), key } },
  untimed: { required: target },
};

// checkRuling refuses a decision that has not the members of its type; one of an unknown type may have any.
export function checkRuling(ruling) {
  must(isObject(ruling), 'ruling is no object');
  const type = ruling.get('type');
  word(type, 'ruling.type');
  if (!Object.hasOwn(types, type)) return;
  members(ruling, 'ruling', { type: word, ...types[type].required }, types[type].optional);
  if (type === 'grant') must(text(sha(unbase64(ruling.get('key')))) === ruling.get('replica'), 'replica is not the hash of its key');
}

// certificateMessage is what the root key signs of a new incarnation of the authority.
export function certificateMessage(ruling, ledger) {
  const [replica, sequence, chain] = ruling.get('follows');
  const incarnation = concat(unbase64(ruling.get('key')), u64(ruling.get('incarnation')));
  return concat('arpenteur/1 incarnation\n', unhash(ledger), incarnation, unhash(replica), u64(sequence), unhash(chain));
}

// checkCertificate refuses an incarnation that the root key did not certify.
export function checkCertificate(ruling, ledger, root) {
  if (!signed(root, certificateMessage(ruling, ledger), unbase64(ruling.get('certificate')))) refuse('unknown_replica', 'the certificate does not verify');
}
