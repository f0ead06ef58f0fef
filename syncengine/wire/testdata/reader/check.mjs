// The reader's command line. See README.md.

import { readFileSync } from 'node:fs';
import { takeStick } from './stick.mjs';
import { checkStreams } from './streams.mjs';
import { checkVectors, doubtVectors } from './vectors.mjs';
import { checkWorlds } from './worlds.mjs';

const usage = `node check.mjs vectors FOLDER [FILE…]  checks the test vectors of a folder
node check.mjs doubt FOLDER            alters what each case expects, and checks that each alteration is seen
node check.mjs zstd FOLDER             decompresses each NAME.zst of a folder, and compares with NAME
node check.mjs worlds FOLDER           merges what the files of a folder tell, and compares with the records that they tell
node check.mjs file FILE SEED ROOT     prints what the holder of a key reads of a file for a USB stick; SEED is a file with the seed of
                                       the Ed25519 key in hexadecimal, ROOT the root key that the holder is enrolled with
`;

const commands = {
  vectors: ([folder, ...names]) => checkVectors(folder, names),
  doubt: ([folder]) => doubtVectors(folder),
  zstd: ([folder]) => checkStreams(folder),
  worlds: ([folder]) => checkWorlds(folder),
  file: ([file, seed, root]) => ({ summary: tell(file, seed, root) }),
};

function tell(file, seed, root) {
  const key = Buffer.from(readFileSync(seed, 'latin1').trim(), 'hex');
  return JSON.stringify(takeStick(readFileSync(file), key, root));
}

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? '') || args.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}
const { summary, failures = [] } = commands[name](args);
for (const failure of failures) console.error(failure);
console.log(name === 'file' ? summary : `${summary}, ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
