// What two tablets compute when they meet, section 9.

import { must, refuse } from './problem.mjs';
import { concat, hmac, unbase64, unhash } from './bytes.mjs';
import { parse } from './canonical.mjs';
import { hash, members, string } from './fields.mjs';

// readPairing gives addresses, key and secret of the text that a host shows.
export function readPairing(pairing) {
  const prefix = 'arpenteur:peer:1:';
  try {
    must(pairing.startsWith(prefix), 'no pairing of version 1');
    const stated = parse(unbase64(pairing.slice(prefix.length)));
    members(stated, 'pairing', { addresses, key: hash, secret: (value, what) => unbase64(value, 16, what) });
    return stated;
  } catch (problem) {
    return refuse('invalid', problem.message);
  }
}

function addresses(value, what) {
  must(Array.isArray(value) && value.length >= 1 && value.length <= 8, `${what} are not 1 to 8`);
  value.forEach((address) => string(address, what));
}

export const pairProof = (session, secret) => hmac(secret, 'arpenteur/1 peer pair\n', session);
export const commitment = (session, guestNonce) => hmac(guestNonce, 'arpenteur/1 peer commitment\n', session);
export const ledgerName = (session, side, ledger) => hmac(session, `arpenteur/1 peer ledger ${side}\n`, unhash(ledger));
export const replicaMessage = (session, side) => concat(`arpenteur/1 peer replica ${side}\n`, session);

// digits are what both people compare.
export function digits(session, hostNonce, guestNonce) {
  const first = hmac(session, 'arpenteur/1 peer digits\n', hostNonce, guestNonce).readBigUInt64BE();
  return String(first % 1000000n).padStart(6, '0');
}
