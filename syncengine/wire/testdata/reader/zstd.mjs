// Decompression of zstd, RFC 8878, block by block, under a bound on the window and on what comes out. Dictionaries are not read; the
// checksum at the end is passed over, since every line is verified by its own hashes.

import { must, refuse } from './problem.mjs';
import { BackwardBits } from './bits.mjs';
import { decodeHuffman, readDistribution, readHuffman, tableOf, tableOfOne } from './fse.mjs';

const blockLimit = 128 * 1024;

// decompress yields what the blocks of one or more frames hold. It refuses as truncated an input that ends inside a frame, as bomb a
// window or an output over its limit, and as malformed everything else, after it has yielded all complete blocks before.
export function* decompress(input, windowLimit, outputLimit) {
  const source = { bytes: input, at: 0 };
  let total = 0;
  if (input.length === 0) refuse('truncated', 'nothing to read');
  while (source.at < input.length) {
    if (skipFrame(source)) continue;
    for (const block of frame(source, windowLimit)) {
      total += block.length;
      if (total > outputLimit) refuse('bomb', 'more comes out than may');
      yield block;
    }
  }
}

function take(source, count) {
  if (source.at + count > source.bytes.length) refuse('truncated', 'compressed stream is cut');
  source.at += count;
  return source.bytes.subarray(source.at - count, source.at);
}

const little = (bytes) => bytes.reduceRight((value, byte) => value * 256 + byte, 0);

// skipFrame passes over a skippable frame (3.1.2).
function skipFrame(source) {
  const magic = source.bytes.subarray(source.at, source.at + 4);
  if (magic.length < 4 || little(magic) >>> 4 !== 0x184d2a5) return false;
  take(source, 4);
  take(source, little(take(source, 4)));
  return true;
}

function* frame(source, windowLimit) {
  const { window, checksum } = frameHeader(source);
  if (window > windowLimit) refuse('bomb', 'window over its limit');
  const state = { window, past: Buffer.alloc(0), offsets: [1, 4, 8], huffman: undefined, tables: [] };
  for (let last = false; !last; ) {
    const head = little(take(source, 3));
    last = (head & 1) === 1;
    const block = readBlock(source, state, (head >> 1) & 3, head >> 3);
    must(block.length <= Math.min(blockLimit, window), 'block over its limit');
    state.past = Buffer.concat([state.past, block]);
    state.past = state.past.subarray(Math.max(0, state.past.length - window));
    yield block;
  }
  if (checksum) take(source, 4);
}

function frameHeader(source) {
  const magic = take(source, Math.min(4, source.bytes.length - source.at));
  const expected = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
  must(magic.equals(expected.subarray(0, magic.length)), 'no zstd frame');
  if (magic.length < 4) refuse('truncated', 'compressed stream is cut');
  const descriptor = take(source, 1)[0];
  must((descriptor & 8) === 0, 'reserved bit is set');
  const single = (descriptor & 32) !== 0;
  const windowByte = single ? undefined : take(source, 1)[0];
  must(little(take(source, [0, 1, 2, 4][descriptor & 3])) === 0, 'dictionaries are not read');
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const size = little(take(source, sizeBytes)) + (sizeBytes === 2 ? 256 : 0);
  const base = 2 ** (10 + (windowByte >> 3));
  return { window: single ? size : base + (base / 8) * (windowByte & 7), checksum: (descriptor & 4) !== 0 };
}

function readBlock(source, state, type, size) {
  if (type === 0) return take(source, size);
  if (type === 1) return Buffer.alloc(boundedSize(size), take(source, 1)[0]);
  must(type === 2, 'reserved type of block');
  return compressedBlock(take(source, boundedSize(size)), state);
}

function boundedSize(size) {
  must(size <= blockLimit, 'block over its limit');
  return size;
}

function compressedBlock(bytes, state) {
  const block = { bytes, at: 0 };
  try {
    const literals = readLiterals(block, state);
    return runSequences(block, literals, state);
  } catch (problem) {
    must(problem.code !== 'truncated', 'block is shorter than its parts');
    throw problem;
  }
}

// readLiterals reads the literals section (3.1.1.3.1).
function readLiterals(block, state) {
  const first = block.bytes[block.at] ?? refuse('truncated', 'no literals');
  const type = first & 3;
  const format = (first >> 2) & 3;
  if (type < 2) {
    const headSize = [1, 2, 1, 3][format];
    const size = boundedSize(Math.floor(little(take(block, headSize)) / (format % 2 ? 16 : 8)));
    return type === 0 ? take(block, size) : Buffer.alloc(size, take(block, 1)[0]);
  }
  const width = [10, 10, 14, 18][format];
  const head = Math.floor(little(take(block, [3, 3, 4, 5][format])) / 16);
  const size = boundedSize(head % 2 ** width);
  const part = { bytes: take(block, Math.floor(head / 2 ** width)), at: 0 };
  if (type === 2) {
    state.huffman = readHuffman(part.bytes);
    take(part, state.huffman.size);
  }
  must(state.huffman !== undefined, 'no Huffman tree to repeat');
  return format === 0 ? decodeHuffman(state.huffman, part.bytes.subarray(part.at), size) : fourStreams(part, state.huffman, size);
}

function fourStreams(part, huffman, size) {
  const jump = take(part, 6);
  const sizes = [0, 2, 4].map((at) => jump.readUInt16LE(at));
  const each = (size + 3) >> 2;
  must(size >= 3 * each, 'too few literals for four streams');
  const streams = sizes.map((length) => decodeHuffman(huffman, take(part, length), each));
  return Buffer.concat([...streams, decodeHuffman(huffman, part.bytes.subarray(part.at), size - 3 * each)]);
}

// Literal lengths, offsets and match lengths, in the order in which they are described (3.1.1.3.2): the largest table, the number of
// symbols, the predefined distribution, and for the lengths the base and extra bits of each code.
const lengthCodes = (start, plain, rest) => [...Array.from({ length: plain }, (_, i) => [start + i, 0]), ...rest];
const kinds = [
  {
    largestLog: 9,
    symbols: 36,
    log: 6,
    counts: [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1],
    codes: lengthCodes(0, 16, [
      [16, 1], [18, 1], [20, 1], [22, 1], [24, 2], [28, 2], [32, 3], [40, 3], [48, 4], [64, 6], [128, 7], [256, 8], [512, 9], [1024, 10],
      [2048, 11], [4096, 12], [8192, 13], [16384, 14], [32768, 15], [65536, 16],
    ]),
  },
  {
    largestLog: 8,
    symbols: 32,
    log: 5,
    counts: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
  },
  {
    largestLog: 9,
    symbols: 53,
    log: 6,
    counts: [
      1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
      -1, -1, -1, -1, -1, -1, -1,
    ],
    codes: lengthCodes(3, 32, [
      [35, 1], [37, 1], [39, 1], [41, 1], [43, 2], [47, 2], [51, 3], [59, 3], [67, 4], [83, 4], [99, 5], [131, 7], [259, 8], [515, 9],
      [1027, 10], [2051, 11], [4099, 12], [8195, 13], [16387, 14], [32771, 15], [65539, 16],
    ]),
  },
];

function readTable(block, kind, mode, last) {
  if (mode === 0) return tableOf(kind);
  if (mode === 1) {
    const symbol = take(block, 1)[0];
    must(symbol < kind.symbols, 'code out of range');
    return tableOfOne(symbol);
  }
  if (mode === 3) return last ?? must(false, 'no table to repeat');
  const distribution = readDistribution(block.bytes.subarray(block.at), kind.largestLog, kind.symbols);
  take(block, distribution.size);
  return tableOf(distribution);
}

function sequenceCount(block) {
  const first = take(block, 1)[0];
  if (first < 128) return first;
  if (first < 255) return (first - 128) * 256 + take(block, 1)[0];
  return little(take(block, 2)) + 0x7f00;
}

// runSequences reads the sequences section, and copies literals and matches into the block's output.
function runSequences(block, literals, state) {
  const count = sequenceCount(block);
  if (count === 0) {
    must(block.at === block.bytes.length, 'bytes after the last literal');
    return Buffer.from(literals);
  }
  const modes = take(block, 1)[0];
  must((modes & 3) === 0, 'reserved bits are set');
  state.tables = kinds.map((kind, i) => readTable(block, kind, (modes >> (6 - 2 * i)) & 3, state.tables[i]));
  const bits = new BackwardBits(block.bytes.subarray(block.at));
  const states = state.tables.map(({ log }) => bits.read(log));
  const out = new Output(state.past, literals);
  for (let i = 0; i < count; i++) {
    const [literal, offset, match] = state.tables.map(({ states: all }, kind) => all[states[kind]].symbol);
    must(offset < 32, 'offset out of range');
    const distance = 2 ** offset + bits.read(offset);
    const matchLength = lengthOf(kinds[2], match, bits);
    const literalLength = lengthOf(kinds[0], literal, bits);
    out.copyLiterals(literalLength);
    out.copyMatch(repeatedOffset(state.offsets, distance, literalLength), matchLength);
    if (i < count - 1) {
      for (const kind of [0, 2, 1]) {
        const { width, base } = state.tables[kind].states[states[kind]];
        states[kind] = base + bits.read(width);
      }
    }
  }
  must(bits.left === 0, 'sequences and their bits differ');
  return out.end();
}

function lengthOf({ codes }, code, bits) {
  const [base, extra] = codes[code];
  return base + bits.read(extra);
}

// repeatedOffset resolves the values 1 to 3, which name one of the last three offsets (3.1.1.5).
function repeatedOffset(offsets, value, literalLength) {
  if (value > 3) {
    offsets.unshift(value - 3);
    offsets.pop();
    return offsets[0];
  }
  const which = value - 1 + (literalLength === 0 ? 1 : 0);
  const offset = which === 3 ? offsets[0] - 1 : offsets[which];
  must(offset > 0, 'offset of zero');
  offsets.splice(Math.min(which, 2), 1);
  offsets.unshift(offset);
  return offset;
}

// Output is the output of one block, behind what matches may reach back to.
class Output {
  constructor(past, literals) {
    this.start = past.length;
    this.bytes = Buffer.alloc(past.length + blockLimit);
    this.bytes.set(past);
    this.at = past.length;
    this.literals = literals;
    this.taken = 0;
  }

  copyLiterals(count) {
    must(this.taken + count <= this.literals.length, 'more literals than there are');
    this.room(count);
    this.bytes.set(this.literals.subarray(this.taken, this.taken + count), this.at);
    this.taken += count;
    this.at += count;
  }

  copyMatch(offset, count) {
    must(offset <= this.at, 'match from before the window');
    this.room(count);
    for (const end = this.at + count; this.at < end; this.at++) this.bytes[this.at] = this.bytes[this.at - offset];
  }

  room(count) {
    must(this.at + count <= this.start + blockLimit, 'block over its limit');
  }

  end() {
    this.copyLiterals(this.literals.length - this.taken);
    return this.bytes.subarray(this.start, this.at);
  }
}
