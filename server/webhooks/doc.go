// Package webhooks tells other programs over HTTP that something moved, as the Standard Webhooks specification 1.0 has it.
//
//	ledgers ──Source.Collect──▶ queue (durable, with ids) ──one after the other──▶ receiver
//	   ▲                          │                                                  │
//	   └── told up to a version ◀─┴───────────────── taken off the queue ◀── 2xx ────┘
//
// A push writes nothing for webhooks and waits for none: what there is to tell follows from what the ledgers keep anyway, the order of
// arrivals. Each Hook notes up to which version of each ledger it was told. Its worker collects what came since, makes messages of it and
// keeps them with the new versions in one transaction, before the first one is sent. So a message keeps its id and its body through
// every attempt and every kill, the queue of a receiver that is away stays as short as one Batch, and what moved ten times meanwhile is
// told once.
//
// # What a receiver can rely on
//
// Every message comes at least once, and again after a kill or an answer that got lost: under the same webhook-id. Messages of one Hook
// come in order, one at a time; one that is not taken holds back those behind it, of the same Hook alone. Messages name what moved and
// hold nothing of it, so that what they lead to is read under the rights of whoever reads.
//
// # What is never reached
//
// A Hook's address comes from outside. Only https is taken, redirects are refused, and every connection is checked where it is made,
// after names are resolved: addresses of the machine, of private networks and other special ones are refused (Policy). Of answers only
// the status counts.
//
// # When a receiver stays away
//
// Attempts are spaced out, from seconds to hours, with jitter. After GiveUp without any success, on 410 Gone, and with the token
// whose rights it has, a Hook ends: nothing is sent any more, the audit trail says so, and what was not told stays to be told when it
// is resumed.
package webhooks
