package dataplane

import (
	"archive/zip"
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestADocumentThatCannotBeReadIsNamedAndTheOthersAreAnsweredFrom(t *testing.T) {
	t.Parallel()
	page := pdftest.Page{Columns: []string{"# Tide\n\nThe tide is measured in metres."}}
	whole := pdftest.Document{Pages: []pdftest.Page{page}}.Bytes()
	documents := map[string]string{
		"good/wind.md":        wind,
		"good/tide.pdf":       string(whole),
		"good/rain.txt":       "La pluie de la journ\xe9e se mesure en millim\xe8tres.", // windows-1252, no UTF-8
		"good/broken.txt":     "Snow \xff\xfe\x80 is measured in centimetres.",          // nothing valid at all
		"bad/empty.pdf":       "",
		"bad/truncated.pdf":   string(whole[:len(whole)/4]),
		"bad/encrypted.pdf":   string(pdftest.Document{Pages: []pdftest.Page{page}, Password: "secret"}.Bytes()),
		"bad/scan.pdf":        string(pdftest.Document{Pages: []pdftest.Page{{Image: true}}}.Bytes()),
		"bad/bomb.docx":       bomb(t),
		"bad/program.bin":     "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00",
		"bad/misnamed.docx":   "PK\x03\x04 and then nothing that a zip would have",
		"bad/nothing.md":      "",
		"good/deep/er/sea.md": "# Sea\n\nThe sea is measured in fathoms.",
	}
	docs, data := directory(t, documents), withReader(t)
	ask := func(question, answer string) *process {
		p := run(t, "run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", docs, "--data", data, "--ask", question)
		contains(t, p.stdout.String(), answer)
		return p
	}
	p := ask("What is the tide measured in?", "docs/good/tide.pdf, page 1")
	p.ends(0, "5 of 13 documents in 5 chunks: 5 added, 8 failed; chunks: 5 embedded")
	for _, c := range []struct{ name, document, says string }{
		{"a zero-byte PDF", "bad/empty.pdf", "Malformed +the document is empty"},
		{"a truncated PDF", "bad/truncated.pdf", "Malformed +"},
		{"an encrypted PDF", "bad/encrypted.pdf", "Encrypted +.*password"},
		{"a PDF of images", "bad/scan.pdf", "NoTextLayer +.*OCR"},
		{"a zip bomb as DOCX", "bad/bomb.docx", "TooLarge +.*zip bomb"},
		{"a program", "bad/program.bin", "Unsupported +"},
		{"a DOCX that is none", "bad/misnamed.docx", "Malformed +"},
		{"an empty text", "bad/nothing.md", "Malformed +the document is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !regexp.MustCompile(`(?m)^failed +docs/` + regexp.QuoteMeta(c.document) + ` +` + c.says).MatchString(p.stderr.String()) {
				t.Errorf("no line says that it is %q:\n%s", c.says, p.stderr.String())
			}
		})
	}
	again := ask("En quoi se mesure la pluie de la journée?", "La pluie de la journée se mesure en millimètres. [1]")
	again.ends(0, "5 of 13 documents in 5 chunks: 5 unchanged, 8 failed\nfailed ", "docs/bad/scan.pdf")
	ask("What is snow measured in?", "is measured in centimetres. [1]").ends(0)
}

// bomb is a DOCX of some 100 KB that holds 100 MiB of text.
func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range []struct {
		name, before, after string
		repeat              int
	}{
		{"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`, "", 0},
		{"word/document.xml", `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>`, `</w:t></w:r></w:p></w:body></w:document>`, 100},
	} {
		w, err := z.Create(part.name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, part.before)
		for range part.repeat {
			io.WriteString(w, strings.Repeat("a", 1<<20))
		}
		io.WriteString(w, part.after)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestHostileDocumentOfHalfAGigabyteIsTooLargeInBoundedMemory(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"a.md": wind})
	writeText(t, filepath.Join(docs, "whole.txt"), 500<<20) // past the limit on a document's bytes
	writeText(t, filepath.Join(docs, "text.txt"), 80<<20)   // past the limit on its text
	p := start(t, []string{"run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", docs,
		"--ask", "What is wind measured in?"})
	p.staysSmall()
	p.ends(0, "1 of 3 documents in 1 chunk: 1 added, 2 failed",
		"docs/whole.txt  TooLarge  it has 524288000 bytes or more, the limit is 134217728; split it, or exclude it",
		"docs/text.txt   TooLarge  the document holds more than 67108864 bytes of text: split it")
	contains(t, p.stdout.String(), "Wind is measured in knots. [1]")
}

// Each of them would take gigabytes, or as much as all others together; the processes that read them bear that.
func TestHostileDocumentsFailAloneInBoundedMemory(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{
		"a.md":         wind,
		"columns.html": "<table><tr><td colspan=100000000>The rain<td>is measured in millimetres</table>",
		"tables.html":  strings.Repeat("<table><tr><td>", 50_000),
		"z.md":         "# Tide\n\nThe tide is measured in metres.",
	})
	writeText(t, filepath.Join(docs, "many-chunks.md"), 50<<20)
	writeText(t, filepath.Join(docs, "text.md"), 62<<20)
	writeLines(t, filepath.Join(docs, "commas.csv"), strings.Repeat(",", 1024), 120<<20)
	writeTable(t, filepath.Join(docs, "names.md"), 1000, 6000)
	p := start(t, []string{"run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", docs,
		"--ask", "What is the tide measured in?"})
	p.staysSmall()
	p.ends(0, "docs/commas.csv      TooLarge  ", "docs/many-chunks.md  TooLarge  ",
		"docs/names.md        TooLarge  ", "docs/text.md         TooLarge  ")
	contains(t, p.stdout.String(), "The tide is measured in metres. [1]")
}

// staysSmall waits for a run to end, and fails the test if the run itself took more memory than any document may cost
// it, or one of its workers more than its limit. With the race detector it says nothing: the detector's own memory comes
// on top.
func (p *process) staysSmall() {
	p.t.Helper()
	const mostOwn, mostOfAWorker = 300, 512 + 32 // MiB; a worker is looked at now and then
	own, worker := p.memory()
	p.t.Logf("%d MiB at most, workers %d MiB", own, worker)
	if !raceDetector() && (own > mostOwn || worker > mostOfAWorker) {
		p.t.Errorf("it took %d MiB of memory, and its workers up to %d MiB", own, worker)
	}
}

// writeTable writes a table of small cells below long names. Behind its name, each cell would be a chunk.
func writeTable(t *testing.T, path string, columns, rows int) {
	t.Helper()
	row := func(cell string) string { return strings.Repeat("|"+cell, columns) + "|\n" }
	table := row(strings.Repeat("n", 500)) + row("-") + strings.Repeat(row("1"), rows)
	write(t, path, table)
}

// writeText writes size bytes of prose.
func writeText(t *testing.T, path string, size int) {
	t.Helper()
	line := strings.Repeat("The whale is a mammal that lives in the sea. ", 24)
	writeLines(t, path, line[:1023]+"\n", size)
}

// writeLines writes size bytes of a line. It holds few of them: a process that is started counts what this one holds.
func writeLines(t *testing.T, path, line string, size int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	for range size / len(line) {
		w.WriteString(line)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFullDiskEndsTheRunAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	documents := map[string]string{}
	for letter := 'a'; letter <= 'z'; letter++ {
		name := string(letter)
		documents[name+".md"] = "# " + name + "\n\n" + strings.Repeat(name+" is a letter that stands in this place. ", 200)
	}
	documents["wind.md"] = wind
	args := []string{"run", "-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, documents), "--ask", "What is wind measured in?"}

	t.Run("a disk that gives an error", func(t *testing.T) {
		if _, err := exec.LookPath("sh"); err != nil {
			t.Skip("no sh, whose ulimit bounds a file's size")
		}
		data := t.TempDir()
		p := start(t, append(args, "--data", data), through("sh", "-c", `ulimit -f 400; exec "$0" "$@"`)).wait()
		p.ends(1, "of 27 documents in", "the index did not take docs/", "check its space")
		run(t, append(args, "--data", data)...).ends(0, "27 documents in ", "unchanged; chunks: ")
	})
	t.Run("a disk without room", func(t *testing.T) {
		const mount = `mount -t tmpfs -o size=600k tmpfs "$0"`
		data := t.TempDir()
		if err := exec.Command("unshare", "-rm", "sh", "-c", mount, data).Run(); err != nil {
			t.Skipf("no small disk can be made here: %v", err)
		}
		p := start(t, append(args, "--data", data), through("unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=600k tmpfs `+data+` && exec "$0" "$@"`)).wait()
		p.ends(1, "of 27 documents in", "no space left for the index in "+data+": make room and run again")
	})
}

// A browser saves what a source holds, and neither guesses its type nor runs it. Where the source no longer has
// what was indexed, the caller gets the text, and is told.
func TestTheContentOfADocumentIsItsBytesOrItsMarkedText(t *testing.T) {
	t.Parallel()
	const page = "<!doctype html><title>Wind</title><script>alert(1)</script><p>Wind is measured in knots.</p>\r\n"
	docs := directory(t, map[string]string{"a/wind page.html": page, "tide.md": tide, "sea.md": "The sea is measured in fathoms."})
	_, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", docs})
	if err := os.Remove(filepath.Join(docs, "tide.md")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(docs, "sea.md"), "Another version than the one that was indexed.")
	for _, tc := range []struct{ document, form, kind, disposition, body string }{
		{"a/wind%20page.html", "original", "application/octet-stream", `attachment; filename="wind page.html"`, page},
		{"tide.md", "extracted", "text/plain; charset=utf-8", "attachment; filename=tide.md.txt", strings.TrimSpace(tide)},
		{"sea.md", "extracted", "text/plain; charset=utf-8", "attachment; filename=sea.md.txt", "The sea is measured in fathoms."},
	} {
		got := c.get("/v1/documents/docs/" + tc.document + "/content")
		if got.status != http.StatusOK || got.body != tc.body {
			t.Errorf("%s: status %d, content %q, want %q", tc.document, got.status, got.body, tc.body)
		}
		for header, want := range map[string]string{
			"X-Document-Content": tc.form, "Content-Type": tc.kind, "Content-Disposition": tc.disposition,
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
		} {
			if value := got.header.Get(header); value != want {
				t.Errorf("%s: %s is %q, want %q", tc.document, header, value, want)
			}
		}
	}
	c.get("/v1/documents/docs/rain.md/content").want(t, http.StatusNotFound, "UnknownDocument")
}

// through starts the binary by another program, which gets it and its arguments.
func through(program ...string) with {
	return func(c *exec.Cmd) {
		path, err := exec.LookPath(program[0])
		if err != nil {
			c.Err = err
			return
		}
		c.Args = append(append([]string{}, program...), append([]string{c.Path}, c.Args[1:]...)...)
		c.Path = path
	}
}
