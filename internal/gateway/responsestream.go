package gateway

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// responseStream sends an answer as the events of OpenAI's responses. It is a query.Sender.
type responseStream struct {
	eventWriter
	response *Response
	item     OutputItem
	number   int // counts the events
}

func newResponseStream(x *exchange, response *Response, silence time.Duration) *responseStream {
	s := &responseStream{response: response, item: newOutputItem(response.ID, "in_progress")}
	s.start(x, silence)
	return s
}

// ResponseEvent is an event of a streamed response. Its fields depend on its type.
type ResponseEvent struct {
	Type           string    `json:"type"`
	SequenceNumber int       `json:"sequence_number"`
	Response       *Response `json:"response,omitempty"`
	// The other events are about the first item of the output, or the first part of its content.
	OutputIndex     *int            `json:"output_index,omitempty"`
	Item            *OutputItem     `json:"item,omitempty"`
	ItemID          string          `json:"item_id,omitempty"`
	ContentIndex    *int            `json:"content_index,omitempty"`
	Part            *OutputText     `json:"part,omitempty"`
	Delta           *string         `json:"delta,omitempty"`
	Text            *string         `json:"text,omitempty"`
	Logprobs        []struct{}      `json:"logprobs,omitzero"`
	AnnotationIndex *int            `json:"annotation_index,omitempty"`
	Annotation      *TextAnnotation `json:"annotation,omitempty"`
}

// ResponseFailure is the last event of a streamed response that failed. Its error is there because
// OpenAI's SDKs raise an exception for it.
type ResponseFailure struct {
	Type           string   `json:"type"` // is always error
	SequenceNumber int      `json:"sequence_number"`
	Code           string   `json:"code"`
	Message        string   `json:"message"`
	Param          *string  `json:"param"` // is always null
	Error          *Failure `json:"error"`
}

// Begin buffers the events before the first word, which are sent with it.
func (s *responseStream) Begin(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.response.cite(r)
	part := newOutputText("", nil)
	return s.events(
		ResponseEvent{Type: "response.created", Response: s.response},
		ResponseEvent{Type: "response.in_progress", Response: s.response},
		ResponseEvent{Type: "response.output_item.added", OutputIndex: new(int), Item: &s.item},
		s.ofPart(ResponseEvent{Type: "response.content_part.added", Part: &part}),
	)
}

// Delta sends a piece of the answer.
func (s *responseStream) Delta(content string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.events(s.text(content)); err != nil {
		return err
	}
	return s.flush()
}

func (s *responseStream) text(content string) ResponseEvent {
	return s.ofPart(ResponseEvent{Type: "response.output_text.delta", Delta: &content, Logprobs: []struct{}{}})
}

// End sends the list of sources if the text is to have one, the annotations, the whole text, and the
// response with usage, metrics and all warnings.
func (s *responseStream) End(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.response.complete(r)
	item := &s.response.Output[0]
	part := &item.Content[0]
	var all []ResponseEvent
	if list := sourceList(s.response.config, r); list != "" {
		all = append(all, s.text(list))
	}
	for i := range part.Annotations {
		all = append(all, s.ofPart(ResponseEvent{
			Type: "response.output_text.annotation.added", AnnotationIndex: &i, Annotation: &part.Annotations[i],
		}))
	}
	all = append(all,
		s.ofPart(ResponseEvent{Type: "response.output_text.done", Text: &part.Text, Logprobs: []struct{}{}}),
		s.ofPart(ResponseEvent{Type: "response.content_part.done", Part: part}),
		ResponseEvent{Type: "response.output_item.done", OutputIndex: new(int), Item: item},
		ResponseEvent{Type: "response." + s.response.Status, Response: s.response},
	)
	if err := s.events(all...); err != nil {
		return err
	}
	return s.flush()
}

// failed sends an error as the last event if the stream has begun, and returns it.
func (s *responseStream) failed(err error) error {
	return s.eventWriter.failed(err, func() error {
		f := failureOf(err).body(s.x.id).Error
		s.buffer.WriteString("event: error\n")
		return s.add(ResponseFailure{
			Type: "error", SequenceNumber: s.number, Code: f.Code, Message: f.Message, Error: f,
		})
	})
}

// ofPart makes an event one of the only part of the only item.
func (s *responseStream) ofPart(e ResponseEvent) ResponseEvent {
	e.OutputIndex, e.ContentIndex, e.ItemID = new(int), new(int), s.item.ID
	return e
}

// events numbers events and appends them to the buffer.
func (s *responseStream) events(all ...ResponseEvent) error {
	for _, e := range all {
		e.SequenceNumber = s.number
		s.number++
		s.buffer.WriteString("event: " + e.Type + "\n")
		if err := s.add(e); err != nil {
			return err
		}
	}
	return nil
}
