// Taking a file in, section 10.2, as a reader who holds nothing yet.

import { privateKeyOf } from './age.mjs';
import { publicHalf, sha, signingKeyOf, text, unbase64 } from './bytes.mjs';
import { write } from './canonical.mjs';
import { readFile } from './file.mjs';
import { Ledger } from './ledger.mjs';
import { Problem, refuse } from './problem.mjs';
import { recordsOf } from './records.mjs';
import { readReceipt } from './signed.mjs';

// takeStick tells what the holder of a seed, enrolled with a root key, reads of a file: for each ledger how many lines, receipts and whole
// photos it holds, how many heads that a have frame names it lacks, which frames it refused, and the merged records; and the first code
// with which the file or a section ended where that is not whole.
export function takeStick(bytes, seed, root) {
  const { sections, code } = readFile(bytes, privateKeyOf(seed));
  const opened = sections.filter(({ sealed }) => !sealed);
  const own = publicHalf(signingKeyOf(seed));
  const ledgers = opened.map((section) => takeSection(section, own, root)).filter((ledger) => ledger !== undefined);
  const first = opened.find((section) => section.code !== undefined)?.code ?? code ?? (opened.length === 0 ? 'unknown_ledger' : undefined);
  return { ...(first && { code: first }), ledgers };
}

function takeSection({ taken }, own, root) {
  const id = taken.find((frame) => frame.has('ledger'))?.get('ledger');
  if (id === undefined) return undefined;
  const held = { ledger: new Ledger(id, root), receipts: 0, heads: [], parts: new Map(), photos: new Set() };
  const refused = taken.filter((frame) => frame.get('ledger') === id).flatMap((frame) => refusal(() => takers[frame.get('type')]?.(held, frame)));
  const { ledger } = held;
  if (ledger.genesis === undefined || !isFor(ledger, own)) return refused.length > 0 ? { ledger: id, refused } : undefined;
  const lines = [...ledger.logs.values()].reduce((sum, log) => sum + log.size, 0);
  const lacking = held.heads.filter(([replica, chain]) => !ledger.logs.get(replica)?.has(chain)).length;
  const counts = { lines, receipts: held.receipts, lacking, photos: held.photos.size };
  return { ledger: id, ...counts, ...(refused.length > 0 && { refused }), records: recordsOf(ledger.holding()) };
}

// isFor says whether a grant names the holder of a key, who may keep the ledger only then.
const isFor = (ledger, own) => ledger.rulings().some(({ ruling }) => ruling.get('type') === 'grant' && ruling.get('key') === text(own));

function refusal(take) {
  try {
    take();
    return [];
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return [problem.code];
  }
}

const takers = {
  run: ({ ledger }, frame) => ledger.accept(frame),
  values: ({ ledger }, frame) => ledger.accept(frame),
  receipt: takeReceipt,
  have: takeHave,
  photo: takePhoto,
};

function takeReceipt(held, frame) {
  const [replica] = frame.get('at');
  const key = held.ledger.keyOf(replica) ?? refuse('unknown_replica', 'receipt by nobody who is known');
  readReceipt(Buffer.from(write(frame)), key);
  held.receipts++;
}

// takeHave notes which heads there are.
function takeHave({ heads }, frame) {
  for (const [replica, entries] of frame.get('logs')) heads.push(...entries.map(([, chain]) => [replica, chain]));
}

// takePhoto joins the pieces of photos, which come one after the other.
function takePhoto({ parts, photos }, frame) {
  const [hash, offset] = [frame.get('hash'), frame.get('offset')];
  const pieces = offset === 0 ? [] : (parts.get(hash) ?? []);
  if (offset !== Buffer.concat(pieces).length) refuse('malformed', 'piece of a photo out of order');
  pieces.push(unbase64(frame.get('data')));
  parts.set(hash, pieces);
  const whole = Buffer.concat(pieces);
  if (whole.length < frame.get('size')) return;
  if (text(sha(whole)) !== hash) refuse('bad_photo', 'photo of another hash');
  photos.add(hash);
}
