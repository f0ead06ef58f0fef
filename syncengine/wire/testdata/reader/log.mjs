// Logs, section 4: replica ids, chains, signed heads, runs.

import { refuse } from './problem.mjs';
import { concat, sha, signed, text, u64, unhash } from './bytes.mjs';
import { write } from './canonical.mjs';
import { readLine } from './line.mjs';

export const replicaOf = (publicKey) => text(sha(publicKey));
export const firstChain = (ledger, replica) => text(sha('arpenteur/1 chain\n', unhash(ledger), unhash(replica)));
export const nextChain = (chain, id) => text(sha(unhash(chain), unhash(id)));
export const headMessage = (ledger, replica, sequence, chain) =>
  concat('arpenteur/1 head\n', unhash(ledger), unhash(replica), u64(sequence), unhash(chain));

// readRun verifies a run frame against the chain before its first line, and gives its changes and the chain after each line. In line 1
// of the log of an authority that is not held yet, the ledger's genesis, the id is the ledger's.
export function readRun(frame, publicKey, previous) {
  const ledger = frame.get('ledger');
  const replica = frame.get('replica');
  if (replicaOf(publicKey) !== replica) refuse('unknown_replica', 'key of another replica');
  let chain = previous;
  const changes = frame.get('lines').map((line) => readLine(Buffer.from(write(line)), ledger));
  const chains = changes.map(({ id }) => (chain = nextChain(chain, id)));
  const last = frame.get('first') + changes.length - 1;
  if (!signed(publicKey, headMessage(ledger, replica, last, chain), Buffer.from(frame.get('head'), 'base64url'))) {
    refuse('bad_head', 'the signature of the head does not verify');
  }
  return { changes, chains };
}
