package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// ErrDamaged means that the database cannot be read. The package never deletes it: that is left to
// the user.
var ErrDamaged = errors.New("the index database is damaged")

// applicationID marks a database as ours ("RAGP"); schemaVersion must be raised when schema
// changes.
const (
	applicationID = 0x52414750
	schemaVersion = 13
)

// Vectors have a table of their own, so that a scan of the texts does not read them.
const schema = `
CREATE TABLE generation (
	id          INTEGER PRIMARY KEY,
	pipeline    TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	record      TEXT NOT NULL,              -- config.Generation as JSON
	dimensions  INTEGER NOT NULL DEFAULT 0, -- of every vector; 0 until the first
	completed   INTEGER NOT NULL DEFAULT 0, -- Unix nanoseconds; 0 until complete once
	losses      TEXT NOT NULL DEFAULT '',   -- config.Losses as JSON, as of completed
	measured    TEXT NOT NULL DEFAULT '',   -- index.Measured as JSON
	replaced    INTEGER NOT NULL DEFAULT 0, -- Unix nanoseconds; 0 unless another one was completed in its place
	sum         INTEGER NOT NULL DEFAULT 0, -- generationSum
	UNIQUE (pipeline, fingerprint)
);
CREATE TABLE document (
	generation INTEGER NOT NULL REFERENCES generation,
	document   TEXT NOT NULL,
	source     TEXT NOT NULL,
	hash       TEXT NOT NULL,
	attributes TEXT NOT NULL,
	title      TEXT NOT NULL,
	chunks     INTEGER NOT NULL,
	truncated  INTEGER NOT NULL,
	state      TEXT NOT NULL,
	reason     TEXT NOT NULL,
	message    TEXT NOT NULL,
	updated    INTEGER NOT NULL,            -- Unix nanoseconds
	warnings   TEXT NOT NULL DEFAULT '',    -- config.Warnings as JSON; empty when there are none
	readers    TEXT NOT NULL DEFAULT '',    -- config.Readers; empty when unknown
	version    TEXT NOT NULL DEFAULT '',    -- the source's; empty when it has none
	attempts   INTEGER NOT NULL DEFAULT 0,  -- runs in which this version failed
	metadata   TEXT NOT NULL DEFAULT '',    -- JSON object; empty when there is none, or it is unknown
	sum        INTEGER NOT NULL DEFAULT 0,  -- documentSum
	PRIMARY KEY (generation, document)
) WITHOUT ROWID;
CREATE TABLE chunk (
	number     INTEGER PRIMARY KEY,
	generation INTEGER NOT NULL REFERENCES generation,
	id         TEXT NOT NULL,
	document   TEXT NOT NULL,
	source     TEXT NOT NULL,
	title      TEXT NOT NULL,
	heading    TEXT NOT NULL,
	text       TEXT NOT NULL,
	page       INTEGER NOT NULL,
	start      INTEGER NOT NULL,
	"end"      INTEGER NOT NULL,
	metadata   TEXT NOT NULL,               -- JSON object; empty when there is none
	terms      TEXT NOT NULL,               -- index.Analyse of the embedded text, joined by spaces
	loaded     INTEGER NOT NULL DEFAULT 0,  -- loadedSum
	shown      INTEGER NOT NULL DEFAULT 0,  -- shownSum
	layout     TEXT NOT NULL DEFAULT '',    -- index.Layout as JSON; empty when nothing is known
	UNIQUE (generation, id)
);
CREATE TABLE vector (
	number INTEGER PRIMARY KEY REFERENCES chunk,
	vector BLOB NOT NULL,                   -- little-endian float32, as the model gave it
	sum    INTEGER NOT NULL DEFAULT 0       -- vectorSum
);
CREATE TABLE staged (
	number INTEGER PRIMARY KEY REFERENCES vector -- of a vector whose chunk is not yet written
);
CREATE INDEX document_failed ON document (generation, document) WHERE state = 'Failed';
`

// openDatabase opens index.db with the pragmas. The caller holds the directory's lock.
func openDatabase(directory string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(databasePath(directory))
	if err != nil {
		return nil, err
	}
	pragmas = append(pragmas, "busy_timeout(5000)")
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return sql.Open("sqlite", dsn.String())
}

func databasePath(directory string) string { return filepath.Join(directory, "index.db") }

// firstVersion is the oldest schema that is brought up to date. changes are what each schema after it has that the one
// before has not.
const firstVersion = 2

var changes = []string{
	`ALTER TABLE document ADD COLUMN warnings TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE generation ADD COLUMN losses TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE document ADD COLUMN readers TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE document ADD COLUMN version TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE generation ADD COLUMN measured TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE document ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE document ADD COLUMN metadata TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE generation ADD COLUMN sum INTEGER NOT NULL DEFAULT 0; UPDATE generation SET sum = ` + generationSum + `;
	ALTER TABLE document ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE chunk ADD COLUMN loaded INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE chunk ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
	UPDATE chunk SET loaded = ` + loadedSum + `;
	ALTER TABLE vector ADD COLUMN sum INTEGER NOT NULL DEFAULT 0; UPDATE vector SET sum = ` + vectorSum + ``,
	`ALTER TABLE chunk ADD COLUMN layout TEXT NOT NULL DEFAULT ''; UPDATE chunk SET shown = ` + shownSum + ``,
	`ALTER TABLE generation ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0`,
	`UPDATE document SET sum = ` + strings.Replace(documentSum, "?, ?", "pipeline, fingerprint", 1) + `
	FROM generation WHERE generation.id = generation`,
}

// migrate creates the schema in a new database, brings an older one up to date, and refuses one that this program does
// not know.
func migrate(ctx context.Context, db *sql.DB) error {
	var application, version, tables int
	err := db.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).
		Scan(&application, &version, &tables)
	switch {
	case err != nil:
		return err
	case tables == 0:
		_, err = db.ExecContext(ctx, fmt.Sprintf("BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d; %s COMMIT",
			applicationID, schemaVersion, schema))
		return err
	case application != applicationID:
		return errors.New("index.db is another program's database: choose another directory")
	case version >= firstVersion && version < schemaVersion:
		_, err = db.ExecContext(ctx, fmt.Sprintf("BEGIN; PRAGMA user_version = %d; %s; COMMIT",
			schemaVersion, strings.Join(changes[version-firstVersion:], "; ")))
		return err
	case version != schemaVersion:
		return fmt.Errorf("index.db has schema %d and this version reads %d: use the version that created it, "+
			"or delete the directory and the next ingestion rebuilds it", version, schemaVersion)
	}
	return nil
}

// explain turns SQLite's codes into errors that name the remedy.
func explain(err error, directory string) error {
	var code int
	if failure, ok := errors.AsType[*sqlite.Error](err); ok {
		code = failure.Code() & 0xff // the upper bits say where it failed
	}
	switch {
	case code == sqlite3.SQLITE_FULL, errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w in %s: make room and run again: %w", index.ErrFull, directory, err)
	case code == sqlite3.SQLITE_IOERR:
		return fmt.Errorf("the disk of %s failed: check its space, quota and health, and run again: %w", directory, err)
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN, code == sqlite3.SQLITE_PERM:
		return unusable(directory, err)
	case code == sqlite3.SQLITE_CORRUPT, code == sqlite3.SQLITE_NOTADB, code == sqlite3.SQLITE_ERROR, isOfWrongType(err):
		// SQLITE_ERROR means a schema that the statements do not fit, or values that a function does not take. Both are
		// of this program's own making.
		return fmt.Errorf("%w: delete %s and the next ingestion rebuilds it: %w", ErrDamaged, directory, err)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w: delete %s and the next ingestion rebuilds it", err, directory)
	}
	return err
}

// isOfWrongType reports whether a column had a value of another type than it is written with. The error of database/sql
// has no type of its own.
func isOfWrongType(err error) bool {
	return err != nil && strings.Contains(err.Error(), "sql: Scan error")
}

// unusable is the error of a directory that this process may not use as it must.
func unusable(directory string, err error) error {
	return fmt.Errorf("%s must be a directory whose files this user may read and write; correct it, or choose another: %w",
		directory, err)
}

// lock locks the directory for this process, until the file is closed or the process ends, however
// it ends.
func lock(directory string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(directory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the index: %w", unusable(directory, err))
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: %s: stop that process, or choose another directory", index.ErrLocked, directory)
	}
	return nil, fmt.Errorf("lock index directory %s: %w", directory, err)
}
