// What is held of one ledger: logs with their branches (section 4), taken from runs by the rules for a receiver (5.2, 5.3).

import { Authority } from './authority.mjs';
import { sha, text, unbase64 } from './bytes.mjs';
import { write } from './canonical.mjs';
import { readChecklist } from './checklist.mjs';
import { checkFirstKey } from './genesis.mjs';
import { readLine } from './line.mjs';
import { firstChain, readRun, replicaOf } from './log.mjs';
import { Problem, refuse } from './problem.mjs';
import { checkCertificate } from './ruling.mjs';

export class Ledger {
  // root is the root key that the reader is enrolled with.
  constructor(id, root) {
    this.id = id;
    this.root = root;
    this.logs = new Map(); // replica -> chain -> { replica, seq, chain, before, id }
    this.changes = new Map(); // id -> change
  }

  // accept takes a run frame or a values frame.
  accept(frame) {
    return frame.get('type') === 'run' ? this.take(frame) : this.complete(frame);
  }

  // take verifies a run and keeps its lines. It refuses it as a whole.
  take(run) {
    const replica = run.get('replica');
    const key = this.genesis === undefined ? this.keyOfGenesis(run) : (this.keyOf(replica) ?? this.keyOfIncarnation(run));
    const { changes, chains, before } = this.attach(run, key);
    const log = this.logs.get(replica) ?? new Map();
    this.logs.set(replica, log);
    changes.forEach((change, i) => {
      const seq = run.get('first') + i;
      log.set(chains[i], { replica, seq, chain: chains[i], before: chains[i - 1] ?? before, id: change.id });
      this.keep(change);
    });
    this.genesis ??= changes[0].line;
  }

  // attach verifies a run behind the lines of which one continues.
  attach(run, key) {
    const replica = run.get('replica');
    const held = [...(this.logs.get(replica)?.values() ?? [])].filter(({ seq }) => seq === run.get('first') - 1).map(({ chain }) => chain);
    const chains = run.get('first') === 1 ? [firstChain(this.id, replica)] : held;
    if (chains.length === 0) refuse('broken_chain', 'the lines before the first are not held');
    const refusals = [];
    for (const before of chains) {
      try {
        return { ...readRun(run, key, before), before };
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        refusals.push(problem);
      }
    }
    throw refusals[0];
  }

  keyOfGenesis(run) {
    const line = run.get('lines')[0];
    const genesis = line.get('genesis');
    if (run.get('first') !== 1 || genesis === undefined) refuse('unknown_ledger', 'the genesis is not held');
    checkFirstKey(genesis, this.root);
    return unbase64(genesis.get('authority'));
  }

  // keyOf finds the key of a replica of the authority, or of one that a grant names.
  keyOf(replica) {
    if (this.genesis === undefined) return undefined;
    const first = this.genesis.get('genesis').get('authority');
    if (replicaOf(unbase64(first)) === replica) return unbase64(first);
    const named = this.rulings().find(({ ruling, ...at }) =>
      ruling.get('type') === 'grant' ? ruling.get('replica') === replica : ruling.get('type') === 'succeed' && at.seq === 1 && at.replica === replica,
    );
    return named && unbase64(named.ruling.get('key'));
  }

  // keyOfIncarnation takes the key from a run that opens an incarnation.
  keyOfIncarnation(run) {
    const ruling = run.get('lines')[0].get('ruling');
    if (run.get('first') !== 1 || ruling?.get('type') !== 'succeed') refuse('unknown_replica', 'no grant names the replica');
    checkCertificate(ruling, this.id, unbase64(this.root));
    return unbase64(ruling.get('key'));
  }

  // keep adds what a line holds of a change to what is held of it.
  keep(change) {
    const held = this.changes.get(change.id) ?? changeOf(change);
    for (const [path, value] of change.values ?? []) held.values.set(path, value);
    this.changes.set(change.id, held);
  }

  // complete takes the line of a values frame.
  complete(frame) {
    const change = readLine(Buffer.from(write(frame.get('line'))), this.id);
    if (change.id !== frame.get('change') || !this.changes.has(change.id)) refuse('malformed', 'values of a change that is not held');
    this.keep(change);
  }

  envelopes(id) {
    return [...this.logs.values()].flatMap((log) => [...log.values()].filter((line) => line.id === id));
  }

  // rulings are those in the logs of the authority: of the genesis's replica, and of those that a certified succeed opened.
  rulings() {
    const first = replicaOf(unbase64(this.genesis.get('genesis').get('authority')));
    const lines = [...this.logs.values()].flatMap((log) => [...log.values()]).filter(({ id }) => this.changes.get(id).ruling !== undefined);
    const placed = lines.map(({ replica, seq, id }) => ({ replica, seq, id, ruling: this.changes.get(id).ruling }));
    const openers = placed.filter(({ replica, seq, ruling }) => seq === 1 && ruling.get('type') === 'succeed' && replicaOf(unbase64(ruling.get('key'))) === replica);
    const authority = [first, ...openers.map(({ replica }) => replica)];
    return placed.filter(({ replica }) => authority.includes(replica));
  }

  // holding is what verdicts are reached by (verdict.mjs).
  holding() {
    const first = replicaOf(unbase64(this.genesis.get('genesis').get('authority')));
    const authority = new Authority(first, this.rulings());
    const lists = new Map(authority.ofType('publish').map(({ id, ruling }) => [ruling.get('version'), this.listOf(id, ruling.get('version'))]));
    return {
      authority,
      changes: [...this.changes.values()].filter(({ kind }) => kind !== undefined && kind !== 'genesis' && kind !== 'ruling'),
      envelopes: (id) => this.envelopes(id),
      heldTo: (replica) => Math.max(0, ...[...(this.logs.get(replica)?.values() ?? [])].map(({ seq }) => seq)),
      list: (version) => lists.get(version),
      isBefore: (envelope, cut) => this.isBefore(envelope, cut),
    };
  }

  // listOf reads the content that a publish ruling holds; it is undefined where that is not what the version names, or can't be read.
  listOf(id, version) {
    const content = this.changes.get(id).values.get('/content');
    if (content === undefined || text(sha(write(content))) !== version) return undefined;
    try {
      return readChecklist(version, content);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      return undefined;
    }
  }

  // isBefore says whether an envelope lies on the branch that ends in a cut.
  isBefore(envelope, [seq, chain]) {
    const log = this.logs.get(envelope.replica);
    let line = log?.get(chain);
    if (line === undefined || line.seq !== seq) return true;
    while (line.seq > envelope.seq) line = log.get(line.before);
    return line.chain === envelope.chain;
  }
}

// changeOf takes from a line what merge needs. Of a line of a later format only the id is known.
function changeOf({ id, line, paths, values }) {
  if (line === undefined) return { id, values: new Map() };
  const member = (name) => line.get(name);
  return {
    id, format: 1, kind: member('kind'), record: member('record'), author: member('author'), at: member('at'), time: member('time'),
    checklist: member('checklist'), ruling: member('ruling'), over: member('over') ?? new Map(), paths, values: new Map(values),
  };
}
