// Command bench measures Arpenteur and prints one JSON line for each figure. `make bench` runs it.
//
//	{"figure":"push","value":9000,"unit":"observations/s","ratio_to_limit":0.4,"limit":22000,...}
//
// Every figure is of the real thing: tablets of clientsdk with sealed stores, the server on a synced bbolt file, HTTP over loopback.
// Where a limit is given it is measured in the same run, on the same cores and disk, as the steps that no design could leave out, done
// bare in a loop; each limit says beside its code what it is made of. ratio_to_limit is never above what the same machine could do, so it
// can be compared between machines; seconds can't. Nothing here fails because a figure is bad: figures are for people to read.
//
//	go run ./internal/bench                 all figures; about ten minutes on two cores
//	go run ./internal/bench -quick          small sizes, to see that everything runs
//	go run ./internal/bench -only push      one figure, with what it needs
//
// Progress goes to the standard error. What is measured is made anew each time from a fixed seed, but for the server of a million
// changes: that store is kept between runs in the user's cache folder, under a name that changes with the format of the data.
package main
