package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func TestAnOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	directory := t.TempDir()
	s := openStore(t, directory)
	mustPut(t, s, "docs/a", "apple", 1)
	for _, change := range []string{
		`ALTER TABLE generation DROP COLUMN losses`, `ALTER TABLE document DROP COLUMN warnings`,
		`ALTER TABLE document DROP COLUMN readers`, `ALTER TABLE document DROP COLUMN version`,
		`ALTER TABLE generation DROP COLUMN measured`, `ALTER TABLE document DROP COLUMN attempts`,
		`ALTER TABLE document DROP COLUMN metadata`, `ALTER TABLE document DROP COLUMN sum`,
		`ALTER TABLE generation DROP COLUMN sum`, `ALTER TABLE chunk DROP COLUMN loaded`,
		`ALTER TABLE chunk DROP COLUMN shown`, `ALTER TABLE chunk DROP COLUMN layout`,
		`ALTER TABLE vector DROP COLUMN sum`, `ALTER TABLE generation DROP COLUMN replaced`, `PRAGMA user_version = 2`,
	} {
		if _, err := s.writer.conn.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	s = openStore(t, directory)
	rows, err := s.Documents(t.Context(), "", 10)
	if err != nil || len(rows) != 1 || rows[0].Document != "docs/a" || len(rows[0].Warnings) != 0 || rows[0].Readers != "" {
		t.Errorf("rows %+v, %v", rows, err)
	}
	mustPut(t, s, "docs/b", "pear", 2)
	if err := s.Complete(t.Context(), time.Unix(1, 0), config.Losses{Warned: 2}); err != nil {
		t.Fatal(err)
	}
	if stats, err := s.Stats(t.Context()); err != nil || stats.Losses.Warned != 2 {
		t.Errorf("stats %+v, %v", stats, err)
	}
}

func TestForeignDatabasesAreRefused(t *testing.T) {
	const otherSchema = "use the version that created it, or delete the directory"
	const sums = `; UPDATE generation SET sum = ` + generationSum + `; UPDATE chunk SET loaded = ` + loadedSum +
		`; UPDATE vector SET sum = ` + vectorSum
	for name, test := range map[string]struct{ change, want string }{
		"an older schema":            {`PRAGMA user_version = 1`, otherSchema},
		"a newer schema":             {`PRAGMA user_version = 99`, otherSchema},
		"another program's database": {`PRAGMA application_id = 1`, "choose another directory"},
		"a record of another generation": {
			`UPDATE generation SET record = '{"analyser":"99"}'` + sums, "does not match its fingerprint",
		},
		"a record that is not JSON":    {`UPDATE generation SET record = '{'` + sums, "does not match its fingerprint"},
		"a chunk that lost its vector": {`DELETE FROM vector`, "a vector is not what was written"},
		"a vector of another length":   {`UPDATE vector SET vector = x'00000000'` + sums, "a vector has 1 dimensions"},
		"metadata that is not JSON":    {`UPDATE chunk SET metadata = '{'` + sums, "metadata of a chunk"},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			s := openStore(t, directory)
			mustPut(t, s, "docs/a", "apple", 1)
			if _, err := s.writer.conn.ExecContext(t.Context(), test.change); err != nil {
				t.Fatal(err)
			}
			closeStore(t, s)
			if err := openError(t, directory); !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
}

func TestADamagedDatabaseIsLeftAsItIs(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"no database at all": func(b []byte) []byte { return []byte(strings.Repeat("this is a text file\n", 1000)) },
		"cut off":            func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"pages overwritten": func(b []byte) []byte {
			for i := 4096; i < len(b); i++ {
				b[i] = 0x5a
			}
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			s := openStore(t, directory)
			mustPut(t, s, "docs/a", "apple", 100)
			closeStore(t, s)
			path := filepath.Join(directory, "index.db")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			err = openError(t, directory)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "delete "+directory) {
				t.Errorf("got %v; it should say to delete %s", err, directory)
			}
			if after, err := os.ReadFile(path); err != nil || !slices.Equal(after, b) {
				t.Errorf("opening changed the damaged database (%v)", err)
			}
		})
	}
}

func TestAFullDiskLosesNothing(t *testing.T) {
	directory := t.TempDir()
	s := openStore(t, directory)
	mustPut(t, s, "docs/a", "apple", 3)
	mustPut(t, s, "docs/b", "banana", 3)
	before := contents(t, s)

	var pages int
	if err := s.writer.conn.QueryRowContext(t.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) {
		t.Helper()
		if _, err := s.writer.conn.ExecContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(pages)
	for range 2 { // a failure does not spoil the next write
		err := putDocument(t.Context(), s, "docs/a", "cherry", 500)
		if !errors.Is(err, index.ErrFull) || !strings.Contains(err.Error(), directory) {
			t.Fatalf("got %v; want index.ErrFull with the directory", err)
		}
		if diff := cmp.Diff(before, contents(t, s)); diff != "" {
			t.Fatalf("a full disk changed the index:\n%s", diff)
		}
	}
	limit(1 << 20)
	mustPut(t, s, "docs/c", "cherry", 500)
	before = contents(t, s)
	closeStore(t, s)
	if diff := cmp.Diff(before, contents(t, openStore(t, directory))); diff != "" {
		t.Errorf("after reopening:\n%s", diff)
	}
}
