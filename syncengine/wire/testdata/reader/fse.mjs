// Finite state entropy and Huffman codes of zstd, RFC 8878 section 4.

import { must } from './problem.mjs';
import { BackwardBits, ForwardBits } from './bits.mjs';

// readDistribution reads the description of an FSE table (4.1.1), and says how many bytes it takes.
export function readDistribution(bytes, largestLog, symbols) {
  const bits = new ForwardBits(bytes);
  const log = bits.read(4) + 5;
  must(log <= largestLog, 'FSE table is too large');
  const counts = [];
  let remaining = 2 ** log + 1; // a probability is stored plus one
  while (remaining > 1 && counts.length < symbols) {
    const probability = readProbability(bits, remaining) - 1;
    counts.push(probability);
    remaining -= Math.abs(probability);
    if (probability === 0) readZeros(bits, counts);
  }
  must(remaining === 1 && counts.length <= symbols, 'FSE probabilities do not add up');
  return { counts, log, size: bits.bytesRead() };
}

// readProbability reads a value from 0 to remaining; small ones take one bit less.
function readProbability(bits, remaining) {
  const width = 32 - Math.clz32(remaining);
  const shorter = 2 ** width - 1 - remaining; // how many values take one bit less
  const low = bits.read(width - 1);
  if (low < shorter) return low;
  const value = low + bits.read(1) * 2 ** (width - 1);
  return value < 2 ** (width - 1) ? value : value - shorter;
}

function readZeros(bits, counts) {
  for (;;) {
    const more = bits.read(2);
    for (let i = 0; i < more; i++) counts.push(0);
    if (more < 3) return;
  }
}

// tableOf spreads the symbols over the states of a table: each state has a symbol, and the bits and base of the state after it.
export function tableOf({ counts, log }) {
  const size = 2 ** log;
  const symbols = new Uint8Array(size);
  let high = size - 1;
  counts.forEach((count, symbol) => {
    if (count === -1) symbols[high--] = symbol;
  });
  let at = 0;
  counts.forEach((count, symbol) => {
    for (let i = 0; i < count; i++) {
      symbols[at] = symbol;
      do at = (at + (size >> 1) + (size >> 3) + 3) & (size - 1);
      while (at > high);
    }
  });
  must(at === 0, 'FSE table is not filled');
  const next = counts.map((count) => Math.abs(count));
  const states = Array.from(symbols, (symbol) => {
    const state = next[symbol]++;
    const width = log - (31 - Math.clz32(state));
    return { symbol, width, base: state * 2 ** width - size };
  });
  return { log, states };
}

// tableOfOne is the table of a symbol that repeats.
export const tableOfOne = (symbol) => ({ log: 0, states: [{ symbol, width: 0, base: 0 }] });

// readHuffman reads the description of a Huffman tree (4.2.1), and says how many bytes it takes.
export function readHuffman(bytes) {
  must(bytes.length > 0, 'no Huffman tree');
  const head = bytes[0];
  const size = head < 128 ? head : (head - 126) >> 1;
  must(size < bytes.length, 'Huffman tree is cut');
  const stored = bytes.subarray(1, 1 + size);
  const weights = head < 128 ? readWeights(stored) : Array.from({ length: head - 127 }, (_, i) => (i % 2 ? stored[i >> 1] & 15 : stored[i >> 1] >> 4));
  return { ...huffmanOf(weights), size: 1 + size };
}

// readWeights reads weights that two FSE states give in turn.
function readWeights(bytes) {
  const distribution = readDistribution(bytes, 6, 256);
  const { log, states } = tableOf(distribution);
  const bits = new BackwardBits(bytes.subarray(distribution.size));
  const turn = [bits.read(log), bits.read(log)];
  const weights = [];
  for (let i = 0; ; i = 1 - i) {
    const { symbol, width, base } = states[turn[i]];
    weights.push(symbol);
    must(weights.length < 255, 'too many Huffman weights');
    turn[i] = base + bits.read(width);
    if (bits.left < 0) {
      weights.push(states[turn[1 - i]].symbol);
      return weights;
    }
  }
}

// huffmanOf makes the table that longest bits lead into. The last weight is not stored: it fills up to a power of two.
function huffmanOf(weights) {
  const sum = weights.reduce((total, weight) => total + (weight && 2 ** (weight - 1)), 0);
  must(sum > 0, 'Huffman tree is empty');
  const longest = 32 - Math.clz32(sum);
  const rest = 2 ** longest - sum;
  must(longest <= 11 && (rest & (rest - 1)) === 0, 'Huffman weights do not add up');
  const all = [...weights, 32 - Math.clz32(rest)];
  const symbols = new Uint8Array(2 ** longest);
  const widths = new Uint8Array(2 ** longest);
  let at = 0;
  for (let weight = 1; weight <= longest; weight++) {
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      symbols.fill(symbol, at, at + 2 ** (weight - 1));
      widths.fill(longest + 1 - weight, at, at + 2 ** (weight - 1));
      at += 2 ** (weight - 1);
    });
  }
  return { longest, symbols, widths };
}

// decodeHuffman reads count symbols from one backward stream, which must then be at its end.
export function decodeHuffman({ longest, symbols, widths }, bytes, count) {
  const bits = new BackwardBits(bytes);
  const out = new Uint8Array(count);
  let state = bits.read(longest);
  for (let i = 0; i < count; i++) {
    out[i] = symbols[state];
    const width = widths[state];
    state = ((state << width) & (2 ** longest - 1)) + bits.read(width);
  }
  must(bits.left === -longest, 'Huffman stream and its size differ');
  return out;
}
