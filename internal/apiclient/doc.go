// Package apiclient asks the server's HTTP API as people's programs do: JSON in, JSON out, with a bearer token, over the network or over
// the socket of the machine's own command line.
//
// What the server refuses is a *wire.Problem with its code. Everything else is one of the errors of this package.
package apiclient
