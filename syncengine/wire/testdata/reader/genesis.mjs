// What the first line of a ledger fixes, section 3.5.

import { refuse } from './problem.mjs';
import { concat, signed, unbase64 } from './bytes.mjs';
import { key, members, signature } from './fields.mjs';

// checkGenesis refuses what has not the members of a genesis.
export const checkGenesis = (value, what) => members(value, what, { authority: key, certificate: signature, root: key });

// genesisMessage is what the root key signs of the first authority key.
export const genesisMessage = (genesis) => concat('arpenteur/1 genesis\n', unbase64(genesis.get('authority')));

// checkFirstKey refuses a ledger that is not of a root key (text): another is named, or it did not certify the authority key.
export function checkFirstKey(genesis, root) {
  if (genesis.get('root') !== root) refuse('unauthenticated', 'a ledger of another root');
  if (!signed(unbase64(root), genesisMessage(genesis), unbase64(genesis.get('certificate')))) refuse('unauthenticated', 'the certificate does not verify');
}
