package office

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

func TestUnpackingIsBoundedWhateverTheArchiveDeclares(t *testing.T) {
	var empty bytes.Buffer
	if err := zip.NewWriter(&empty).Close(); err != nil {
		t.Fatal(err)
	}
	pack, err := openArchive(t.Context(), document.Source{Data: empty.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	*pack.unpacked = MaxUnpacked
	r := &partReader{archive: pack, file: &zip.File{}, r: io.NopCloser(strings.NewReader("more"))}
	_, err = io.ReadAll(r)
	if reason, _ := config.ReasonOf(err); reason != config.TooLarge {
		t.Errorf("got %v", err)
	}
}
