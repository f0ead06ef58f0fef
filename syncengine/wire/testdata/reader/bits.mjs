// Streams of bits as zstd has them (RFC 8878): little-endian, read forwards from the first byte or backwards from the last.

import { must } from './problem.mjs';

export class ForwardBits {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0; // in bits
  }

  // read gives the next bits as a number, at most 24 of them.
  read(count) {
    must(this.at + count <= this.bytes.length * 8, 'bit stream ends too early');
    const value = peek(this.bytes, this.at, count);
    this.at += count;
    return value;
  }

  bytesRead() {
    return (this.at + 7) >> 3;
  }
}

// BackwardBits starts below the highest set bit of the last byte. Bits before the first byte read as zeros; left says how many real
// ones remain, and is negative once more were read.
export class BackwardBits {
  constructor(bytes) {
    const last = bytes[bytes.length - 1];
    must(bytes.length > 0 && last !== 0, 'bit stream without its end mark');
    this.bytes = bytes;
    this.left = bytes.length * 8 - (Math.clz32(last) - 23);
  }

  read(count) {
    this.left -= count;
    if (this.left >= 0) return peek(this.bytes, this.left, count);
    const real = this.left + count;
    return real <= 0 ? 0 : peek(this.bytes, 0, real) * 2 ** -this.left;
  }
}

// peek reads up to 32 bits from a position in bits.
function peek(bytes, position, count) {
  let value = 0;
  let done = 0;
  while (done < count) {
    const offset = (position + done) & 7;
    const part = Math.min(8 - offset, count - done);
    value += ((bytes[(position + done) >> 3] >> offset) & ((1 << part) - 1)) * 2 ** done;
    done += part;
  }
  return value;
}
