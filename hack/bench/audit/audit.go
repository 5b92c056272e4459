package audit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// Request is one that the operator made, as the API server recorded it.
type Request struct {
	Verb string          `json:"verb"`
	URI  string          `json:"requestURI"`
	Body json.RawMessage `json:"requestObject"` // of a write
	At   time.Time       `json:"stageTimestamp"`
	Of   struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Answer struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
	Stage string `json:"stage"`
}

// Writes says whether the request would change something. Leases, by which operators agree who leads, are left out.
func (r *Request) Writes() bool {
	switch r.Verb {
	case "get", "list", "watch":
		return false
	}
	return r.Of.Resource != "leases"
}

// Apply says whether the request applies a child.
func (r *Request) Apply() bool {
	return r.Verb == "patch" && r.Of.Subresource == "" && r.Of.Resource != "events"
}

// Creates says whether the request made an object that was not there.
func (r *Request) Creates() bool { return r.Answer.Code == http.StatusCreated }

// Status says whether the request writes a pipeline's status.
func (r *Request) Status() bool { return r.Writes() && r.Of.Subresource == "status" }

// Event says whether the request records an event.
func (r *Request) Event() bool { return r.Writes() && r.Of.Resource == "events" }

// Refused says whether the API server did not do it.
func (r *Request) Refused() bool { return r.Answer.Code >= 400 }

// Log is the operator's requests, from one moment to another.
type Log struct {
	path     string
	offset   int64 // of the first line that is not read yet
	requests []Request
}

// Log starts with the requests that end from now on.
func (s *Server) Log() (*Log, error) {
	info, err := os.Stat(s.log)
	if os.IsNotExist(err) {
		return &Log{path: s.log}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Log{path: s.log, offset: info.Size()}, nil
}

// Requests are those that have ended so far; of a watch, its start counts. Each call reads what is new.
func (l *Log) Requests() ([]Request, error) {
	file, err := os.Open(l.path)
	if os.IsNotExist(err) {
		return l.requests, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(l.offset, 0); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return l.requests, nil // the rest of the line is still to come
		}
		l.offset += int64(len(line))
		var r Request
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			return nil, fmt.Errorf("the API server's audit log: %w", err)
		}
		if (r.Verb == "watch") == (r.Stage == "ResponseStarted") && !strings.HasPrefix(r.URI, "/openapi") {
			l.requests = append(l.requests, r)
		}
	}
}
