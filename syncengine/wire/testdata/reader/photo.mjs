// What is said about photos, section 7.4.

import { must, refuse } from './problem.mjs';
import { concat, signed, unbase64 } from './bytes.mjs';
import { parseJSON, write } from './canonical.mjs';
import { hash, integer, isObject, members, signature } from './fields.mjs';

const photoLimit = 500;

const boolean = (value, what) => must(typeof value === 'boolean', `${what} is no boolean`);
const receipt = { backed_up: boolean, hash, ledger: hash, signature, size: (value, what) => integer(value, what, 1) };
const states = {
  missing: { offset: integer },
  held: { receipt: (value, what) => members(value, what, receipt) },
  backed_up: { receipt: (value, what) => members(value, what, receipt) },
  barred: {},
  unknown_ledger: {},
};

// readPhotoReceipt verifies a receipt with the authority's key, and gives what was signed.
export function readPhotoReceipt(body, authority) {
  const stated = parseJSON(body);
  members(stated, 'receipt', receipt);
  const message = concat('arpenteur/1 photo\n', write(new Map([...stated].filter(([name]) => name !== 'signature'))));
  if (!signed(authority, message, unbase64(stated.get('signature')))) refuse('unauthenticated', 'the signature does not verify');
  return message;
}

// checkPhotoQuery and checkPhotoAnswer refuse bodies of another form.
export const checkPhotoQuery = (body) => photos(body, (photo, what) => members(photo, what, { hash, ledger: hash }));
export const checkPhotoAnswer = (body) => photos(body, answer);

function photos(body, form) {
  const list = (value, what) => {
    must(Array.isArray(value), `${what} are no array`);
    if (value.length > photoLimit) refuse('too_large', 'more than 500 photos');
    value.forEach((photo) => form(photo, what));
  };
  members(parseJSON(body), 'body', { photos: list });
}

function answer(photo, what) {
  must(isObject(photo), `${what} holds no object`);
  const state = photo.get('state');
  must(typeof state === 'string' && Object.hasOwn(states, state), 'unknown state');
  members(photo, what, { hash, ledger: hash, state: () => {}, ...states[state] });
  const own = photo.get('receipt');
  if (own === undefined) return;
  must(own.get('hash') === photo.get('hash') && own.get('ledger') === photo.get('ledger'), 'receipt of another photo');
  must(own.get('backed_up') === (state === 'backed_up'), 'receipt of another state');
}
