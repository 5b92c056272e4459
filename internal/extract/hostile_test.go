package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
)

// hostile is a document that asks for far more than its size.
type hostile struct {
	name string
	file string
	n    int // how often what is hostile is repeated
	make func(tb testing.TB, n int) []byte
	want config.Reason // empty where the document is read
	says string
}

// addHostile adds the hostile documents of some kinds, made small, to the seeds of a fuzz target.
func addHostile(f *testing.F, extensions ...string) {
	for _, h := range slices.Concat(hostileTexts, hostileOffice) {
		if slices.Contains(extensions, path.Ext(h.file)) {
			f.Add(h.make(f, min(h.n, 20)))
		}
	}
}

const (
	// maxResident is how much memory a process may take that reads one hostile document.
	maxResident = 300 << 20
	// hostileEnv names the document that a child of the test reads.
	hostileEnv = "EXTRACT_HOSTILE_DOCUMENT"
)

// TestHostileDocumentsAreBounded reads each document in a process of its own: its memory is that of one document, and
// a reader that does not end is killed.
func TestHostileDocumentsAreBounded(t *testing.T) {
	if isRace() {
		t.Skip("the race detector takes memory of its own, and these documents are read by one goroutine")
	}
	name := os.Getenv(hostileEnv)
	for _, h := range slices.Concat(hostileTexts, hostileOffice) {
		switch name {
		case "":
			t.Run(h.name, h.inAProcess)
		case h.name:
			h.read(t)
		}
	}
}

func (h hostile) inAProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHostileDocumentsAreBounded$")
	child.Env = append(os.Environ(), hostileEnv+"="+h.name, "GOMEMLIMIT=200MiB")
	out, err := child.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatal("the reader does not end")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out[:min(len(out), 2000)])
	}
	usage, ok := child.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || runtime.GOOS != "linux" {
		return
	}
	if resident := usage.Maxrss << 10; resident > maxResident {
		t.Errorf("the reader took %d MiB", resident>>20)
	}
	t.Logf("%s, %d MiB", child.ProcessState.UserTime(), usage.Maxrss>>10)
}

func (h hostile) read(t *testing.T) {
	d, err := shared.Extract(t.Context(), h.file, h.make(t, h.n))
	if err == nil && h.want == "" {
		checkDocument(t, d)
		return
	}
	wantReason(t, err, h.want, h.says)
}

// isRace reports whether the race detector, which takes memory of its own, is on.
func isRace() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// asText makes a document of a text.
func asText(of func(n int) string) func(testing.TB, int) []byte {
	return func(_ testing.TB, n int) []byte { return []byte(of(n)) }
}

// asPage makes a page of its body.
func asPage(of func(n int) string) func(testing.TB, int) []byte {
	return asText(func(n int) string { return "<html><body>" + of(n) })
}

// times repeats a text; numbered repeats one with a number in it.
func times(n int, s string) string { return strings.Repeat(s, n) }

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

func nested(n int, opening, inner, closing string) string {
	return times(n, opening) + inner + times(n, closing)
}

// packed is an archive of parts that are not compressed: one that packs too well passes for a bomb.
func packed(tb testing.TB, parts ...map[string]string) []byte {
	tb.Helper()
	all := map[string]string{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, all[name])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// longText is a text in lines, of 1.6 MB for any n but the small ones of seeds.
func longText(n int) string {
	return times(min(n*n/3, 40_000), "Some words of a long text that goes on.\n")
}

func TestWhatADocumentHoldsUnpacksWithinItsBounds(t *testing.T) {
	parts := docxParts(para(words("Kept.")) + `<w:altChunk r:id="rId1"/>`)
	parts["word/document.xml"] = strings.Replace(parts["word/document.xml"], "<w:document ", `<w:document xmlns:r="r" `, 1)
	parts["word/_rels/document.xml.rels"] = relationshipsOf("aFChunk", "e.docx")
	parts["word/e.docx"] = string(docxOf(t, para(words(noise(100_000)))))
	data := zipOf(t, parts)
	unpacked := int64(0)
	whole, err := shared.read(t.Context(), shared.source(t.Context(), "a.docx", data, map[string]bool{}, &unpacked, 0))
	if err != nil || len(textOfFirst(whole)) < 100_000 {
		t.Fatalf("got %v", err)
	}
	unpacked = office.MaxUnpacked - unpacked/2
	cut, err := shared.read(t.Context(), shared.source(t.Context(), "a.docx", data, map[string]bool{}, &unpacked, 0))
	if err != nil || textOfFirst(cut) != "Kept." || len(cut.Warnings) != 1 || cut.Warnings[0].Reason != config.PartsIgnored {
		t.Errorf("got %v, %v", cut, err)
	}
}
