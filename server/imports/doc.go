// Package imports reads files that prepare a diagnostic, and says line by line what it will not take and why: outlines of neighbourhoods
// (GeoJSON), trees of places, actors, and earlier inspections (CSV). It knows nothing of HTTP and keeps nothing: Open reads a file, Run
// hands its rows in batches to a Keeper, which the server implements on a ledger or on its list of neighbourhoods.
//
//	File ──Open──▶ Source ──Next──▶ Row (records, or why not) ──batches──▶ Keeper.Keep ──▶ Verdict of each row
//	                 │                                                                        │
//	                 └────────────── Begin, Remark, Progress, Totals ◀────────── Run ◀────────┘
//
// # What holds for every import
//
//   - A row is taken whole or not at all, and a bad row holds back no other (law L6).
//   - A row names its records by a key of its own (a code, a SIRET, a date and a place); Options.Identify turns it into an id. The same
//     file again therefore finds what it made, and an import that was killed goes on where it was.
//   - A trial run takes the same way with a Keeper that writes nothing, so that it says what the real one says.
//   - An empty cell says nothing: it leaves what is there. A column that is not known is named, and left out.
//   - What is read is text. A cell that a spreadsheet would run as a formula is its characters here.
//
// # What bounds it
//
// Files are read in pieces, and more than once: first for what only the whole file can tell (its encoding, which places lie in which), then
// row by row. Of a row nothing stays but its id and line, for finding it again. Rows, cells, columns, features and files have limits
// (limits.go), and what is beyond them is refused by its line, or ends the import where the line can't be told.
//
// # Texts and numbers
//
// CSV is UTF-8, with or without byte order mark, or Windows-1252, which is found out and told; it is separated by semicolons, commas or tabs.
// Quotes are those of RFC 4180. Decimals may have a comma. GeoJSON is that of RFC 7946; outlines come out with its orientation of rings.
package imports
