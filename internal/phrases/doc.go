// Package phrases holds what a program says to people, in French and in English, apart from the code that says it.
//
// A catalogue is a text: a line that is a key in brackets, then what is said, over as many lines as it takes, up to the next key. Lines
// that begin with # are for translators.
//
//	[tablet.saved]
//	Enregistré sur la tablette à {at}.
//	[tablet.left]
//	{n} {n|modification|modifications} à envoyer
//
// {at} stands for a value that is passed under that name, and {n|one|many} for the word that goes with the number n: French uses the first
// for 0 and 1, English for 1 alone. Numbers, times and sizes are written as the language writes them. French spacing before a colon or a
// question mark is made by the catalogue, so that texts are typed with ordinary spaces.
//
// Whoever holds two catalogues tests them with Differences: the same keys, and in each the same names.
package phrases
