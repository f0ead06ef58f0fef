// Command arpenteur is the whole of Arpenteur in one program: the server and its administration, a tablet for scripts, exports,
// verification, and a demonstration. It holds flags, environment and wiring; what they lead to lies in server, clientsdk and
// internal/demo.
//
// # How it speaks
//
// Everything that people read is in catalogue/, in French and English, and chosen by --lang, ARPENTEUR_LANG or the locale; without any
// of these it is French. A message of an error begins without a capital, ends without a full stop, says what is safe, what happened, and
// what to do next, and puts codes last, as detail for whoever gives assistance.
//
// With --json the standard output holds JSON alone: one document, or for a list one document on each line. Names of members are
// stable. Errors are then one JSON document on the standard error.
//
// # How it ends
//
// Exit codes are those of the table in exit.go, for every command.
package main
