// Package oracle is the merge written a second time, straight from its definition (docs/PROTOCOL.md §6), for the tests of
// package syncengine. It keeps no state, remembers nothing between two questions and knows no order of arrival: it asks of every
// change whether it covers every other, and compares every survivor with every other. It is slow and meant to be read beside the
// page. It shares the words of syncengine (its types), and none of the code that merges, translates, shows or judges.
//
//	§6.1 Lens       translate.go
//	§6.2 Effective  verdict.go
//	§6.3 Survivors  survivors.go
//	§6.4 Join       record.go
//	§6.5 Conflict   record.go
//	§6.6 Document   document.go
package oracle
