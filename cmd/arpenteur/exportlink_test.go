package main

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/arpenteur/arpenteur/internal/apiclient"
	"github.com/arpenteur/arpenteur/internal/badlink"
)

// An export over a link that drops every connection after some 20 KB is the same bytes as one over a good link, or nothing at all.
func TestAnExportOverALinkThatCutsIsTheSameBytes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data := filepath.Join(folder, "d")
	s := startServer(t, data)
	mustRun(t, "admin", "--data", data, "diagnostics", "create", "--name", "Verger", "--code", "QP066007", "--json")
	var token tokenInfo
	decode(t, mustRun(t, "admin", "--data", data, "tokens", "create", "--account", "coord-1", "--role", "coordinator", "--json"), &token)
	people := &apiclient.Client{HTTP: apiclient.Network(), Base: s.ready.Address, Token: token.Token}
	var d struct{ Diagnostics []diagnosticInfo }
	if err := people.Call(t.Context(), http.MethodGet, "/v1/diagnostics", nil, &d); err != nil {
		t.Fatal(err)
	}
	places := make([]map[string]string, 400)
	for i := range places {
		places[i] = map[string]string{"type": "estate", "name": "Les Pommiers"}
	}
	if err := people.Call(t.Context(), http.MethodPost, "/v1/diagnostics/"+d.Diagnostics[0].ID+"/places", places, nil); err != nil {
		t.Fatal(err)
	}
	link, err := badlink.Open(t.Context(), rand.New(rand.NewPCG(7, 7)))
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	link.Lead(strings.TrimPrefix(s.ready.Address, "http://"))
	for _, how := range [][]string{{"--format", "ndjson"}, {"--format", "ndjson", "--history"}, {"--format", "ndjson", "--kind", "place", "--search", "pommier"}} {
		export := func(address, file string) []byte {
			t.Helper()
			path := filepath.Join(folder, file)
			mustRun(t, append([]string{"export", "--server", address, "--token", token.Token, "-o", path}, how...)...)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		before := link.Traffic().Cuts
		whole, resumed := export(s.ready.Address, "whole"), export("http://"+link.Address(), "resumed")
		if !bytes.Equal(whole, resumed) || bytes.Count(whole, []byte("\n")) < len(places) {
			t.Errorf("%v: %d bytes over the good link, %d over the bad one", how, len(whole), len(resumed))
		}
		if cuts := link.Traffic().Cuts - before; cuts < 3 {
			t.Errorf("%v: the link was cut %d times", how, cuts)
		}
	}
	// What can't go on is not taken for whole.
	path := filepath.Join(folder, "cut.csv")
	if out, err := arpenteur(t, "export", "--server", "http://"+link.Address(), "--token", token.Token, "--format", "csv", "-o", path); err == nil {
		t.Errorf("a cut export ended well: %s", out)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	s.stop(t)
}
