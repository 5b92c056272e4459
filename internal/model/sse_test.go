package model

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
)

func allEvents(r io.Reader) (events []string, err error) {
	s := newSSEReader(r)
	for {
		data, err := s.next()
		if err != nil {
			return events, err
		}
		events = append(events, string(data))
	}
}

func TestEventStreams(t *testing.T) {
	cases := []struct {
		name, stream string
		want         []string
	}{
		{"nothing", "", nil},
		{"blank lines", "\n\r\n\r\r\n", nil},
		{"one event", "data: a\n\n", []string{"a"}},
		{"only one space is taken", "data:  a \n\n", []string{" a "}},
		{"several lines", "data: a\ndata:b\ndata\ndata: \n\n", []string{"a\nb\n\n"}},
		{"mixed line ends", "data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\r\ndata: e\n\n", []string{"a\nb\nc", "d", "e"}},
		{"other fields", "event: x\nid: 1\nretry: 5\n: comment\nnonsense\ndatum: 1\ndata: a\n\n", []string{"a"}},
		{"an event without data", "event: x\n\ndata: a\n\n", []string{"a"}},
		{"empty data is an event", "data:\n\n", []string{""}},
		{"a byte order mark", "\xEF\xBB\xBFdata: a\n\n", []string{"a"}},
		{"a mark further on is not one", "data: a\n\xEF\xBB\xBFdata: b\n\n", []string{"a"}},
		{"no blank line at the end", "data: a\n\ndata: b", []string{"a", "b"}},
		{"a line longer than the buffer", "data: " + strings.Repeat("x", 10_000) + "\n\n", []string{strings.Repeat("x", 10_000)}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"at once": strings.NewReader(tc.stream), "byte by byte": iotest.OneByteReader(strings.NewReader(tc.stream)),
				"with its end": iotest.DataErrReader(strings.NewReader(tc.stream)),
			} {
				got, err := allEvents(r)
				if err != io.EOF || !slices.Equal(got, tc.want) {
					t.Errorf("%s: got %q, %v", name, got, err)
				}
			}
		})
	}
}

func TestStreamsAreBounded(t *testing.T) {
	if _, err := allEvents(io.MultiReader(strings.NewReader("data: "), endless(strings.Repeat("x", 1000)))); err != errLineTooLong {
		t.Errorf("an endless line gives %v", err)
	}
	if _, err := allEvents(endless(": " + strings.Repeat("comment ", 1000) + "\n")); err != errStreamTooLong {
		t.Errorf("an endless stream gives %v", err)
	}
	if _, err := allEvents(endless("data: " + strings.Repeat("a", 10_000) + "\n")); err != errStreamTooLong {
		t.Errorf("an endless event gives %v", err)
	}
}

// endless repeats s for ever.
func endless(s string) io.Reader { return &repeat{s: strings.Repeat(s, 8)} }

type repeat struct {
	s  string
	at int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.s[r.at:])
	r.at = (r.at + n) % len(r.s)
	return n, nil
}

func FuzzSSE(f *testing.F) {
	f.Add([]byte(events("Hel", "lo")))
	f.Add([]byte("\xEF\xBB\xBFdata: a\r\ndata: b\r\rdata\n\n: c\nevent: x\ndata:{\"error\":\"x\"}"))
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":\"<think>x</think>\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]"))
	f.Add([]byte("data: {\"detail\":[{\"msg\":\"x\"}]}\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, errWhole := allEvents(strings.NewReader(string(b)))
		slow, errSlow := allEvents(iotest.OneByteReader(strings.NewReader(string(b))))
		if errWhole != io.EOF || errSlow != io.EOF || !slices.Equal(whole, slow) {
			t.Fatalf("at once %q, %v; byte by byte %q, %v", whole, errWhole, slow, errSlow)
		}
		for _, e := range whole {
			if strings.Contains(e, "\r") {
				t.Errorf("a line end is left in %q", e)
			}
			parseChat([]byte(e))
		}
	})
}

// FuzzAnswers feeds the parsers of whole answers, and holds readJSON against encoding/json.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		vectorsOf(2), `{"data":[{"index":0,"embedding":"` + base64Of(1, 2) + `"}],"usage":{"prompt_tokens":1}}`,
		`{"rankings":[{"index":1,"logit":-1.5},{"index":0,"logit":2e3}]}`, `{"results":[{"index":0,"relevance_score":1}]}`,
		`{"choices":[{"index":0,"message":{"content":"a\u00e9\n"},"finish_reason":"stop"}],"usage":null}`,
		`{"error":{"message":"x","code":400}}`, `{"detail":[{"msg":"x"}]}`, `[[[{}]]]`, `{"a":"\\\"","b":[true,false,null,-0.5e-7]}`, `"text"`, `{"a":[{"b":0,"b":[0]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		vectors, _, err := parseEmbeddings(b, 2, 0)
		if err == nil && (len(vectors[0]) == 0 || len(vectors[0]) != len(vectors[1])) {
			t.Errorf("accepted vectors %v", vectors)
		}
		ranked, err := parseRanking(b, 2)
		if err == nil && (len(ranked) != 2 || ranked[0].Index+ranked[1].Index != 1) {
			t.Errorf("accepted ranking %v", ranked)
		}
		parseChat(b)
		if n := len([]rune(clean(serverMessage(string(b)), []string{"key"}, nil))); n > maxMessage {
			t.Errorf("a message of %d code points", n)
		}
		var v jsontext.Value
		if err := readJSON(b, &v); err != nil && json.Valid(b) {
			t.Errorf("refused valid JSON %q", b)
		}
	})
}

func FuzzString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\t\r\x00\x7f<&>\u2028 é漢😀\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(appendString(nil, s), &back); err != nil {
			t.Fatalf("%q is written as no JSON: %v", s, err)
		}
		if back != string([]rune(s)) { // which makes U+FFFD of each invalid byte
			t.Errorf("%q is read back as %q", s, back)
		}
		var got string
		if err := readJSON(appendString(nil, s), &got); err != nil || got != back {
			t.Errorf("the reader takes %q for %q, %v", got, back, err)
		}
	})
}
