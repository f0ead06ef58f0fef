// Package badlink is the network of a tower block: a proxy on loopback that drops every connection without a word after 20 kilobytes, give
// or take a fifth, counted in both directions together. The demonstration and the tests put it between the program's processes.
package badlink
