package local

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unsafe"

	"modernc.org/sqlite"
)

// SQLite does not notice bytes that change on the disk, unless they happen to be its own. So every row has
// a checksum of its values, which its writer computes in SQL, and a reader compares:
//
//   - of a chunk two, one of what ranking loads and one of what an answer shows,
//   - one each of a vector, a ledger row and a generation, without the time when it was replaced: at worst, it is
//     deleted too early or too late.
//
// A ledger row's begins with its pipeline and fingerprint: another pipeline's database, copied over this one while it
// is open, has the same numbers of generations, and its names are not for the callers of this one.
//
// The expressions take their columns from one place, or parameters in their stead.
const (
	documentSum = `checksum(?, ?, generation, document, source, hash, attributes, title, chunks, truncated, state, reason,
		message, updated, warnings, readers, version, attempts, metadata)`
	generationSum = `checksum(pipeline, fingerprint, record, dimensions, completed, losses, measured)`
	loadedSum     = `checksum(number, generation, id, document, source, text, metadata, terms)`
	shownSum      = `checksum(number, title, heading, text, page, start, "end", layout)`
	vectorSum     = `checksum(number, vector)`
)

func init() {
	sqlite.MustRegisterDeterministicScalarFunction("checksum", -1,
		func(_ *sqlite.FunctionContext, values []driver.Value) (driver.Value, error) {
			var s sum
			for _, v := range values {
				switch v := v.(type) {
				case int64:
					s = s.integer(v)
				case string:
					s = s.text(v)
				case []byte:
					s = s.bytes(v)
				default:
					return nil, fmt.Errorf("checksum of a %T", v)
				}
			}
			return int64(s), nil
		})
}

// sum is the CRC-32C of values in their order, each with its length, so that no value can borrow from the
// next. Text and bytes are the same.
type sum uint32

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (s sum) bytes(b []byte) sum {
	return sum(crc32.Update(uint32(s.integer(int64(len(b)))), castagnoli, b))
}

func (s sum) text(t string) sum { return s.bytes(unsafe.Slice(unsafe.StringData(t), len(t))) }

func (s sum) integer(n int64) sum {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	return sum(crc32.Update(uint32(s), castagnoli, b[:]))
}

// checkTable finds rows that are lost, out of their order, or found by one way and not by another, which no checksum
// of a row shows. It is meant for the small tables.
func (s *Store) checkTable(ctx context.Context, name string) error {
	var result string
	if err := s.reader.QueryRowContext(ctx, `PRAGMA integrity_check(`+name+`)`).Scan(&result); err != nil {
		return err
	}
	if result != "ok" {
		return fmt.Errorf("%w: the table %s: %s", ErrDamaged, name, strings.ReplaceAll(result, "\n", " "))
	}
	return nil
}

// checkLedger compares the ledger with the chunks that were loaded, and with its own index.
func (s *Store) checkLedger(ctx context.Context) error {
	if err := s.checkTable(ctx, "document"); err != nil {
		return err
	}
	var chunks, failed, found int
	if err := s.reader.QueryRowContext(ctx, `SELECT coalesce(sum(chunks), 0), coalesce(sum(+state = 'Failed'), 0),
		(SELECT count(*) FROM document WHERE generation = ?1 AND state = 'Failed') FROM document WHERE generation = ?1`,
		s.generation).Scan(&chunks, &failed, &found); err != nil {
		return err
	}
	if chunks != s.ranking.chunks() || failed != found {
		return fmt.Errorf("%w: the ledger has %d chunks and %d failed documents, of which %d and %d were found",
			ErrDamaged, chunks, failed, s.ranking.chunks(), found)
	}
	return nil
}

// altered is the error of a row whose values are not those that were written.
func altered(row string) error {
	return fmt.Errorf("%w: %s is not what was written", ErrDamaged, row)
}

// missing is the error of a row that is in the ranking, and that the database does not find.
func missing(row string) error { return fmt.Errorf("%w: %s is not found", ErrDamaged, row) }
