package local

import (
	"context"
	"database/sql"
	"errors"
	"os"
)

// writer is the only connection that writes, with its statements prepared.
type writer struct {
	db   *sql.DB
	conn *sql.Conn

	prepared []*sql.Stmt // holds all of the following

	begin, commit, rollback                  *sql.Stmt
	insertChunk, updateChunk                 *sql.Stmt
	insertVector, updateVector               *sql.Stmt
	deleteChunk, deleteVector                *sql.Stmt
	putDocument, deleteDocument              *sql.Stmt
	setDimensions, setCompleted, setMeasured *sql.Stmt
	stage, unstage                           *sql.Stmt
	readVector, deleteUnused                 *sql.Stmt
}

func openWriter(ctx context.Context, directory string) (*writer, error) {
	pragmas := []string{"journal_mode(WAL)", "synchronous(NORMAL)"}
	if info, err := os.Stat(databasePath(directory)); err != nil || info.Size() == 0 {
		// This pragma must come before anything is written, and would itself write to an existing
		// database.
		pragmas = append([]string{"auto_vacuum(INCREMENTAL)"}, pragmas...)
	}
	db, err := openDatabase(directory, pragmas...)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db}
	if err := w.open(ctx); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *writer) open(ctx context.Context) error {
	if err := migrate(ctx, w.db); err != nil {
		return err
	}
	return w.prepare(ctx)
}

func (w *writer) prepare(ctx context.Context) (err error) {
	if w.conn, err = w.db.Conn(ctx); err != nil {
		return err
	}
	for _, s := range []struct {
		statement **sql.Stmt
		query     string
	}{
		{&w.begin, `BEGIN IMMEDIATE`},
		{&w.commit, `COMMIT`},
		{&w.rollback, `ROLLBACK`},
		{&w.insertChunk, `INSERT INTO chunk
			(number, generation, id, document, source, title, heading, text, page, start, "end", metadata, terms,
			layout, loaded, shown) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
			checksum(?1, ?2, ?3, ?4, ?5, ?8, ?12, ?13), checksum(?1, ?6, ?7, ?8, ?9, ?10, ?11, ?14))`},
		{&w.updateChunk, `UPDATE chunk SET source = ?1, title = ?2, heading = ?3, text = ?4,
			page = ?5, start = ?6, "end" = ?7, metadata = ?8, terms = ?9, layout = ?11,
			loaded = checksum(number, generation, id, document, ?1, ?4, ?8, ?9),
			shown = checksum(number, ?2, ?3, ?4, ?5, ?6, ?7, ?11) WHERE number = ?10`},
		{&w.insertVector, `INSERT INTO vector (number, vector, sum) VALUES (?1, ?2, checksum(?1, ?2))`},
		{&w.updateVector, `UPDATE vector SET vector = ?1, sum = checksum(number, ?1) WHERE number = ?2`},
		{&w.deleteChunk, `DELETE FROM chunk WHERE number = ?`},
		{&w.deleteVector, `DELETE FROM vector WHERE number = ?`},
		{&w.putDocument, `INSERT OR REPLACE INTO document
			(generation, document, source, hash, attributes, title, chunks, truncated, state, reason, message, updated,
			warnings, readers, version, attempts, metadata, sum)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
			checksum(?18, ?19, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17))`},
		{&w.deleteDocument, `DELETE FROM document WHERE generation = ? AND document = ?`},
		{&w.setDimensions, `UPDATE generation SET dimensions = ?1,
			sum = checksum(pipeline, fingerprint, record, ?1, completed, losses, measured) WHERE id = ?2`},
		{&w.setCompleted, `UPDATE generation SET completed = ?1, losses = ?2, replaced = 0,
			sum = checksum(pipeline, fingerprint, record, dimensions, ?1, ?2, measured) WHERE id = ?3`},
		{&w.setMeasured, `UPDATE generation SET measured = ?1,
			sum = checksum(pipeline, fingerprint, record, dimensions, completed, losses, ?1) WHERE id = ?2`},
		{&w.stage, `INSERT INTO staged (number) VALUES (?)`},
		{&w.unstage, `DELETE FROM staged WHERE number = ?`},
		{&w.deleteUnused, `DELETE FROM vector WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM chunk WHERE number = ?1)`},
		{&w.readVector, `SELECT vector, sum FROM vector WHERE number = ?`},
	} {
		*s.statement, err = w.conn.PrepareContext(ctx, s.query) //nolint:sqlclosecheck // close does, through prepared
		if err != nil {
			return err
		}
		w.prepared = append(w.prepared, *s.statement)
	}
	return nil
}

// transaction runs do in one transaction and rolls it back when do or the commit fails.
func (w *writer) transaction(do func() error) error {
	if _, err := w.begin.Exec(); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = w.commit.Exec()
	}
	if err != nil {
		_, _ = w.rollback.Exec() // fails where SQLite has already rolled back, as it may on a full disk
	}
	return err
}

// one runs a statement that must change one row, of which the ranking knows. In a damaged database, a search for a row
// may miss it.
func (w *writer) one(statement *sql.Stmt, args ...any) error {
	result, err := statement.Exec(args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return missing("a row to write")
}

// close closes the statements first: until then SQLite keeps the connection and its locks.
func (w *writer) close() error {
	var errs []error
	for _, statement := range w.prepared {
		errs = append(errs, statement.Close())
	}
	if w.conn != nil {
		errs = append(errs, w.conn.Close())
	}
	return errors.Join(append(errs, w.db.Close())...)
}
