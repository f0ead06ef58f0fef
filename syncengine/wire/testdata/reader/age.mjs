// Opening a section of a file, section 10.1: the age format with X25519 recipients made of Ed25519 keys.

import { createDecipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto';
import { Problem, refuse } from './problem.mjs';
import { concat, hmac, publicHalf } from './bytes.mjs';

const pieceSize = 64 * 1024;
const tagSize = 16;
const headerLimit = 1024 * 1024;
const damaged = (detail) => refuse('damaged', detail);

// A private key of X25519 is 32 bytes behind this prefix (PKCS #8, RFC 8410); the function clamps them (RFC 7748).
const privatePrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

// privateKeyOf makes the X25519 key of the seed of an Ed25519 key.
export function privateKeyOf(seed) {
  const scalar = createHash('sha512').update(seed).digest().subarray(0, 32);
  return createPrivateKey({ key: Buffer.concat([privatePrefix, scalar]), format: 'der', type: 'pkcs8' });
}

// open gives the content of an age file, as far as it is as it was written: { content, code } with the code damaged where that is not to
// the end, or undefined where the key opens no stanza.
export function open(sealed, key) {
  let content = Buffer.alloc(0);
  try {
    const header = readHeader(sealed);
    const fileKey = fileKeyOf(header.stanzas, key);
    if (fileKey === undefined) return undefined;
    if (!hmac(hkdf(fileKey, '', 'header'), header.authenticated).equals(header.mac)) damaged('header');
    for (const piece of pieces(sealed.subarray(header.size), fileKey)) content = Buffer.concat([content, piece]);
    return { content };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { content, code: problem.code };
  }
}

const hkdf = (secret, salt, info) => Buffer.from(hkdfSync('sha256', secret, salt, info, 32));

// readHeader cuts the text of the header into its stanzas.
function readHeader(sealed) {
  const start = Buffer.from('\n---');
  const macLine = sealed.subarray(0, headerLimit).indexOf(start);
  const end = sealed.indexOf(10, macLine + 1);
  if (macLine < 0 || end < 0) damaged('header does not end');
  const [version, ...lines] = sealed.subarray(0, macLine).toString('latin1').split('\n');
  if (version !== 'age-encryption.org/v1') damaged('no age file of version 1');
  const mac = sealed.subarray(macLine + start.length + 1, end).toString('latin1');
  return { stanzas: readStanzas(lines), authenticated: sealed.subarray(0, macLine + start.length), mac: unpad(mac), size: end + 1 };
}

// readStanzas joins each line of arguments with the lines of the body behind it, of which the last is the one shorter than 64.
function readStanzas(lines) {
  const stanzas = [];
  let complete = true;
  for (const line of lines) {
    if (complete) {
      if (!line.startsWith('-> ')) damaged('no stanza');
      stanzas.push({ args: line.slice(3).split(' '), body: '' });
      complete = false;
    } else {
      stanzas.at(-1).body += line;
      complete = line.length < 64;
    }
  }
  if (!complete) damaged('stanza does not end');
  return stanzas;
}

// unpad reads base64 without padding.
function unpad(string) {
  const bytes = Buffer.from(string, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== string) damaged('no base64');
  return bytes;
}

function fileKeyOf(stanzas, key) {
  const own = publicHalf(key);
  for (const { args, body } of stanzas) {
    if (args.length !== 2 || args[0] !== 'X25519') continue;
    const share = unpad(args[1]);
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: share.toString('base64url') }, format: 'jwk' });
    const secret = diffieHellman({ privateKey: key, publicKey });
    const wrap = hkdf(secret, concat(share, own), 'age-encryption.org/v1/X25519');
    const fileKey = decrypt(wrap, Buffer.alloc(12), unpad(body));
    if (fileKey !== undefined && fileKey.length === 16) return fileKey;
  }
  return undefined;
}

// pieces yields the pieces of the payload, as long as they are as they were written.
function* pieces(payload, fileKey) {
  if (payload.length < 16) damaged('payload is cut');
  const key = hkdf(fileKey, payload.subarray(0, 16), 'payload');
  const nonce = Buffer.alloc(12);
  let at = 16;
  for (let count = 0; ; count++) {
    const piece = payload.subarray(at, at + pieceSize + tagSize);
    at += piece.length;
    nonce.writeUIntBE(count, 5, 6);
    nonce[11] = at === payload.length ? 1 : 0;
    const plain = decrypt(key, nonce, piece) ?? damaged(`piece ${count}`);
    if (plain.length === 0 && count > 0) damaged('empty last piece');
    yield plain;
    if (nonce[11] === 1) return;
  }
}

// decrypt opens ChaCha20-Poly1305 (RFC 8439), or gives undefined.
function decrypt(key, nonce, sealed) {
  if (sealed.length < tagSize) return undefined;
  const cipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagSize });
  cipher.setAuthTag(sealed.subarray(-tagSize));
  const plain = cipher.update(sealed.subarray(0, -tagSize));
  try {
    cipher.final();
    return plain;
  } catch {
    return undefined;
  }
}
