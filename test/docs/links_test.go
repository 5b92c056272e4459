package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Links between the pages lead to files and headings that exist.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("docs/adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code := regexp.MustCompile("`[^`\n]*`") // patterns in code may look like links
	for _, page := range slices.Concat([]string{"README.md", "CONTRIBUTING.md"}, pages, decisions) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(readPage(t, page), ""), -1) {
			file, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			path := page
			if file != "" {
				path = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, m[1])
			} else if heading != "" && !slices.Contains(headings(readPage(t, path)), heading) {
				t.Errorf("%s links to %s, but there is no such heading", page, m[1])
			}
		}
	}
}

// headings returns the anchors that GitHub makes of a page's headings.
func headings(page string) []string {
	var anchors []string
	other := regexp.MustCompile(`[^\w\- ]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		anchors = append(anchors, strings.ReplaceAll(other.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return anchors
}

// Every path in the architecture's map exists, from the root or, after a path in the same row, from
// its directory.
func TestThePathsOfTheMapExist(t *testing.T) {
	_, mapped, found := strings.Cut(readPage(t, "docs/architecture.md"), "\n## From concept to file\n")
	if !found {
		t.Fatal("docs/architecture.md has no map")
	}
	code := regexp.MustCompile("`([^`\n]+)`")
	paths := 0
	for row := range strings.SplitSeq(mapped, "\n") {
		_, places, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		directory := ""
		for _, m := range code.FindAllStringSubmatch(places, -1) {
			path := m[1]
			if _, err := os.Stat(path); err != nil {
				path = filepath.Join(directory, path)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Errorf("the map names %s, which does not exist: %s", m[1], row)
				continue
			}
			paths++
			directory = path
			if !info.IsDir() {
				directory = filepath.Dir(path)
			}
		}
	}
	if paths == 0 {
		t.Error("the map names no path")
	}
}
