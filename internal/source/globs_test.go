package source

import (
	"strings"
	"testing"
)

func TestGlobsAdmit(t *testing.T) {
	tests := map[string]struct {
		include, exclude []string
		path             string
		want             bool
	}{
		"no include admits everything":                     {path: "a/b.md", want: true},
		"an include admits what it matches":                {include: []string{"**/*.md"}, path: "a/b/c.md", want: true},
		"a double star matches no directory too":           {include: []string{"**/*.md"}, path: "c.md", want: true},
		"a single star stays in its directory":             {include: []string{"*.md"}, path: "a/c.md"},
		"an exclude wins":                                  {include: []string{"**"}, exclude: []string{"drafts/**"}, path: "drafts/a.md"},
		"braces are alternatives":                          {include: []string{"**/*.{md,pdf}"}, path: "x.pdf", want: true},
		"case matters":                                     {include: []string{"*.pdf"}, path: "X.PDF"},
		"a dot file is hidden":                             {path: ".env"},
		"a dot directory is hidden":                        {include: []string{"**"}, path: ".git/config"},
		"a dot directory below another is hidden":          {include: []string{"**/*.md"}, path: "a/.cache/b.md"},
		"an include that writes the dot out shows it":      {include: []string{".github/**"}, path: ".github/a.md", want: true},
		"so does one in braces":                            {include: []string{"{docs,.github}/**"}, path: ".github/a.md", want: true},
		"but not the other hidden ones":                    {include: []string{"**/*.md", ".github/**"}, path: ".git/a.md"},
		"a name with two dots inside is an ordinary name":  {path: "a..b/c", want: true},
		"an exclude finds an accent beside its letter":     {exclude: []string{"Übersicht*"}, path: "U\u0308bersicht.md"},
		"and a letter with its accent":                     {exclude: []string{"U\u0308bersicht*"}, path: "Übersicht.md"},
		"no accent is another letter":                      {include: []string{"Übersicht*"}, path: "Ubersicht.md"},
		"what is excluded stays so when it is hidden, too": {include: []string{".a/**"}, exclude: []string{"**/*.x"}, path: ".a/b.x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := newGlobs(tt.include, tt.exclude)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.admits(tt.path); got != tt.want {
				t.Errorf("admits(%q) = %v, want %v", tt.path, got, tt.want)
			}
		})
	}
}

func TestGlobsDescend(t *testing.T) {
	tests := map[string]struct {
		include, exclude []string
		dir              string
		want             bool
	}{
		"without an include, everywhere":                {dir: "a", want: true},
		"not into a hidden directory":                   {dir: ".git"},
		"towards an include's fixed beginning":          {include: []string{"a/b/*.md"}, dir: "a", want: true},
		"below an include's fixed beginning":            {include: []string{"a/**"}, dir: "a/b/c", want: true},
		"however its accents are written":               {include: []string{"ä/b/*.md"}, dir: "a\u0308", want: true},
		"not beside it":                                 {include: []string{"a/**"}, dir: "ab"},
		"not into what is excluded whole":               {exclude: []string{"lost/**"}, dir: "lost"},
		"into what is excluded in part":                 {exclude: []string{"lost/*.md"}, dir: "lost", want: true},
		"into a hidden directory that an include names": {include: []string{"**/*.md", ".github/**"}, dir: ".github", want: true},
		"not into one that it does not":                 {include: []string{"**/*.md", ".github/**"}, dir: ".git"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := newGlobs(tt.include, tt.exclude)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.descends(tt.dir); got != tt.want {
				t.Errorf("descends(%q) = %v, want %v", tt.dir, got, tt.want)
			}
		})
	}
}

func TestGlobsRefuseAnInvalidPatternInEitherList(t *testing.T) {
	for field, lists := range map[string][2][]string{
		"include": {{"**", "/docs/**"}, nil},
		"exclude": {nil, {"**", "/docs/**"}},
	} {
		_, err := newGlobs(lists[0], lists[1])
		if err == nil || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), `"/docs/**"`) {
			t.Errorf("%s: got error %v, want one that names the field and the pattern", field, err)
		}
	}
}

// What is admitted must be reached: a directory on the way to an admitted path is never left out.
func FuzzGlobs(f *testing.F) {
	f.Add("a/**", "b/**", "a/b/c.md")
	f.Add("**/*.{md,pdf}", "**/x/**", "a/x/c.md")
	f.Add(".github/**", "", ".github/a/b")
	f.Add("{.a,b}/[c-d]/?", "**", ".a/c/x")
	f.Add(`a\/b/**`, `\*`, "a/b/c")
	f.Fuzz(func(t *testing.T, include, exclude, path string) {
		if len(include) > 64 || len(exclude) > 64 || len(path) > 64 || path == "" || strings.Contains(path, "//") ||
			strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
			return
		}
		var excludes []string
		if exclude != "" {
			excludes = []string{exclude}
		}
		g, err := newGlobs([]string{include}, excludes)
		if err != nil || !g.admits(path) {
			return
		}
		for i := range path {
			if path[i] == '/' && !g.descends(path[:i]) {
				t.Errorf("include %q exclude %q: %q is admitted, but not reached through %q", include, exclude, path, path[:i])
			}
		}
	})
}
