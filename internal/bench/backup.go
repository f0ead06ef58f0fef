package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/arpenteur/arpenteur/server/backup"
)

const backupRecords = 50_000

// backup measures a backup of a server of one large diagnostic while nobody else uses it: the copy, compacted and synced, against a plain copy
// of the same file with one sync. What it takes to read the copy again, every chain, signature and merged record, is told apart, since no copy
// does that.
func (b *bench) backup(ctx context.Context) error {
	n := b.size(backupRecords)
	folder := filepath.Join(b.folder, "backup")
	return survey(ctx, folder, false, func(c *central, d diagnostic) error {
		b.say("backup: %d observations are made on the server", n)
		if err := c.fill(ctx, d, largeAuthors, n); err != nil {
			return err
		}
		file := filepath.Join(folder, storeName)
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		var best *backup.Result
		least := time.Duration(0)
		for i := range leastTries {
			b.say("backup: %d of %d", i+1, leastTries)
			made, err := c.server.Backup(ctx, "bench", filepath.Join(folder, "backups"), backup.Retention{Keep: 1}, nil)
			if err != nil {
				return err
			}
			if best == nil || made.Seconds-made.Verified < best.Seconds-best.Verified {
				best = made
			}
			start := time.Now()
			if err := copySynced(filepath.Join(folder, "plain"), file, io.Discard); err != nil {
				return err
			}
			if took := time.Since(start); least == 0 || took < least {
				least = took
			}
		}
		return b.report(figure{"backup", best.Seconds - best.Verified, "s", least.Seconds(), []detail{
			{"changes", n},
			{"verify_seconds", best.Verified},
			{"file_mib", info.Size() >> 20},
			{"backup_mib", best.File.Size >> 20},
		}})
	})
}
