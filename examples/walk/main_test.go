package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the transcripts anew")

func TestTheDayIsToldTheSameEachTime(t *testing.T) {
	for _, lang := range []string{"fr", "en"} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			var told bytes.Buffer
			if err := run(t.Context(), &told, lang); err != nil {
				t.Fatalf("%v, after:\n%s", err, told.Bytes())
			}
			path := filepath.Join("testdata", "day."+lang+".txt")
			if *update {
				if err := os.WriteFile(path, told.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(told.Bytes(), want) {
				t.Errorf("the day was told as\n%s\nrather than as %s has it", told.Bytes(), path)
			}
		})
	}
}
