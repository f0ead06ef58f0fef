package server_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/arpenteur/arpenteur/server"
)

func TestARestoredStoreSaysSoAndIsAnotherStore(t *testing.T) {
	s := openBolt(t, filepath.Join(t.TempDir(), "central.db"))
	id := s.ID()
	if err := server.MarkRestored(context.Background(), s, "arpenteur-20261123T090000Z", time.UnixMilli(7)); err != nil {
		t.Fatal(err)
	}
	if s.ID() == id {
		t.Error("base tokens of the lost store would still be believed")
	}
	for kept := range dump(t, s) {
		if strings.Contains(kept, `{"at":7,"from":"arpenteur-20261123T090000Z"}`) {
			return
		}
	}
	t.Error("nothing tells the server that opens it")
}
