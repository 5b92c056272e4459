package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// writer makes text, the same for the same seed, whose words are as rare as those of a natural
// language: a few make up half of it, most occur now and then. Keyword search pays for how many
// chunks hold a question's words, so that matters.
type writer struct {
	random *rand.Rand
	zipf   *rand.Zipf
}

func newWriter(seed uint64) *writer {
	random := rand.New(rand.NewPCG(seed, seed))
	return &writer{random, rand.NewZipf(random, 1.07, 3, 30_000)}
}

// vocabulary holds the most frequent words, most frequent first; the rarer ones have no spelling
// but a number. Those of the question stand at its end, where about one chunk in eight has each.
var vocabulary = strings.Fields(`the of and to in a is that for it as was with be by on not he this are or his from at
	which but have an had they you were their one all we can her has there been if more when will would who so no out
	up into than them then some could time these two may first do any my now such like our over me even most made after
	also did many where before must through back years well down should because each just those people too little good
	very make world still own see men work long here get both between life being under never day same another know year
	while last might great old since against go came right used take three – naïve “quoted”
	total revenue segment quarter`)

func (w *writer) word() string {
	n := int(w.zipf.Uint64())
	if n < len(vocabulary) {
		return vocabulary[n]
	}
	return fmt.Sprintf("%c%s%d", 'a'+n%26, vocabulary[n%100], n)
}

func (w *writer) words(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = w.word()
	}
	return strings.Join(words, " ")
}

// sentences makes text of just under that many bytes.
func (w *writer) sentences(size int) string {
	var b strings.Builder
	for {
		sentence := w.words(8+w.random.IntN(12)) + ". "
		if b.Len()+len(sentence) > size {
			break
		}
		b.WriteString(sentence)
	}
	return strings.TrimSpace(b.String())
}

// prose makes paragraphs of 30 to 119 words with a blank line between them.
func prose(size int) string {
	w := newWriter(2)
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(w.words(30+w.random.IntN(90)) + "\n\n")
	}
	return strings.TrimSpace(b.String())
}

// paragraph makes words with a space between them, and no other separator.
func paragraph(size int) string {
	w := newWriter(3)
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(w.words(100) + " ")
	}
	return strings.TrimSpace(b.String())
}

// question is what is asked: each is another, and all have the same words in common.
func question(n int) string {
	return fmt.Sprintf("What was the total revenue of segment %d in the quarter?", n)
}

// chunkDocuments writes documents of one chunk of almost 800 characters each, once, and returns
// their directory.
func (b *bench) chunkDocuments(chunks int) (string, error) {
	return b.documents(fmt.Sprintf("documents-%d", chunks), chunks, 790)
}

// documents writes text files of that size, once, and returns their directory.
func (b *bench) documents(name string, count, size int) (string, error) {
	dir := b.path(name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	w := newWriter(1)
	for i := range count {
		folder := filepath.Join(dir, fmt.Sprintf("%03d", i/100))
		if i%100 == 0 {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return "", err
			}
		}
		text := w.sentences(size)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.txt", i)), []byte(text+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// pdfDirectory is the directory of PDFs that was given, or one of five generated ones of 50 pages
// in two columns.
func (b *bench) pdfDirectory() (string, error) {
	if b.pdfs != "" {
		return b.pdfs, nil
	}
	dir := b.path("pdfs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	w := newWriter(4)
	for i := range 5 {
		d := pdftest.Document{Title: fmt.Sprintf("Report %d", i+1)}
		for n := range 50 {
			left := fmt.Sprintf("# Section %d\n%s", n+1, ascii(w.sentences(2200)))
			d.Pages = append(d.Pages, pdftest.Page{Columns: []string{left, ascii(w.sentences(2400))}})
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("report-%d.pdf", i+1)), d.Bytes(), 0o600); err != nil {
			return "", err
		}
	}
	b.pdfs = dir
	return dir, nil
}

// ascii drops what the writer of PDFs has no character for.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 126 {
			return -1
		}
		return r
	}, s)
}
