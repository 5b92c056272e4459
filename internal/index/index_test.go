package index

import "testing"

func TestContextIsPlaceTitleAndHeading(t *testing.T) {
	cases := []struct {
		chunk Chunk
		want  string
	}{
		{Chunk{Source: "docs", Document: "docs/a.md"}, "a.md"},
		{Chunk{Source: "docs", Document: "docs/a.md", Title: "a.md", Heading: "a.md"}, "a.md > a.md"},
		{Chunk{Source: "docs", Document: "docs/x/a.md", Title: "Title"}, "x/a.md > Title"},
		{Chunk{Source: "docs", Document: "docs/v/w/x/y/z/a.md", Title: "Title", Heading: "One > Two"}, "x/y/z/a.md > Title > One > Two"},
		{Chunk{Source: "docs", Document: "docs/x/y/z/a.md", Heading: "One"}, "x/y/z/a.md > One"},
		{Chunk{Source: "docs", Document: "docsy/a.md"}, "docsy/a.md"},
		{Chunk{Source: "docs", Document: "docs/", Title: "Title", Heading: "One"}, "Title > One"},
		{Chunk{}, ""},
	}
	for _, tc := range cases {
		if got := tc.chunk.Context(); got != tc.want {
			t.Errorf("the context of %+v is %q, want %q", tc.chunk, got, tc.want)
		}
	}
}
