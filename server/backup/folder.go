package backup

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/arpenteur/arpenteur/server/photos"
)

// List returns the whole backups in a folder, the newest first. Broken are the names of those whose manifest can't be read.
func List(folder string) (list []*Manifest, broken []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name, ours := strings.CutSuffix(e.Name(), manifestSuffix)
		if !ours || !strings.HasPrefix(name, namePrefix) {
			continue
		}
		m, err := readManifest(filepath.Join(folder, name))
		switch {
		case errors.Is(err, ErrDamaged):
			broken = append(broken, name)
		case err != nil:
			return nil, nil, err
		default:
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *Manifest) int { return cmp.Or(cmp.Compare(b.Made, a.Made), strings.Compare(b.Name, a.Name)) })
	return list, broken, nil
}

// sweep removes what a run that died has left: files of this package without a manifest. What isn't this package's stays.
func sweep(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	whole := map[string]bool{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), manifestSuffix); ok {
			whole[name] = true
		}
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, namePrefix) {
			continue
		}
		stem, copied := strings.CutSuffix(name, storeSuffix)
		if !copied {
			stem, copied = strings.CutSuffix(name, photosSuffix)
		}
		if strings.HasSuffix(name, partSuffix) || copied && !whole[stem] {
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove removes a backup: its manifest first, so that no half of it counts.
func remove(folder, name string) error {
	for _, suffix := range []string{manifestSuffix, storeSuffix, photosSuffix} {
		if err := os.Remove(filepath.Join(folder, name+suffix)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if suffix == manifestSuffix {
			if err := syncFolder(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachPhoto calls fn for every photo that a backup lists, with its place and its size.
func eachPhoto(path string, fn func(key string, size int64) error) error {
	f, err := os.Open(path + photosSuffix) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, text, _ := strings.Cut(lines.Text(), " ")
		size, err := strconv.ParseInt(text, 10, 64)
		if _, ours := photos.ParseKey(key); err != nil || !ours {
			return fmt.Errorf("%w: %s holds the line %.200q", ErrDamaged, path+photosSuffix, lines.Text())
		}
		if err := fn(key, size); err != nil {
			return err
		}
	}
	return lines.Err()
}

// prunePhotos removes the photos in a folder that no backup lists, with their partials.
func prunePhotos(ctx context.Context, folder string, blobs photos.Store) (removed int, err error) {
	list, broken, err := List(folder)
	if err != nil || len(broken) > 0 { // what a broken manifest stands for may still be wanted
		return 0, err
	}
	named := map[string]struct{}{}
	for _, m := range list {
		err := eachPhoto(filepath.Join(folder, m.Name), func(key string, _ int64) error {
			named[key] = struct{}{}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	var old []string
	err = blobs.List(ctx, "", func(i photos.Item) error {
		if _, wanted := named[i.Key]; !wanted {
			old = append(old, i.Key)
		}
		return nil
	})
	for _, key := range old {
		if err == nil {
			err = blobs.Remove(ctx, key)
		}
	}
	return len(old), err
}

// syncFolder makes the names in a folder durable. There are systems that do it with the file.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(path) //nolint:gosec // the path is the operator's
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
