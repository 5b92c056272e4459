package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// ErrDamaged: the database cannot be read. It is never deleted here: the user does, and the next ingestion
// builds it anew.
var ErrDamaged = errors.New("the index database is damaged")

// applicationID marks a database as ours ("RAGP"); schemaVersion is raised with schema.
const (
	applicationID = 0x52414750
	schemaVersion = 1
)

// Vectors lie in a table of their own, so that texts lie densely.
const schema = `
CREATE TABLE generation (
	id          INTEGER PRIMARY KEY,
	pipeline    TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	record      TEXT NOT NULL,              -- config.Generation as JSON
	dimensions  INTEGER NOT NULL DEFAULT 0, -- of every vector; 0 until the first
	completed   INTEGER NOT NULL DEFAULT 0, -- Unix nanoseconds; 0 until complete once
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
	UNIQUE (generation, id)
);
CREATE TABLE vector (
	number INTEGER PRIMARY KEY REFERENCES chunk,
	vector BLOB NOT NULL                    -- little-endian float32, as the model gave it
);
CREATE INDEX document_failed ON document (generation, document) WHERE state = 'Failed';
`

// openDatabase opens index.db and makes its schema when it is new. The caller holds the directory's lock.
func openDatabase(directory string, pragmas ...string) (*sql.DB, error) {
	path, err := filepath.Abs(filepath.Join(directory, "index.db"))
	if err != nil {
		return nil, err
	}
	// auto_vacuum has to come before the first table is made.
	pragmas = append([]string{"auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", "synchronous(NORMAL)", "busy_timeout(5000)"}, pragmas...)
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return sql.Open("sqlite", dsn.String())
}

// migrate makes the schema in a new database and refuses one that this program does not know.
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
	case version > schemaVersion:
		return fmt.Errorf("index.db has schema %d and this version knows up to %d: use the newer version, "+
			"or delete the directory and it is built anew", version, schemaVersion)
	}
	return nil
}

// explain turns SQLite's codes into errors that say what to do.
func explain(err error, directory string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w in %s: free some and run again: %w", index.ErrFull, directory, err)
	}
	failure, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w in %s: free some and run again: %w", index.ErrFull, directory, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: delete %s and it is built anew by the next ingestion: %w", ErrDamaged, directory, err)
	}
	return err
}
