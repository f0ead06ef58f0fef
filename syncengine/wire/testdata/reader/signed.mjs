// What is signed beside logs: receipts (section 5.4), requests, tickets, enrolments and successions (section 7). And digests (5.2).

import { must, refuse } from './problem.mjs';
import { concat, sha, signed, text, u64, unbase64, unhash } from './bytes.mjs';
import { parse, parseJSON, write } from './canonical.mjs';
import { isObject, key, members, signature, string } from './fields.mjs';
import { readFrame } from './frame.mjs';

// digestOf is the XOR over the entries of remote vectors.
export function digestOf(entries) {
  const digest = Buffer.alloc(16);
  for (const { ledger, replica, sequence, chain } of entries) {
    const one = sha('arpenteur/1 entry\n', unhash(ledger), unhash(replica), u64(sequence), unhash(chain));
    digest.forEach((byte, i) => (digest[i] = byte ^ one[i]));
  }
  return text(digest);
}

// readReceipt verifies a receipt frame with the authority's key, and gives what was signed.
export function readReceipt(bytes, authority) {
  const frame = readFrame(bytes);
  must(frame.get('type') === 'receipt', 'no receipt');
  const stated = new Map([...frame].filter(([name]) => name !== 'signature' && name !== 'type'));
  const message = concat('arpenteur/1 receipt\n', write(stated));
  if (!signed(authority, message, unbase64(frame.get('signature')))) refuse('unauthenticated', 'the signature does not verify');
  return message;
}

const authorization = /^Arpenteur ([A-Za-z0-9_-]{43}) ([A-Za-z0-9._~-]{1,256}) ([A-Za-z0-9_-]{86})$/;

// checkRequest verifies the Authorization header of a request.
export function checkRequest(header, publicKey, method, target) {
  const [, replica, challenge, given] = authorization.exec(header) ?? refuse('unauthenticated', 'no signed request');
  if (text(sha(publicKey)) !== replica) refuse('unauthenticated', 'key of another replica');
  const message = concat(`arpenteur/1 request\n${method} ${target}\n${challenge}`);
  if (!signed(publicKey, message, Buffer.from(given, 'base64url'))) refuse('unauthenticated', 'the signature does not verify');
}

// readTicket gives code, root and server.
export function readTicket(ticket) {
  const prefix = 'arpenteur:1:';
  try {
    must(ticket.startsWith(prefix), 'no ticket of version 1');
    const stated = parse(unbase64(ticket.slice(prefix.length)));
    members(stated, 'ticket', { code: string, root: key, server: string });
    must(stated.get('code') !== '' && stated.get('server') !== '', 'empty member');
    return stated;
  } catch (problem) {
    return refuse('invalid', problem.message);
  }
}

// checkEnrolment verifies the body of an enrolment, or of a succession of a replica.
export function checkEnrolment(body, replica) {
  const stated = parseJSON(Buffer.from(body));
  must(isObject(stated), 'body is no object');
  if (replica !== undefined) {
    members(stated, 'succession', { key, proof: signature });
    prove(stated, concat('arpenteur/1 succeed\n', unhash(replica)));
    return;
  }
  members(stated, 'enrolment', { code: string, key, name: string, proof: signature });
  if (stated.get('code') === '' || stated.get('name') === '') refuse('invalid', 'code or name is empty');
  prove(stated, concat('arpenteur/1 enrol\n', stated.get('code')));
}

function prove(stated, message) {
  if (!signed(unbase64(stated.get('key')), message, unbase64(stated.get('proof')))) refuse('unauthenticated', 'the proof does not verify');
}
