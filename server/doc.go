// Package server is the central server: the authority of its ledgers, the exchange with tablets, and the way in which people read what
// was merged, settle what people must settle, and decide.
//
//	tablet ──/v1/sync──▶ take ──▶ ledger (verified, merged, indexed) ──▶ answer ──▶ tablet
//	                                │          ▲
//	person ──GET records──▶ view, seen token   │
//	person ──POST settle, edit, rulings────────┘ (each an ordinary change or ruling in the authority's log)
//
// A Server holds no state but caches: what it knows is in its store, so several may serve one store. Keys are a matter of Secret, which
// lies outside the store and its backups. Handler answers the network, Local the machine's own command line.
//
// # Who may do what
//
// Routes names every thing that can be asked, and for each the action that permissions.go decides about by role. On top of the role comes
// what is open to the person: a ledger that is not is answered exactly like one that does not exist (law L10). Tablets sign their
// requests (protocol, section 7.1); people send a bearer token. There is no default token. Administrative acts are on an append-only
// trail, in the transaction that does them; decisions about records are in the ledgers themselves.
//
// # Adding a route
//
// A line in routes.go registers it and says what it does: its action (permissions.go), its parameters, and the Go types of its bodies.
// The OpenAPI document at /openapi.json follows from that line; nothing else describes the route. Give each body a type with a name and json
// tags: omitempty makes a member of an answer optional, `required:"true"` makes one of a request required, `doc:"…"` says a unit or what the
// empty value means. A type that encodes itself, or of which only some words are allowed, goes into knownTypes; a new parameter of a path
// into pathParameters. The tests hold every answer that any of them receives, and every request that succeeds, against the document, and
// fail where a route is left that no test gets a success from (conformance_test.go).
//
// # What a person saw
//
// A value is replaced only by somebody who saw it (law L3). Reading a record gives a token, sealed with a key of the server, that
// says which survivors were shown; settling and editing take every `over` from it, and nothing else does. What has moved on since is
// refused as stale, together with what there is now.
//
// # What costs what
//
// No request walks a ledger. Lists and exports go by index, page by page, each page in a transaction of its own; what is known across
// records (the place tree, notices, counts) is remembered with the version of the ledger that it is of, and brought up by what arrived
// since (atlas). A publication is read by at once; one goroutine merges the records anew behind it, in small batches, and goes on after
// a restart. Event streams hold one signal each and read from the store what there is, so that nobody waits for a slow one.
//
// # Photos
//
// Package photos keeps their bytes and knows who refers to which; the routes here say who may send and fetch them. Receipts of logs count what
// is missing of them, and are sent again when that changes.
//
// # Webhooks
//
// Package webhooks tells other programs what moved; hookevents.go says of what, from the arrivals of the ledgers that are open to the token
// that each was made with. Nothing in a push knows of it but one signal that nobody waits for.
//
// # Errors
//
// Every refusal is an RFC 9457 body with a code of the protocol (section 8), in French or English. A defect is told by the id of its
// request alone; the log has the rest. Neither log nor metrics hold anything of a person: routes stand for paths, and codes for details.
package server
