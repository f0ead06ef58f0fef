// What the rulings of a ledger add up to, sections 3.6 and 6.2.

import { hashOrder } from './fields.mjs';

// Authority reads rulings { id, replica, seq, ruling } given in any order; first is the replica of the genesis.
export class Authority {
  constructor(first, rulings) {
    const openings = rulings.filter(({ seq, ruling }) => seq === 1 && ruling.get('type') === 'succeed');
    this.incarnations = new Map([[first, 1], ...openings.map(({ replica, ruling }) => [replica, ruling.get('incarnation')])]);
    this.rulings = [...rulings].sort((a, b) => this.order(a, b));
  }

  is(replica) {
    return this.incarnations.has(replica);
  }

  // order is that of places in the authority's logs: by incarnation, then sequence. Replicas that are not known come last.
  order(a, b) {
    const [x, y] = [a, b].map(({ replica }) => this.incarnations.get(replica) ?? Infinity);
    if (x !== y) return x - y;
    return a.replica === b.replica ? a.seq - b.seq : hashOrder(a.replica, b.replica);
  }

  ofType(...types) {
    return this.rulings.filter(({ ruling }) => types.includes(ruling.get('type')));
  }

  about(id, ...types) {
    return this.ofType(...types).filter(({ ruling }) => ruling.get('target') === id);
  }

  // decision is what the rulings about one change add up to.
  decision(id) {
    return {
      last: this.about(id, 'refuse', 'void', 'release').at(-1)?.ruling.get('type'),
      untimed: this.about(id, 'untimed').length > 0,
      erased: new Set(this.about(id, 'redact').flatMap(({ ruling }) => ruling.get('paths'))),
    };
  }

  // authorises says whether an envelope of a change shows that its author might write its kind. isBefore says whether an envelope lies on
  // the branch of a cut.
  authorises(change, envelope, isBefore) {
    if (this.is(envelope.replica)) return true;
    const [replica, seq] = change.at;
    return this.ofType('grant').some(
      (grant) =>
        grant.ruling.get('replica') === envelope.replica &&
        grant.ruling.get('account') === change.author &&
        grant.ruling.get('kinds').includes(change.kind) &&
        this.stood(grant, { replica, seq }) &&
        this.about(grant.id, 'revoke').every(({ ruling }) => envelope.seq <= ruling.get('cut')[0] && isBefore(envelope, ruling.get('cut'))),
    );
  }

  // stood says whether a grant stood at a point, itself or by its predecessors.
  stood(grant, point, asked = []) {
    if (this.order(grant, point) <= 0) return true;
    const before = this.ofType('grant').filter(
      ({ id, ruling }) =>
        !asked.includes(id) && ruling.get('replica') === grant.ruling.get('predecessor') && ruling.get('account') === grant.ruling.get('account'),
    );
    return before.some((one) => this.stood(one, point, [...asked, grant.id]));
  }

  // versions gives the versions of a lineage in the order in which they were published.
  versions(lineage) {
    return this.ofType('publish').filter(({ ruling }) => ruling.get('lineage') === lineage).map(({ ruling }) => ruling.get('version'));
  }
}
