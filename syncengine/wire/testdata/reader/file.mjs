// Files for a USB stick, section 10.

import { open } from './age.mjs';
import { readBody } from './frame.mjs';

const magic = 'arpenteur/1 file\n';
const blockLimit = 65536;
const decompressedLimit = 64 * 1024 ** 3;

// readFile reads the sections of a file with an X25519 key: the frames taken of each, the numbers and codes of those refused, and the
// code with which it ended where it isn't whole; or that it is sealed to others. And the code of the file where it isn't whole.
export function readFile(bytes, key) {
  const start = bytes.subarray(0, magic.length).toString('latin1');
  if (start !== magic) return { sections: [], code: /^arpenteur\/[0-9]+ file\n$/.test(start) ? 'protocol_unsupported' : 'malformed' };
  const sections = [];
  const source = { bytes, at: magic.length };
  for (;;) {
    const { content, code } = readSection(source);
    if (content.length === 0) return { sections, ...(code && { code }) };
    sections.push(openSection(content, key, code));
    if (code !== undefined) return { sections, code };
  }
}

// readSection joins the blocks of a section, as far as they are there.
function readSection(source) {
  const blocks = [];
  for (;;) {
    const size = source.bytes.length - source.at < 4 ? -1 : source.bytes.readUInt32BE(source.at);
    const end = source.at + 4 + size;
    if (size > blockLimit) return { content: Buffer.concat(blocks), code: 'damaged' };
    if (size > 0) blocks.push(source.bytes.subarray(source.at + 4, end));
    if (size < 0 || end > source.bytes.length) return { content: Buffer.concat(blocks), code: 'truncated' };
    source.at = end;
    if (size === 0) return { content: Buffer.concat(blocks) };
  }
}

function openSection(sealed, key, cut) {
  const opened = open(sealed, key);
  if (opened === undefined) return { sealed: true, taken: [], refused: [] };
  const body = readBody(opened.content, decompressedLimit);
  const code = cut ?? opened.code ?? body.code;
  return { taken: body.taken, refused: body.refused, ...(code && { code }) };
}
