package source

import (
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestPagesAreDecodedAsTheirServerDeclares(t *testing.T) {
	const greek, utf16 = "\xc7 \xe2\xe1\xeb\xe2\xdf\xe4\xe1", "v\x00a\x00l\x00v\x00e\x00"
	for _, c := range []struct{ name, contentType, page, want string }{
		{"another encoding", "text/html; charset=windows-1253", greek, mark + "Η βαλβίδα"},
		{"an alias of it", "text/plain; charset=CP1253", greek, mark + "Η βαλβίδα"},
		{"one of seven bits", "text/html; charset=iso-2022-jp", "\x1b$B%P%k%V\x1b(B", mark + "バルブ"},
		{"one with many zeros", "text/html; charset=utf-16le", utf16, mark + "valve"},
		{"none", "text/html", greek, greek},
		{"UTF-8", "text/html; charset=utf-8", "Η βαλβίδα", "Η βαλβίδα"},
		{"a wrong one of a page in UTF-8", "text/html; charset=iso-8859-1", "Η βαλβίδα", "Η βαλβίδα"},
		{"a wrong one of a page with a mark", "text/html; charset=koi8-r", "\xff\xfe" + utf16, "\xff\xfe" + utf16},
		{"one that nobody knows", "text/html; charset=klingon", greek, greek},
		{"one of a file that is not a text", "application/pdf; charset=windows-1253", greek, greek},
	} {
		s := newSite(t)
		s.pages["/page"] = text(c.contentType, c.page)
		w := newWeb(t, config.HTTP{URLs: []string{s.URL + "/page"}}, Resolvers{})
		content, err := Read(t.Context(), w, list(t, w)[0], 1<<20)
		if err != nil || string(content.Data) != c.want {
			t.Errorf("%s: read %q, %v, want %q", c.name, content.Data, err, c.want)
		}
	}
}
