// Frames, section 5.1, and bodies of frames, section 5.

import { Problem, must, refuse } from './problem.mjs';
import { unbase64 } from './bytes.mjs';
import { parse, write } from './canonical.mjs';
import { ascending, entry, hash, hashOrder, integer, isObject, key, members, point, signature, string, truth, word } from './fields.mjs';
import { decompress } from './zstd.mjs';

const KiB = 1024;
const MiB = 1024 * KiB;
const limits = { frame: 2 * MiB, lines: 64, run: 16 * KiB, token: 4096, window: MiB, body: 128 * MiB, photo: 8 * MiB, piece: 256 * KiB, photos: 1000 };

const type = string;
const token = (value, what) => {
  string(value, what);
  must(value !== '' && Buffer.byteLength(value) <= limits.token, `${what} has not 1 to 4,096 bytes`);
};
const hashes = (value, what) => {
  must(Array.isArray(value), `${what} is no array`);
  value.forEach((item) => hash(item, what));
};
const entryOrder = (a, b) => a[0] - b[0] || hashOrder(a[1], b[1]);
const logs = (value, what) => {
  must(isObject(value), `${what} is no object`);
  for (const [replica, entries] of value) {
    hash(replica, what);
    ascending(entries, entry, entryOrder, what);
    must(entries.length > 0, `${what} has an empty list`);
  }
};
const access = (value, what) => must(value === 'full' || value === 'revoked', `${what} is neither full nor revoked`);
const first = (value, what) => integer(value, what, 1);
const line = (value, what) => must(isObject(value), `${what} is no object`);

// lines may be many and small, or one alone; what each says is judged by itself (readLine).
const lines = (value, what) => {
  must(Array.isArray(value) && value.length > 0, `${what} is empty`);
  value.forEach((item) => line(item, what));
  if (value.length > limits.lines) refuse('too_large', 'run of more than 64 lines');
  const size = value.reduce((sum, item) => sum + Buffer.byteLength(write(item)), 0);
  if (value.length > 1 && size > limits.run) refuse('too_large', 'run of more than one line and 16 KiB');
};

// lastSequence refuses a run whose last line has no sequence.
const lastSequence = (frame) => integer(frame.get('first') + frame.get('lines').length - 1, 'sequence of the last line');

// data is a piece of a photo.
function data(value, what) {
  const { length } = unbase64(value, undefined, what);
  must(length > 0, `${what} is empty`);
  if (length > limits.piece) refuse('too_large', `${what} has more than 262,144 bytes`);
}

function photoSize(value, what) {
  integer(value, what, 1);
  if (value > limits.photo) refuse('too_large', 'photo over 8 MiB');
}

function pieceInside(frame) {
  const end = frame.get('offset') + unbase64(frame.get('data')).length;
  must(end <= frame.get('size'), 'piece lies outside of its photo');
}

const eitherProof = (frame) => must(frame.has('proof') !== frame.has('commitment'), 'pair has not one of proof and commitment');

function replicas(value, what) {
  must(Array.isArray(value) && value.length >= 1 && value.length <= 16, `${what} are not 1 to 16`);
  value.forEach((one) => members(one, what, { key, proof: signature }));
}

function names(value, what) {
  ascending(value, hash, hashOrder, what);
  must(value.length > 0 && value.length % 16 === 0 && value.length <= 4096, `${what} are no multiple of 16 from 16 to 4,096`);
}

// onePhoto is how much is held of a photo.
function onePhoto(value, what) {
  members(value, what, { hash, held: integer, size: photoSize });
  must(value.get('held') <= value.get('size'), `${what} holds more than there is`);
}

function photos(value, what) {
  ascending(value, onePhoto, (a, b) => hashOrder(a.get('hash'), b.get('hash')), what);
  must(value.length > 0, `${what} are none`);
  if (value.length > limits.photos) refuse('too_large', 'more than 1,000 photos');
}

const hello = { protocol: integer, type };
const helloFull = { ...hello, full: truth };
const helloBase = { ...hello, base: token, digest: (value, what) => unbase64(value, 16, what) };

const types = {
  have: { required: { ledger: hash, logs } },
  want: { required: { ledger: hash, changes: hashes } },
  values: { required: { ledger: hash, change: hash, line } },
  run: { required: { ledger: hash, replica: hash, first, lines, head: signature }, whole: lastSequence },
  ledger: { required: { ledger: hash, access } },
  problem: { required: { code: word, detail: string }, optional: { ledger: hash, replica: hash, first, change: hash } },
  receipt: {
    required: {
      at: point, backup: integer, chain: hash, ledger: hash, photos_missing: integer, photos_unsaved: integer, replica: hash, seq: first, signature,
    },
  },
  announced: { required: { ledger: hash, replica: hash, seen: integer, seq: first } },
  photo: { required: { data, hash, ledger: hash, offset: integer, size: photoSize }, whole: pieceInside },
  pair: { required: {}, optional: { proof: hash, commitment: hash }, whole: eitherProof },
  nonce: { required: { nonce: hash } },
  confirm: { required: {} },
  replicas: { required: { replicas } },
  ledgers: { required: { names } },
  photos: { required: { ledger: hash, photos } },
  resend: { required: {} },
  mark: { required: { base: token } },
  end: { required: {}, optional: { more: truth } },
};

// readFrame reads one frame, without its line feed. One of an unknown type comes back as it is, to be skipped.
export function readFrame(bytes) {
  if (bytes.length > limits.frame) refuse('too_large', 'frame over 2 MiB');
  const frame = parse(bytes);
  must(isObject(frame), 'frame is no object');
  const name = frame.get('type');
  must(typeof name === 'string' && name !== '', 'frame has no type');
  if (name === 'hello') checkHello(frame);
  else if (Object.hasOwn(types, name)) checkMembers(frame, name, types[name]);
  return frame;
}

function checkMembers(frame, name, { required, optional, whole = () => {} }) {
  members(frame, name, { type, ...required }, optional);
  whole(frame);
}

function checkHello(frame) {
  integer(frame.get('protocol'), 'protocol');
  if (frame.get('protocol') !== 1) refuse('protocol_unsupported', 'only protocol 1 is read here');
  const form = frame.has('base') || frame.has('digest') ? helloBase : frame.has('full') ? helloFull : hello;
  members(frame, 'hello', form);
}

// readBody reads the frames of a body: those taken, the numbers and codes of those refused, and the code with which reading ended where
// that was not after an end frame. No more than limit bytes may come out.
export function readBody(body, limit = limits.body) {
  const taken = [];
  const refused = [];
  let number = 0;
  const take = (bytes) => {
    number++;
    try {
      taken.push(readFrame(bytes));
      return taken.at(-1).get('type') === 'end';
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      refused.push({ number, code: problem.code });
      return false;
    }
  };
  try {
    for (const bytes of frames(decompress(body, limits.window, limit))) {
      if (take(bytes)) return { taken, refused };
    }
    return { taken, refused, code: 'truncated' };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { taken, refused, code: problem.code };
  }
}

// frames cuts decompressed chunks at line feeds; of a frame over the limit it keeps no more than shows that it is.
function* frames(chunks) {
  let held = [];
  let size = 0;
  for (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(10); to >= 0; from = to + 1, to = chunk.indexOf(10, from)) {
      if (size <= limits.frame) held.push(chunk.subarray(from, to));
      yield Buffer.concat(held);
      held = [];
      size = 0;
    }
    if (size <= limits.frame) held.push(chunk.subarray(from));
    size += chunk.length - from;
  }
}
