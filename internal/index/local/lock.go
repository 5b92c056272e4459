package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// lock takes the directory for this process, until the file is closed or the process ends, however it ends.
func lock(directory string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(directory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock index directory: %w", err)
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
