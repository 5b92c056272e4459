package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Found is a generation in a database, and what it holds.
type Found struct {
	Generation config.Generation
	Stats      index.Stats
	// Replaced reports whether another one was completed in its place.
	Replaced bool
}

// Inspect lists the generations that the directory holds of the pipeline, the one that was completed last at the end.
// It takes no lock and changes nothing, so another process may have the index open. A directory without an index has
// none.
func Inspect(ctx context.Context, directory string, p config.Pipeline) ([]Found, error) {
	if _, err := os.Stat(databasePath(directory)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	found, err := inspect(ctx, directory, p)
	if err != nil {
		return nil, fmt.Errorf("read the index: %w", explain(err, directory))
	}
	return found, nil
}

func inspect(ctx context.Context, directory string, p config.Pipeline) ([]Found, error) {
	db, err := openDatabase(directory, "query_only(1)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return nil, err
	}
	if version != schemaVersion {
		return nil, fmt.Errorf("index.db has schema %d and this version reads %d: `ragpipeline run` brings an older one "+
			"up to date", version, schemaVersion)
	}
	rows, err := db.QueryContext(ctx, `SELECT record, dimensions, completed, replaced > 0, measured,
		(SELECT count(*) FROM document WHERE document.generation = generation.id AND state = 'Indexed'),
		(SELECT count(*) FROM chunk WHERE chunk.generation = generation.id)
		FROM generation WHERE pipeline = ? ORDER BY completed, id`, p.String())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Found
	for rows.Next() {
		var f Found
		var record, measured string
		var completed int64
		err := rows.Scan(&record, &f.Stats.Dimensions, &completed, &f.Replaced, &measured, &f.Stats.Documents,
			&f.Stats.Chunks)
		if err == nil {
			err = json.Unmarshal([]byte(record), &f.Generation)
		}
		if err == nil && measured != "" {
			err = json.Unmarshal([]byte(measured), &f.Stats.Measured)
		}
		if err != nil {
			return nil, err
		}
		f.Stats.Completed = instant(completed)
		all = append(all, f)
	}
	return all, rows.Err()
}
