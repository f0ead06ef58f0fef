// The vectors: of each file, which members of a case are the input, and what must come out of it. Every other member of a case is
// compared, and nothing may come out that the case doesn't name.

import { sign } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Problem } from './problem.mjs';
import { privateKeyOf } from './age.mjs';
import { publicHalf, signed, signingKeyOf, text, unbase64 } from './bytes.mjs';
import { parse, write } from './canonical.mjs';
import { readFile } from './file.mjs';
import { readBody, readFrame } from './frame.mjs';
import { checkFirstKey, checkGenesis, genesisMessage } from './genesis.mjs';
import { Ledger } from './ledger.mjs';
import { fillLine, leaf, leafSalt, readLine, redactLine, stripLine } from './line.mjs';
import { firstChain, headMessage, nextChain, readRun, replicaOf } from './log.mjs';
import { commitment, digits, ledgerName, pairProof, readPairing, replicaMessage } from './peer.mjs';
import { checkPhotoAnswer, checkPhotoQuery, readPhotoReceipt } from './photo.mjs';
import { recordsOf } from './records.mjs';
import { certificateMessage, checkCertificate, checkRuling } from './ruling.mjs';
import { checkEnrolment, checkRequest, digestOf, readReceipt, readTicket } from './signed.mjs';

const files = {
  'canonical.json': { inputs: ['input'], run: ({ input }) => void parse(bytesOf(input)) },
  'leaves.json': { inputs: ['salt', 'path', 'value'], run: leaves },
  'lines.json': { inputs: ['ledger', 'line'], run: lines },
  'rulings.json': { inputs: ['ledger', 'line'], run: lines },
  'geneses.json': { inputs: ['root', 'genesis'], run: geneses },
  'incarnations.json': { inputs: ['ledger', 'root', 'ruling'], run: incarnations },
  'forms.json': { inputs: ['ledger', 'line', 'redact', 'strip', 'fill'], run: forms },
  'chains.json': { inputs: ['ledger', 'seed', 'ids'], run: chains },
  'runs.json': { inputs: ['publickey', 'previous', 'frame'], run: runs },
  'frames.json': { inputs: ['frame'], run: ({ frame }) => ({ type: readFrame(bytesOf(frame)).get('type') }) },
  'bodies.json': { inputs: ['body'], run: bodies },
  'digests.json': { inputs: ['entries'], run: ({ entries }) => ({ digest: digestOf(entries) }) },
  'receipts.json': { inputs: ['authority', 'frame'], run: receipts },
  'requests.json': { inputs: ['publickey', 'method', 'target', 'authorization'], run: requests },
  'tickets.json': { inputs: ['ticket'], run: tickets },
  'photos.json': { inputs: ['kind', 'body', 'authority'], run: photos },
  'peers.json': { inputs: ['session', 'pairing', 'hostnonce', 'guestnonce', 'ledger', 'replicakey', 'replicaproof'], run: peers },
  'files.json': { inputs: ['file', 'seed'], run: sealedFiles },
  'merge.json': { inputs: ['root', 'ledger', 'frames'], run: merge },
  'proofs.json': { inputs: ['kind', 'body', 'replica'], run: ({ body, replica }) => void checkEnrolment(body, replica) },
};

function leaves({ salt, path, value }) {
  const own = leafSalt(Buffer.from(salt, 'hex'), path);
  return { leafsalt: text(own), leaf: text(leaf(own, parse(Buffer.from(value)))) };
}

function lines({ ledger, line }) {
  const { form, header, root, id } = readLine(bytesOf(line), ledger);
  return { form, header, id, ...(root && { root }) };
}

function geneses({ root, genesis }) {
  const stated = parse(Buffer.from(genesis));
  checkGenesis(stated, 'genesis');
  const certified = attempt(() => checkFirstKey(stated, root));
  return { message: genesisMessage(stated).toString('hex'), ...certified };
}

function incarnations({ ledger, root, ruling }) {
  const stated = parse(Buffer.from(ruling));
  checkRuling(stated);
  const certified = attempt(() => checkCertificate(stated, ledger, unbase64(root)));
  return { message: certificateMessage(stated, ledger).toString('hex'), ...certified };
}

function forms({ ledger, line, redact, strip, fill }) {
  const change = readLine(Buffer.from(line), ledger);
  const want = attempt(() => {
    if (strip) return { want: stripLine(change) };
    return { want: redact ? redactLine(change, redact) : fillLine(change, readLine(Buffer.from(fill), ledger)) };
  });
  if (want.want !== undefined && readLine(Buffer.from(want.want), ledger).id !== change.id) throw new Error('the id did not stay');
  return { id: change.id, ...want };
}

function chains({ ledger, seed, ids }) {
  const key = signingKeyOf(Buffer.from(seed, 'hex'));
  const replica = replicaOf(publicHalf(key));
  const all = [firstChain(ledger, replica)];
  for (const id of ids) all.push(nextChain(all.at(-1), id));
  const message = headMessage(ledger, replica, ids.length, all.at(-1));
  return { publickey: text(publicHalf(key)), replica, chains: all, message: message.toString('hex'), head: text(sign(null, message, key)) };
}

function runs({ publickey, previous, frame }) {
  return { chains: readRun(readFrame(Buffer.from(frame)), unbase64(publickey), previous).chains };
}

function bodies({ body }) {
  const { taken, refused, code } = readBody(bytesOf(body));
  return { frames: taken.map(write), ...(refused.length > 0 && { refused }), ...(code && { code }) };
}

function receipts({ authority, frame }) {
  const outcome = attempt(() => ({ message: readReceipt(Buffer.from(frame), unbase64(authority)).toString('hex') }));
  return { message: '', ...outcome };
}

function requests({ publickey, method, target, authorization }) {
  checkRequest(authorization, unbase64(publickey), method, target);
}

function tickets({ ticket }) {
  const stated = readTicket(ticket);
  return { ticketcode: stated.get('code'), root: stated.get('root'), server: stated.get('server') };
}

const photoChecks = {
  receipt: (body, authority) => ({ message: readPhotoReceipt(body, unbase64(authority)).toString('hex') }),
  query: checkPhotoQuery,
  answer: checkPhotoAnswer,
};

function photos({ kind, body, authority }) {
  return photoChecks[kind](Buffer.from(body), authority) ?? {};
}

function peers({ session: exporter, pairing, hostnonce, guestnonce, ledger, replicakey, replicaproof }) {
  const stated = readPairing(pairing);
  const [session, host, guest] = [exporter, hostnonce, guestnonce].map((value) => unbase64(value, 32));
  const message = replicaMessage(session, 'guest');
  if (!signed(unbase64(replicakey), message, unbase64(replicaproof))) throw new Error("the replica's proof does not verify");
  return {
    addresses: stated.get('addresses'),
    key: stated.get('key'),
    proof: text(pairProof(session, unbase64(stated.get('secret')))),
    commitment: text(commitment(session, guest)),
    digits: digits(session, host, guest),
    hostname: text(ledgerName(session, 'host', ledger)),
    guestname: text(ledgerName(session, 'guest', ledger)),
    message: message.toString('hex'),
  };
}

function sealedFiles({ file, seed }) {
  const { sections, ...code } = readFile(Buffer.from(file, 'hex'), privateKeyOf(Buffer.from(seed, 'hex')));
  return { ...code, sections: sections.map(({ taken, refused, ...ended }) => ({ ...ended, frames: taken.map(write), ...(refused.length > 0 && { refused }) })) };
}

function merge({ root, ledger, frames }) {
  const held = new Ledger(ledger, root);
  const refused = frames.flatMap((frame, i) => {
    const { code } = attempt(() => held.accept(readFrame(Buffer.from(frame))));
    return code === undefined ? [] : [{ number: i + 1, code }];
  });
  return { records: recordsOf(held.holding()), ...(refused.length > 0 && { refused }) };
}

// bytesOf gives the bytes of an input of the vectors.
function bytesOf({ text: string, hex, pieces, times = 1 }) {
  const one = Buffer.concat([Buffer.from(string ?? ''), Buffer.from(hex ?? '', 'hex'), ...(pieces ?? []).map(bytesOf)]);
  return Buffer.concat(Array(times).fill(one));
}

// attempt gives what comes out, or the code of the refusal.
function attempt(run) {
  try {
    return run() ?? {};
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { code: problem.code };
  }
}

// checkVectors runs files of a folder, all of them if none is named. A case with the code any may be refused with every code.
export function checkVectors(folder, names) {
  const { present, failures } = vectorFiles(folder, names);
  let count = 0;
  for (const [name, cases] of present) {
    count += cases.length;
    for (const one of cases) {
      const found = differences(expectedOf(files[name], one), outcomeOf(files[name], one));
      failures.push(...found.map((why) => `${name}: ${one.name}: ${why}`));
    }
  }
  return { summary: `${count} cases`, failures };
}

// doubtVectors alters each member that a case expects, and finds the alterations that nobody would see.
export function doubtVectors(folder) {
  const { present, failures } = vectorFiles(folder, []);
  let count = 0;
  for (const [name, cases] of present) {
    for (const one of cases) {
      const expected = expectedOf(files[name], one);
      const outcome = outcomeOf(files[name], one);
      const members = Object.keys(expected);
      const altered = [...members, 'code'].map((member) => ({ ...expected, [member]: 'altered' }));
      altered.push(...members.map((member) => ({ ...expected, [member]: undefined })));
      const unseen = altered.filter((other) => differences(other, outcome).length === 0);
      count += altered.length;
      failures.push(...unseen.map((other) => `${name}: ${one.name}: nobody sees ${JSON.stringify(other).slice(0, 500)}`));
    }
  }
  return { summary: `${count} alterations`, failures };
}

function vectorFiles(folder, names) {
  const found = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const wanted = names.length > 0 ? names : [...new Set([...found, ...Object.keys(files)])];
  const known = wanted.filter((name) => Object.hasOwn(files, name) && found.includes(name));
  return {
    present: known.map((name) => [name, JSON.parse(readFileSync(join(folder, name))).cases]),
    failures: wanted.filter((name) => !known.includes(name)).map((name) => `${name}: ${found.includes(name) ? 'no check reads this file' : 'is missing'}`),
  };
}

function expectedOf({ inputs }, { name: _name, note: _note, ...stated }) {
  return Object.fromEntries(Object.entries(stated).filter(([member, value]) => !inputs.includes(member) && value !== undefined));
}

// outcomeOf gives what comes out of a case, or the defect that it ran into.
function outcomeOf(file, one) {
  try {
    return attempt(() => file.run(one));
  } catch (defect) {
    return { defect: defect.stack };
  }
}

// differences says where an outcome is not what is expected.
function differences(expected, outcome) {
  if (expected.code === 'any' && outcome.code !== undefined) return [];
  return [...new Set([...Object.keys(expected), ...Object.keys(outcome)])]
    .filter((member) => !isDeepStrictEqual(expected[member], outcome[member]))
    .map((member) => `${member}: want ${shown(expected[member])}, got ${shown(outcome[member])}`);
}

const shown = (value) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 500));
