// Strings in normalisation form C of Unicode 15.0, stream-safe (section 2, UAX #15).

// Characters that Unicode 15.1 to 17.0 assigned and that have a combining class or take part in a composition. The protocol lets
// them stand as they are, so a string is cut at them and only the pieces between are normalised. What is not assigned has no
// effect on its neighbours, so nothing is lost by the cut. A later version of Unicode adds to this list.
const assignedLater = new RegExp(
  '([\\u0897\\u1acf-\\u1add\\u1ae0-\\u1aeb\\u{105c9}\\u{105d2}\\u{105da}\\u{105e4}\\u{10d69}-\\u{10d6d}\\u{10efa}\\u{10efb}\\u{11382}-\\u{11385}' +
    '\\u{1138b}\\u{1138e}\\u{11390}\\u{11391}\\u{113b8}\\u{113bb}\\u{113c2}\\u{113c5}\\u{113c7}-\\u{113c9}\\u{113ce}-\\u{113d0}' +
    '\\u{1611e}-\\u{16129}\\u{1612f}\\u{16d63}\\u{16d67}-\\u{16d6a}\\u{1e5ee}\\u{1e5ef}\\u{1e6e3}\\u{1e6e6}\\u{1e6ee}\\u{1e6ef}\\u{1e6f5}])',
  'u',
);
const newestKnown = 17;

if (parseFloat(process.versions.unicode) >= newestKnown + 1) {
  process.stderr.write(`reader: Unicode ${process.versions.unicode} is newer than the list in normal.mjs\n`);
}

export function isFormC(string) {
  if (/^[\x00-\x7f]*$/.test(string)) return true;
  const pieces = string.split(assignedLater); // the odd ones are the characters cut at
  return pieces.every((piece, i) => i % 2 === 1 || piece.normalize('NFC') === piece);
}

// Starters that compose with a character before them.
const composesBack = new RegExp(
  '[\\u1161-\\u1175\\u11a8-\\u11c2\\u09be\\u09d7\\u0b3e\\u0b56\\u0b57\\u0bbe\\u0bd7\\u0cc2\\u0cd5\\u0cd6\\u0d3e\\u0d57\\u0dcf\\u0ddf\\u102e\\u1b35' +
    '\\u{11127}\\u{1133e}\\u{11357}\\u{114b0}\\u{114ba}\\u{114bd}\\u{115af}\\u{11930}]',
  'u',
);

// isStreamSafe says that no more than 30 joining characters stand in a row in the compatibility decomposition.
export function isStreamSafe(string) {
  if (/^[\x00-\x7f]*$/.test(string)) return true;
  return string.split(assignedLater).every((piece) => longestRow(piece.normalize('NFKD')) <= 30);
}

function longestRow(decomposed) {
  let longest = 0;
  let row = 0;
  for (const char of decomposed) {
    row = isNonStarter(char) || composesBack.test(char) ? row + 1 : 0;
    longest = Math.max(longest, row);
  }
  return longest;
}

// isNonStarter says whether the combining class of a decomposed character is not 0. JavaScript doesn't tell the class, but
// normalisation sorts by it: a mark of class 1 moves before all of a higher class, and one of class 240 behind all of a lower one.
function isNonStarter(char) {
  const low = '\u0334';
  const high = '\u0345';
  return (char + low).normalize('NFD') !== char + low || (high + char).normalize('NFD') !== high + char || char === low || char === high;
}
