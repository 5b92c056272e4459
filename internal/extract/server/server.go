// Package server reads documents through an extraction server: an Apache Tika or a Docling. It stands in front of the
// built-in readers, and asks the server for what they cannot read: scans, formats of old, a thousand others.
package server

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Reader is the built-in readers.
type Reader interface {
	Extract(ctx context.Context, name string, data []byte) (*extract.Document, error)
}

// Options describe the server and what it is asked for.
type Options struct {
	Config config.Extraction
	Key    model.Key // nil sends none
	// Builtin reads the documents that the server is not asked for, and the server's replies, which are as foreign as
	// any document.
	Builtin   Reader
	Transport model.Transport
	// Timeout bounds one attempt at one document; 0 means 15 minutes, in which some hundred scanned pages are read.
	Timeout time.Duration
	// MaxText bounds the text of a document in bytes; 0 means 64 MiB.
	MaxText int64
	Log     *slog.Logger // may be nil
}

// Extractor reads documents, some of them through the server. It is safe for use by several goroutines.
type Extractor struct {
	Options
	protocol protocol
	caller   *model.Caller
	// down reports whether the last document found the server unusable after all attempts. Until one succeeds, the
	// others are tried once: a run does not wait a minute for each of ten thousand scans.
	down  atomic.Bool
	slots chan struct{} // one token for each document that is at the server
}

// protocol is what differs between the servers.
type protocol interface {
	// url is where documents go; base is the configured one.
	url(base string) string
	// keyHeader takes the API key; empty means Authorization, with a bearer token.
	keyHeader() string
	// request asks for a document; scanned reports whether its pages are images under little or no text.
	request(name string, data []byte, scanned bool) (model.Request, error)
	// refuses reports whether err concerns the document, and not the server or all requests to it.
	refuses(err *model.Error) bool
	// read takes the reply apart. Its error is a *config.DocumentError if the server could not read the document, and
	// otherwise means that the reply violates the protocol.
	read(reply []byte) (*reading, error)
}

// reading is a document as the server read it.
type reading struct {
	title    string
	pages    []page
	warnings config.Warnings
}

// page is a page in HTML; number is 0 if the format has no pages.
type page struct {
	number int
	html   string
}

// New makes an Extractor. It connects to nothing.
func New(o Options) (*Extractor, error) {
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Minute
	}
	if o.MaxText <= 0 {
		o.MaxText = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Extractor{Options: o, slots: make(chan struct{}, InFlight)}
	server := o.Config.Server
	switch server.Protocol {
	case config.Tika:
		e.protocol = tika{}
	case config.Docling:
		e.protocol = docling{}
	default:
		return nil, fmt.Errorf("extraction.server.protocol %q is not known: use Tika or Docling", server.Protocol)
	}
	e.caller = model.NewCaller(model.CallerOptions{
		Stage:     config.StageExtraction,
		Name:      string(server.Protocol),
		URL:       e.protocol.url(strings.TrimRight(server.URL, "/")),
		Key:       o.Key,
		KeyHeader: e.protocol.keyHeader(),
		Transport: o.Transport,
	})
	return e, nil
}

// Extract reads data as the built-in readers do, or through the server where the config wants it. A failure of the
// document itself is a *config.DocumentError; an ended ctx is ctx's error.
func (e *Extractor) Extract(ctx context.Context, name string, data []byte) (*extract.Document, error) {
	if len(data) == 0 || !e.admits(name) {
		return e.Builtin.Extract(ctx, name, data)
	}
	if e.Config.Use == config.Always {
		return e.instead(ctx, name, data, nil)
	}
	d, err := e.Builtin.Extract(ctx, name, data)
	if err != nil {
		if reason, own := config.ReasonOf(err); own && beyond[reason] {
			return e.instead(ctx, name, data, err)
		}
		return nil, err
	}
	if wanted := withoutText(d); len(wanted) > 0 {
		return e.complete(ctx, name, data, d, wanted)
	}
	return d, nil
}

// InFlight is how many documents the server reads at once, and how many documents of a batch are read at once. A
// process that waits for the server does no work, and so may wait for more than it has cores.
const InFlight = 4

// ExtractAll reads several documents at once, and returns them in their order. No document is begun before the one that
// stands InFlight places ahead of it was taken.
func (e *Extractor) ExtractAll(ctx context.Context, documents []extract.Input) iter.Seq2[*extract.Document, error] {
	return func(yield func(*extract.Document, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var reading sync.WaitGroup
		defer reading.Wait()
		defer cancel()
		answers := make([]chan answer, len(documents))
		begin := func(i int) {
			answers[i] = make(chan answer, 1)
			reading.Go(func() {
				d, err := e.Extract(ctx, documents[i].Name, documents[i].Data)
				answers[i] <- answer{d, err}
			})
		}
		for i := range min(InFlight, len(documents)) {
			begin(i)
		}
		for i := range documents {
			next := <-answers[i]
			if !yield(next.document, next.err) {
				return
			}
			if i+InFlight < len(documents) {
				begin(i + InFlight)
			}
		}
	}
}

// answer is what came of a document.
type answer struct {
	document *extract.Document
	err      error
}

// beyond are the failures of the built-in readers that a server may not share. Encrypted is one of them because some
// protected documents open without a password.
var beyond = map[config.Reason]bool{config.Unsupported: true, config.NoTextLayer: true, config.Encrypted: true}

// admits reports whether the server may read the document at path.
func (e *Extractor) admits(path string) bool {
	for _, glob := range e.Config.Include {
		if config.MatchGlob(glob, path) {
			return true
		}
	}
	return len(e.Config.Include) == 0
}

// instead reads a document through the server. builtin is the failure of the built-in readers, or nil if they were not
// asked: when the server cannot read the document either, their reason stays.
func (e *Extractor) instead(ctx context.Context, name string, data []byte, builtin error) (*extract.Document, error) {
	reason, known := config.ReasonOf(builtin)
	d, err := e.read(ctx, name, data, reason == config.NoTextLayer)
	refusal, refused := errors.AsType[*refusal](err)
	if !refused {
		return d, err
	}
	if !known {
		return nil, config.Failf(refusal.reason, "%w", refusal)
	}
	var failure *config.DocumentError
	errors.As(builtin, &failure)
	return nil, config.Failf(reason, "%w; %w", failure.Err, refusal)
}

// refusal is the server's failure at one document, for good.
type refusal struct {
	reason config.Reason // if the built-in readers have none
	server config.ExtractionProtocol
	why    string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the extraction server (%s) cannot read it: %s", r.server, r.why)
}

// read asks the server and reads its reply. Its error is a *refusal, a *config.DocumentError, or that of an ended ctx.
func (e *Extractor) read(ctx context.Context, name string, data []byte, scanned bool) (*extract.Document, error) {
	request, err := e.protocol.request(name, data, scanned)
	if err != nil {
		return nil, err
	}
	request.Operation = "extract"
	request.Timeout = e.Timeout
	request.MaxReply = 2*e.MaxText + 1<<20 // markup
	reply, err := e.ask(ctx, request)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	e.down.Store(model.IsOutage(err))
	if err != nil {
		return nil, e.failure(err)
	}
	r, err := e.protocol.read(reply)
	if own, ok := errors.AsType[*config.DocumentError](err); ok {
		return nil, e.refusal(own.Reason, own.Err.Error())
	}
	if err != nil {
		return nil, config.Failf(config.ServerFailed, "the extraction server (%s) returned an unusable reply: %w;"+
			" check that url is that of a %[1]s server; the next run tries again", e.Config.Server.Protocol, err)
	}
	return e.document(ctx, r)
}

// ask sends a request once the server reads fewer documents than InFlight.
func (e *Extractor) ask(ctx context.Context, request model.Request) ([]byte, error) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	request.Once = e.down.Load()
	return e.caller.Do(ctx, request)
}

func (e *Extractor) refusal(reason config.Reason, why string) error {
	return &refusal{reason: reason, server: e.Config.Server.Protocol, why: why}
}

// failure decides whose failure err is: this document's, or the server's.
func (e *Extractor) failure(err error) error {
	own, ok := errors.AsType[*model.Error](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, model.ErrReplyTooLarge):
		return e.refusal(config.TooLarge, fmt.Sprintf("its text is over %d MiB", e.MaxText>>20))
	case own.Failure == config.InputTooLong:
		return e.refusal(config.TooLarge, fmt.Sprintf("the document is too large for it (HTTP %d)", own.Status))
	case e.protocol.refuses(own):
		why := fmt.Sprintf("HTTP %d", own.Status)
		if own.Message != "" {
			why += ", " + own.Message
		}
		return e.refusal(config.Malformed, why)
	}
	return config.Failf(config.ServerFailed, "%s; the next run tries again", own.Summary())
}

// document makes a document of what the server read: the built-in readers read each page.
func (e *Extractor) document(ctx context.Context, r *reading) (*extract.Document, error) {
	d := &extract.Document{Title: plain.PlausibleTitle(r.title), Warnings: r.warnings}
	d.Readers = config.ReadersOf("html", strings.ToLower(string(e.Config.Server.Protocol)))
	total := int64(0)
	for _, p := range r.pages {
		read, err := e.Builtin.Extract(ctx, "page.html", []byte("<!DOCTYPE html><html><body>"+p.html+"</body></html>"))
		if reason, _ := config.ReasonOf(err); reason == config.Malformed { // it has no text
			if p.number > 0 {
				d.Pages = append(d.Pages, extract.Page{Number: p.number})
				d.Warnings.Add(config.PagesWithoutText, 1, place(p.number))
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		d.Warnings.Merge(read.Warnings)
		if d.Title == "" {
			d.Title = read.Title
		}
		for _, text := range read.Pages {
			text.Number = p.number
			d.Pages = append(d.Pages, text)
			total += int64(len(text.Text))
		}
		if total > e.MaxText {
			return nil, e.refusal(config.TooLarge, fmt.Sprintf("its text is over %d MiB", e.MaxText>>20))
		}
	}
	return d, e.judge(d)
}

// judge refuses a document with more pages without text than with, as the built-in readers do.
func (e *Extractor) judge(d *extract.Document) error {
	empty := 0
	for _, p := range d.Pages {
		if p.Text == "" {
			empty++
		}
	}
	switch {
	case empty == len(d.Pages):
		return e.refusal(config.NoTextLayer, "it found no text in it")
	case 2*empty > len(d.Pages):
		return e.refusal(config.NoTextLayer, fmt.Sprintf("it found no text on %d of %d pages", empty, len(d.Pages)))
	}
	return nil
}
