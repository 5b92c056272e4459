package git

import "io"

// ReadPack reads a pack as a fetch does.
func ReadPack(r io.Reader, limits Limits) error {
	p, err := newPack(r, limits)
	if err != nil {
		return err
	}
	return p.Close()
}
