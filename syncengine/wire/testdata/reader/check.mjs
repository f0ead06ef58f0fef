// The reader's command line. See README.md.

import { checkStreams } from './streams.mjs';
import { checkVectors, doubtVectors } from './vectors.mjs';
import { checkWorlds } from './worlds.mjs';

const usage = `node check.mjs vectors FOLDER [FILE…]  checks the test vectors of a folder
node check.mjs doubt FOLDER            alters what each case expects, and checks that each alteration is seen
node check.mjs zstd FOLDER             decompresses each NAME.zst of a folder, and compares with NAME
node check.mjs worlds FOLDER           merges what the files of a folder tell, and compares with the records that they tell
`;

const commands = {
  vectors: ([folder, ...names]) => checkVectors(folder, names),
  doubt: ([folder]) => doubtVectors(folder),
  zstd: ([folder]) => checkStreams(folder),
  worlds: ([folder]) => checkWorlds(folder),
};

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? '') || args.length === 0) {
  process.stderr.write(usage);
  process.exit(2);
}
const { summary, failures } = commands[name](args);
for (const failure of failures) console.error(failure);
console.log(`${summary}, ${failures.length} failures`);
process.exitCode = failures.length === 0 ? 0 : 1;
