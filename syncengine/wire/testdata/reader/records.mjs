// The merged records of a ledger, section 6, and how they are told.

import { byBytes, write } from './canonical.mjs';
import { mergeRecord } from './merge.mjs';
import { judge } from './verdict.mjs';

// recordsOf merges every record of which something is held: those of a Ledger, or of anything else that tells the same. They are ordered
// by kind, then id.
export function recordsOf(holding) {
  const records = new Map();
  for (const change of holding.changes) {
    const decision = holding.authority.decision(change.id);
    const judged = { ...change, decision, status: judge(change, holding.envelopes(change.id), decision, holding), reading: readingOf(change, holding) };
    const name = `${change.kind} ${change.record}`;
    records.set(name, [...(records.get(name) ?? []), judged]);
  }
  return [...records.keys()].sort(byBytes).map((name) => told(records.get(name)));
}

// readingOf gives the versions in force of the lineage of a change, up to the first that is not held.
function readingOf({ checklist }, { authority, list }) {
  const lineage = list(checklist)?.lineage;
  const versions = lineage === undefined ? [] : authority.versions(lineage).map(list);
  return versions.includes(undefined) ? versions.slice(0, versions.indexOf(undefined)) : versions;
}

// told merges the changes of one record, and writes it down for others to compare: values and the document as canonical JSON, and only
// what is there.
export function told(changes) {
  const { checklist, mixed, fields, document, pending, ineffective } = mergeRecord(changes);
  const field = (path, { shown, erased, differs, conflict, survivors }) => ({
    path,
    ...(erased ? { erased } : { shown: write(shown) }),
    ...(differs && { differs }),
    ...(conflict && { conflict }),
    survivors,
  });
  return {
    kind: changes[0].kind,
    record: changes[0].record,
    ...(checklist && { checklist }),
    ...(mixed && { mixed }),
    document: write(document),
    fields: [...fields].map(([path, one]) => field(path, one)),
    ...(pending.length > 0 && { pending }),
    ...(ineffective.length > 0 && { ineffective }),
  };
}
