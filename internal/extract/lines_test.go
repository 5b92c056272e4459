package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// structured is the text of a document with signs where its headings and tables begin.
func structured(d *Document) string {
	p := d.Pages[0]
	text := []rune(p.Text)
	var b strings.Builder
	for i, r := range text {
		for _, h := range p.Headings {
			if h.Offset == i {
				fmt.Fprintf(&b, "[%d %s]", h.Level, h.Text)
			}
		}
		for _, t := range p.Tables {
			if t.Start == i {
				fmt.Fprintf(&b, "[%s;%s]", t.Caption, strings.ReplaceAll(t.Header, "\n", "/"))
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

func TestStructureOfTexts(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"titles of reStructuredText, by their order", "a.rst", "=====\nGuide\n=====\n\nPart\n----\n\nSub\n~~~\ntext\n\nPart 2\n------\n",
			"[1 Guide]=====\nGuide\n=====\n\n[2 Part]Part\n----\n\n[3 Sub]Sub\n~~~\ntext\n\n[2 Part 2]Part 2\n------"},
		{"a table of lists", "a.rst", ".. list-table:: Torques\n   :header-rows: 1\n\n   * - Bolt\n     - Torque\n   * - M8\n     - 20 Nm\n       dry\n   * - M10\n     -\n\nEnd.",
			"[Torques;Bolt | Torque]Torques\nBolt | Torque\nM8 | 20 Nm dry\nM10 |\n\nEnd."},
		{"a table of CSV", "a.rst", ".. csv-table:: Prices\n   :header: \"Item\", \"Price\"\n\n   \"Valve, big\", 6\n",
			"[Prices;Item | Price]Prices\nItem | Price\nValve, big | 6"},
		{"a grid with merged cells", "a.rst", `+-----+-----+-----+
| A   | B   | C   |
+=====+=====+=====+
| r1  | over two  |
+-----+-----+-----+
| r2  | two | x   |
+-----+ rows| y   |
| r3  |     | z   |
+-----+-----+-----+
`, "[;A | B | C]A | B | C\nr1 | over two | over two\nr2 | two rows | x y z\nr3 | two rows | x y z"},
		{"a simple table", "a.rst", ".. table:: Truth\n\n   =====  =====\n   x      y\n   =====  =====\n   1      2\n          more\n   3      4\n   =====  =====\n",
			"[Truth;x | y]Truth\nx | y\n1 | 2 more\n3 | 4"},
		{"AsciiDoc", "a.adoc", "= Guide\n\n== Ports\n\n.Of the pump\n[cols=\"1,2,1\",options=\"header\"]\n|===\n|Name |Use |Port\n|ssh\n|shell a\\|b\n|22\n2+|both |99\n.2+|span |x |1\n|y |2\n|===\n\n----\n== code\n|===\n----\n",
			"[1 Guide]= Guide\n\n[2 Ports]== Ports\n\n[Of the pump;Name | Use | Port]Of the pump\nName | Use | Port\nssh | shell a|b | 22\nboth | both | 99\nspan | x | 1\nspan | y | 2\n\n----\n== code\n|===\n----"},
		{"AsciiDoc with names on a line of their own, and CSV", "a.adoc", "|===\n|A |B\n\n|1\n|2\n|===\n\n,===\na,b\n1,2\n,===\n",
			"[;A | B]A | B\n1 | 2\n\n[;a | b]a | b\n1 | 2"},
		{"Org", "a.org", "#+TITLE: Notes\n* TODO [#A] Install  :work:\n#+CAPTION: Costs\n| Item | Cost |\n|------+------|\n| Pump |    5 |\n** Sub\n#+BEGIN_SRC sh\n* not\n#+END_SRC\n",
			"#+TITLE: Notes\n[1 Install]* TODO [#A] Install  :work:\n\n[Costs;Item | Cost]Costs\nItem | Cost\nPump | 5\n\n[2 Sub]** Sub\n#+BEGIN_SRC sh\n* not\n#+END_SRC"},
		{"a result of psql", "a.txt", "Rows:\n\n id | name  \n----+-------\n  1 | Ann   \n  2 | \n(2 rows)\n",
			"Rows:\n\n[;id | name]id | name\n1 | Ann\n2 |\n\n(2 rows)"},
		{"a result of MySQL", "a.txt", "+----+------+\n| id | name |\n+----+------+\n|  1 | Ann  |\n|  2 | Bob  |\n+----+------+\n2 rows\n",
			"[;id | name]id | name\n1 | Ann\n2 | Bob\n\n2 rows"},
		{"boxes", "a.txt", "┌───┬───┐\n│ a │ b │\n├───┼───┤\n│ é │ 2 │\n├───┼───┤\n│ 3 │ 4 │\n└───┴───┘\n", "[;a | b]a | b\né | 2\n3 | 4"},
		{"names over dashes", "a.txt", "ID   NAME       QTY\n---- ---------- ---\n1    Pump big     5\n2    Valve      100\n", "[;ID | NAME | QTY]ID | NAME | QTY\n1 | Pump big | 5\n2 | Valve | 100"},
		{"columns", "a.txt", "NAME    READY   RESTARTS\nweb-1   1/1     0\ndb-0    0/1     12 (2h ago)\n", "[;NAME | READY | RESTARTS]NAME | READY | RESTARTS\nweb-1 | 1/1 | 0\ndb-0 | 0/1 | 12 (2h ago)"},
		{"tabs", "a.txt", "List:\nA\tB\n1\t2\n3\t4\n", "List:\n\n[;A | B]A | B\n1 | 2\n3 | 4"},
		{"tabs before lines of a program", "a.txt", "\tx = 1\n\ty = 2\n\tz = 3\n", "\tx = 1\n\ty = 2\n\tz = 3"},
		{"properties", "a.properties", "msg=Gr\\u00fc\\u00dfe \\ud83d\\ude00 \\\n   more\\t\n", "msg=Grüße 😀 more\\t"},
		{"bars", "a.txt", "| x | y |\n|---|---|\n| 1 | 2 |\n", "[;x | y]x | y\n1 | 2"},
		{"titles of a text", "a.txt", "Overview\n========\nWords.\n\nSAFETY RULES\n\nWear it.\n\n1. Scope\n\nThis holds.\n\n1.1 Terms\n\nMore.\n",
			"[1 Overview]Overview\n========\nWords.\n\n[1 SAFETY RULES]SAFETY RULES\n\nWear it.\n\n[1 1. Scope]1. Scope\n\nThis holds.\n\n[2 1.1 Terms]1.1 Terms\n\nMore."},
		{"items are no titles", "a.txt", "Do:\n\n1. Open it\n\n2. Close it\n\n3. Wait\n\nThen go.\n", "Do:\n\n1. Open it\n\n2. Close it\n\n3. Wait\n\nThen go."},
		{"drawings are no tables", "a.txt", "| +-> {\n|  foo(); --+\n| [{\n", "| +-> {\n|  foo(); --+\n| [{"},
		{"comments are no titles", "a.txt", "# a comment\n\nx = 1\n", "# a comment\n\nx = 1"},
		{"programs have no tables", "a.c", "ID   NAME\n---- ----\n1    Pump\n", "ID   NAME\n---- ----\n1    Pump"},
		{"keys of YAML", "a.yaml", "kind: Pod\nspec:\n  replicas: 3\n  args: |\n    key:\n  limits:\n    - cpu: 1\n",
			"kind: Pod\n[1 spec]spec:\n  replicas: 3\n[2 args]  args: |\n    key:\n[2 limits]  limits:\n    - cpu: 1"},
		{"sections of INI", "a.ini", "; c\n[server]\nport=1\n[server.tls]\nca=x\n", "; c\n[1 server][server]\nport=1\n[1 server.tls][server.tls]\nca=x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extract(t, c.file, c.data)
			if diff := cmp.Diff(c.want, structured(d)); diff != "" {
				t.Error(diff)
			}
			checkDocument(t, d)
		})
	}
}
