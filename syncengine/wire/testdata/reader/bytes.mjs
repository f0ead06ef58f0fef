// Notation, section 1: bytes, hashes and their text.

import { createHash, createHmac, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { must } from './problem.mjs';

export const concat = (...parts) => Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
export const sha = (...parts) => createHash('sha256').update(concat(...parts)).digest();
export const hmac = (key, ...parts) => createHmac('sha256', key).update(concat(...parts)).digest();
export const text = (bytes) => Buffer.from(bytes).toString('base64url');

// u64 writes an integer of the protocol (at most 15 digits) as 8 bytes.
export function u64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
}

// unbase64 reads base64url without padding, with unused bits zero, of that many bytes (any number if absent).
export function unbase64(value, size, what = 'base64url') {
  must(typeof value === 'string', `${what} is no string`);
  const bytes = Buffer.from(value, 'base64url');
  must(text(bytes) === value && (size === undefined || bytes.length === size), `${what} is not base64url of ${size} bytes`);
  return bytes;
}

// unhash reads hash text; the hash of 32 zero bytes names nothing.
export function unhash(value, what = 'hash') {
  const bytes = unbase64(value, 32, what);
  must(bytes.some((byte) => byte !== 0), `${what} is zero`);
  return bytes;
}

// utf8 decodes strictly; a byte order mark stays, as a character that the grammar then refuses.
export function utf8(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return must(false, 'invalid UTF-8');
  }
}

// signed says whether an Ed25519 signature (RFC 8032) of a 32-byte public key verifies.
export function signed(publicKey, message, signature) {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: text(publicKey) }, format: 'jwk' });
  return verify(null, message, key, signature);
}

// signingKeyOf makes the Ed25519 key of a seed, which PKCS #8 has behind this prefix (RFC 8410).
const seedPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
export const signingKeyOf = (seed) => createPrivateKey({ key: Buffer.concat([seedPrefix, seed]), format: 'der', type: 'pkcs8' });

// publicHalf gives the public key of a private one as 32 bytes.
export const publicHalf = (key) => Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url');
