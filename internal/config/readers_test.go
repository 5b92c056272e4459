package config

import "testing"

func TestADocumentIsReadAgainWhenOneOfItsReadersIsAnother(t *testing.T) {
	build := readers
	t.Cleanup(func() { readers = build })
	readers = "common/1 html/2 mail/1 pdf/4"
	page, mail := ReadersOf("html"), ReadersOf("mail", "html", "unheard-of")
	if page != "common/1 html/2" || mail != "common/1 html/2 mail/1" {
		t.Fatalf("the readers are %q and %q", page, mail)
	}
	for name, c := range map[string]struct {
		next         string
		page, mailed bool
	}{
		"the same build":         {next: readers, page: true, mailed: true},
		"another format is read": {next: readers + " zip/1", page: true, mailed: true},
		"another PDF reader":     {next: "common/1 html/2 mail/1 pdf/5", page: true, mailed: true},
		"another mail reader":    {next: "common/1 html/2 mail/2 pdf/4", page: true},
		"another HTML reader":    {next: "common/1 html/3 mail/1 pdf/4"},
		"an older HTML reader":   {next: "common/1 html/1 mail/1 pdf/4"},
		"tenfold the version":    {next: "common/1 html/20 mail/1 pdf/4"},
		"all formats":            {next: "common/2 html/2 mail/1 pdf/4"},
		"a format is given up":   {next: "common/1 mail/1 pdf/4"},
	} {
		readers = c.next
		if page.Current() != c.page || mail.Current() != c.mailed {
			t.Errorf("%s: the page is current: %v, the mail: %v", name, page.Current(), mail.Current())
		}
	}
	if Readers("").Current() {
		t.Error("a document of unknown readers is current")
	}
}
