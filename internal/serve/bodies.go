package serve

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// bodyTime is how long a request's body may take to arrive by default. A read after it fails with
	// os.ErrDeadlineExceeded.
	bodyTime = 30 * time.Second

	// settleTime and settleBytes bound the rest of a body that no handler read. Below them the
	// connection serves the next request, beyond them it ends with the reply.
	settleTime  = 250 * time.Millisecond
	settleBytes = 256 << 10
)

// boundBodies lets no request keep its connection waiting for a body, whoever sends it and whatever
// the route makes of it. The deadline ends with the body: during an answer, the server reads on to
// notice that the client left.
func boundBodies(next http.Handler, within, settle time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		c := http.NewResponseController(w)
		if c.SetReadDeadline(time.Now().Add(within)) != nil {
			next.ServeHTTP(w, r) // a recorder of a test has no deadlines
			return
		}
		if len(r.TransferEncoding) > 0 {
			// A length beside the chunks, which the server drops, may have told a proxy of another end: of what
			// follows, it could take a part for the next caller's request (RFC 9112, 6.1).
			w.Header().Set("Connection", "close")
		}
		b := &boundBody{ReadCloser: r.Body, connection: c, settleTime: settle, announced: r.Header.Get("Expect") != ""}
		bounded := *r // the server must find its own body in r
		bounded.Body = b
		reply := &settlingWriter{ResponseWriter: w, body: b}
		next.ServeHTTP(reply, &bounded)
		reply.settle()
	})
}

// boundBody is a request's body under a read deadline.
type boundBody struct {
	io.ReadCloser
	connection *http.ResponseController
	settleTime time.Duration
	announced  bool // reports whether the client awaits a 100 before it sends the body
	read       bool // reports whether a read began
	over       bool // reports whether the body has ended, or failed
}

// Read reads, and ends the deadline with the body.
func (b *boundBody) Read(p []byte) (int, error) {
	b.read = true
	n, err := b.ReadCloser.Read(p)
	if err != nil && !b.over {
		b.over = true
		if errors.Is(err, io.EOF) {
			_ = b.connection.SetReadDeadline(time.Time{})
		}
	}
	return n, err
}

// settle reads a rest that is on its way, and reports whether the body has ended.
func (b *boundBody) settle() (ended bool) {
	_ = b.connection.SetReadDeadline(time.Now().Add(b.settleTime)) // the server, too, reads on after the reply
	if b.announced && !b.read {
		return false // reading would ask for the body
	}
	_, err := io.CopyN(io.Discard, b, settleBytes)
	return errors.Is(err, io.EOF)
}

// settlingWriter settles the body before the reply begins, because the server would wait for it.
type settlingWriter struct {
	http.ResponseWriter
	body    *boundBody
	settled bool
}

// WriteHeader begins the reply, which ends the connection if the body has not arrived.
func (w *settlingWriter) WriteHeader(status int) {
	w.settle()
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the reply.
func (w *settlingWriter) Write(p []byte) (int, error) {
	w.settle()
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *settlingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *settlingWriter) settle() {
	if w.settled {
		return
	}
	w.settled = true
	if !w.body.over && !w.body.settle() {
		w.Header().Set("Connection", "close")
	}
}
