// Streams of zstd made by others, beside what they hold.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Problem } from './problem.mjs';
import { decompress } from './zstd.mjs';

const limits = [1024 * 1024, 128 * 1024 * 1024];

// checkStreams decompresses each NAME.zst of a folder and compares with NAME; then it cuts and damages the stream at some places, which
// must end in a refusal or in other bytes, and never in a defect.
export function checkStreams(folder) {
  const failures = [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.zst'));
  for (const name of names) {
    const stream = readFileSync(join(folder, name));
    const content = readFileSync(join(folder, name.slice(0, -'.zst'.length)));
    failures.push(...[...problems(stream, content)].map((why) => `${name}: ${why}`));
  }
  return { summary: `${names.length} files`, failures };
}

function* problems(stream, content) {
  const { bytes, code } = drain(stream);
  if (code !== undefined || !bytes.equals(content)) yield `${bytes.length} bytes, code ${code}; want ${content.length}`;
  const step = Math.ceil(stream.length / 6);
  for (let at = 0; at < stream.length; at += step) {
    const cut = drain(stream.subarray(0, at));
    const isStart = cut.bytes.equals(content.subarray(0, cut.bytes.length));
    if (cut.code !== 'truncated' || !isStart) yield `cut at ${at}: ${cut.bytes.length} bytes, code ${cut.code}`;
    const damaged = Buffer.from(stream);
    damaged[at] ^= 1 << at % 8;
    drain(damaged);
  }
}

function drain(stream) {
  const blocks = [];
  try {
    for (const block of decompress(stream, ...limits)) blocks.push(Buffer.from(block));
    return { bytes: Buffer.concat(blocks) };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { bytes: Buffer.concat(blocks), code: problem.code };
  }
}
