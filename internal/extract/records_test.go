package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestCSV(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"with commas", "a.csv", "name,gpus\nVILA,128\n\"a, b\",\"two\nlines\"\n", "name: VILA\ngpus: 128\n\nname: a, b\ngpus: two lines"},
		{"with semicolons and decimal commas", "a.csv", "name;price\nx;1,5\ny;2,5\n", "name: x\nprice: 1,5\n\nname: y\nprice: 2,5"},
		{"with tabs", "a.tsv", "a\tb\n1\t2\n", "a: 1\nb: 2"},
		{"with CRLF and a mark", "a.csv", "\ufeffa,b\r\n1,2\r\n", "a: 1\nb: 2"},
		{"without a header", "a.csv", "1,2\n3,4\n", "column 1: 1\ncolumn 2: 2\n\ncolumn 1: 3\ncolumn 2: 4"},
		{"rows of different lengths", "a.csv", "a,b\n1\n1,2,3\n", "a: 1\n\na: 1\nb: 2\ncolumn 3: 3"},
		{"only a header", "a.csv", "a,b\n", "a, b"},
		{"a stray quote", "a.csv", "a,b\n5\" disk,x\n", "a: 5\" disk\nb: x"},
		{"doubled quotes", "a.csv", "a,b\n\"5\"\" disk\",\"x\" \n", "a: 5\" disk\nb: x"},
		{"quotes within quotes that are not doubled", "a.csv", "a,b\n\"the \"best\" one\",x\n", "a: the \"best\" one\nb: x"},
		{"bars", "a.csv", "a|b\n1,5|2\n", "a: 1,5\nb: 2"},
		{"a declared delimiter", "a.csv", "sep=;\na;b\n1,2,3;4\n", "a: 1,2,3\nb: 4"},
		{"tabs in a file named otherwise", "a.csv", "a\tb\n1,2\t3\n", "a: 1,2\nb: 3"},
		{"an index column without a name", "a.csv", ",name,phone\n0,Ann,12\n1,Bob,13\n", "column 1: 0\nname: Ann\nphone: 12\n\ncolumn 1: 1\nname: Bob\nphone: 13"},
		{"two index columns without names", "a.csv", ",,sales\nBenelux,A,1.5\nNordics,B,2\n", "column 1: Benelux\ncolumn 2: A\nsales: 1.5\n\ncolumn 1: Nordics\ncolumn 2: B\nsales: 2"},
		{"levels of names over a named index", "a.csv", ",sales,sales,cost\n,jan,feb,jan\nregion,,,\nBenelux,1,2,3\nNordics,4,5,6\n",
			"region: Benelux\nsales jan: 1\nsales feb: 2\ncost jan: 3\n\nregion: Nordics\nsales jan: 4\nsales feb: 5\ncost jan: 6"},
		{"the names again", "a.csv", "a,b\n1,2\na,b\n3,4\n", "a: 1\nb: 2\n\na: 3\nb: 4"},
		{"a title in the middle", "a.csv", ",,Report,\n,,,\nname,load,bay,x\nK1,5,2,3\n", "Report\n\nname: K1\nload: 5\nbay: 2\nx: 3"},
		{"years as names", "a.csv", "region,2022,2023\nNorth,10,12\n", "region: North\n2022: 10\n2023: 12"},
		{"years below years are values", "a.csv", "Ann,2022,2023\nBob,2021,2024\n", "column 1: Ann\ncolumn 2: 2022\ncolumn 3: 2023\n\ncolumn 1: Bob\ncolumn 2: 2021\ncolumn 3: 2024"},
		{"numbers that count as names", "a.csv", "shift,1,2,3\nearly,Ann,Bob,Eve\n", "shift: early\n1: Ann\n2: Bob\n3: Eve"},
		{"names and values with units", "a.csv", "Flow,812 l/min\nMass,44 kg\n", "Flow: 812 l/min\n\nMass: 44 kg"},
		{"a title above the header", "a.csv", "Cranes of site B\nStatus: June\n\nname,load\nK1,5\nK2,6\n", "Cranes of site B; Status: June\n\nname: K1\nload: 5\n\nname: K2\nload: 6"},
		{"a title and a blank row", "a.csv", "Cranes,,\n,,\nname,load,bay\nK1,5,2\n", "Cranes\n\nname: K1\nload: 5\nbay: 2"},
		{"a title with the header's commas", "a.csv", "Cranes,,\nname,load,bay\nK1,5,2\n", "Cranes\n\nname: K1\nload: 5\nbay: 2"},
		{"comments above the header", "a.csv", "# exported\n# by a program, on Monday\n#id,name,bay\n1,x,2\n2,y,3\n", "exported; by a program on Monday\n\nid: 1\nname: x\nbay: 2\n\nid: 2\nname: y\nbay: 3"},
		{"a title with a delimiter", "a.csv", "Sales\nAll regions; EUR\n\nname;q1;q2\nK1;5;2\n", "Sales; All regions EUR\n\nname: K1\nq1: 5\nq2: 2"},
		{"an index that the names leave out", "a.csv", "\"name\",\"age\"\n\"1\",\"Ann\",5\n\"2\",\"Bob\",6\n", "column 1: 1\nname: Ann\nage: 5\n\ncolumn 1: 2\nname: Bob\nage: 6"},
		{"a delimiter at the end of rows, of which one has no figure", "a.csv", "name,age\nAnn,none,\nBob,6,\n", "name: Ann\nage: none\n\nname: Bob\nage: 6"},
		{"a delimiter at the end of each row", "a.csv", "name,age\nAnn,5,\nBob,6,\n", "name: Ann\nage: 5\n\nname: Bob\nage: 6"},
		{"quotes behind backslashes", "a.csv", "id,note\n1,\"said \\\"hi\\\", then left\"\n", "id: 1\nnote: said \"hi\", then left"},
		{"backslashes before quotes", "a.csv", "id,note\n\"C:\\a\\\",\"x\"\n", "id: C:\\a\\\nnote: x"},
		{"a second table", "a.csv", "A,,\nname,load,bay\nK1,5,2\n,,\nB,,\ncity,zip,pop\nRome,7,8\n", "A\n\nname: K1\nload: 5\nbay: 2\n\nB\n\ncity: Rome\nzip: 7\npop: 8"},
		{"a second table of another width", "a.csv", "name,load\nK1,5\n\ncity,zip,pop\nRome,7,8\n", "name: K1\nload: 5\n\ncity: Rome\nzip: 7\npop: 8"},
		{"sections of a table", "a.csv", "name,city\nAnn,Berlin\n\nFrance,\nBob,Paris\nEve,Lyon\n", "name: Ann\ncity: Berlin\n\nname: France\n\nname: Bob\ncity: Paris\n\nname: Eve\ncity: Lyon"},
		{"groups of names and values", "a.csv", "Flow,812 l/min\nMass,44 kg\n\nColour,red\nForm,round\n", "Flow: 812 l/min\n\nMass: 44 kg\n\nColour: red\n\nForm: round"},
		{"blank rows within a table", "a.csv", "name,load\nK1,5\n\nRome\n\nK2,6\n", "name: K1\nload: 5\n\nname: Rome\n\nname: K2\nload: 6"},
		{"many comments above", "a.csv", "# -\n# A\n# B\n# C\nname,load\nK1,5\n", "-; A; B; C\n\nname: K1\nload: 5"},
		{"a data sheet", "a.csv", "Model,KX-700\nVoltage,230 V\nMass,44 kg\n", "Model: KX-700\n\nVoltage: 230 V\n\nMass: 44 kg"},
		{"a data sheet with names of its columns", "a.csv", "Property,Value\nVoltage,230 V\nMass,44 kg\n", "Property: Voltage\nValue: 230 V\n\nProperty: Mass\nValue: 44 kg"},
		{"names and figures", "a.csv", "Length,12.5\nMass,44\n", "Length: 12.5\n\nMass: 44"},
		{"pairs above a table", "a.csv", "Report,Daily\nDate,2024-05-01\n\nbay,load,x\nK1,5,2\n", "Report: Daily\n\nDate: 2024-05-01\n\nbay: K1\nload: 5\nx: 2"},
		{"signatures below a table", "a.csv", "item,load,bay\nK1,5,2\n\nApproved by,Ann\nSigned,____\n", "item: K1\nload: 5\nbay: 2\n\nApproved by: Ann\n\nSigned: ____"},
		{"signatures in columns", "a.csv", "item,load,bay\nK1,5,2\n\nMade by:,,Seen by:\nAnn,,Bob\n", "item: K1\nload: 5\nbay: 2\n\nMade by: | Seen by:\n\nAnn | Bob"},
		{"a total below a blank row", "a.csv", "item,load,bay\nK1,5,2\n\nTotal,5,2\n", "item: K1\nload: 5\nbay: 2\n\nitem: Total\nload: 5\nbay: 2"},
		{"a row of units", "a.csv", "time,flow,note\ns,m3/h,\n0,12,x\n1,13,\n", "time (s): 0\nflow (m3/h): 12\nnote: x\n\ntime (s): 1\nflow (m3/h): 13"},
		{"a row of units in brackets", "a.csv", "name,flow\n,[l/min]\nK1,12\n", "name: K1\nflow (l/min): 12"},
		{"a row of grades is no row of units", "a.csv", "name,grade\nAnn,A\nBob,m\n", "name: Ann\ngrade: A\n\nname: Bob\ngrade: m"},
		{"two comments above the header", "a.csv", "# by a logger\n# columns: t, flow\n#t,flow\n0,12\n", "by a logger; columns: t flow\n\nt: 0\nflow: 12"},
		{"decimal commas without names", "a.csv", "1,5;2,5;3,5\n1,6;2,6;3,6\n", "column 1: 1,5\ncolumn 2: 2,5\ncolumn 3: 3,5\n\ncolumn 1: 1,6\ncolumn 2: 2,6\ncolumn 3: 3,6"},
		{"quotes behind backslashes, beside paths", "a.csv", "id,note\n1,\"C:\\tmp\\\"\n2,\"he \\\"said\\\" it\"\n3,\"a pipe of 5\\\"\"\n4,\"5\"\" disk\"\n", "id: 1\nnote: C:\\tmp\\\n\nid: 2\nnote: he \"said\" it\n\nid: 3\nnote: a pipe of 5\"\n\nid: 4\nnote: 5\" disk"},
		{"carets", "a.csv", "id^name\n1^Ann, Lee\n2^Bob\n", "id: 1\nname: Ann, Lee\n\nid: 2\nname: Bob"},
		{"tildes", "a.csv", "id~name\n1~Ann\n2~Bob\n", "id: 1\nname: Ann\n\nid: 2\nname: Bob"},
		{"the character 1", "a.csv", "id\x01name\n1\x01Ann\n2\x01Bob\n", "id: 1\nname: Ann\n\nid: 2\nname: Bob"},
		{"delimiters of several characters", "a.csv", "id|~|name\n1|~|Ann, Lee\n2|~|Bob\n", "id: 1\nname: Ann, Lee\n\nid: 2\nname: Bob"},
		{"two bars", "a.csv", "id||name\n1||Ann\n2||Bob\n", "id: 1\nname: Ann\n\nid: 2\nname: Bob"},
		{"empty cells between bars", "a.csv", "id|a|b\n1||x\n2|y|z\n", "id: 1\nb: x\n\nid: 2\na: y\nb: z"},
		{"empty columns at the end", "a.csv", "code;name;;\nA;x;;\nB;y;;\n", "code: A\nname: x\n\ncode: B\nname: y"},
		{"a row that is called units", "a.csv", "Sensor,Wind,Mass\nUnit,metres per second,stone\nA,3.4,20\n", "Sensor: A\nWind (metres per second): 3.4\nMass (stone): 20"},
		{"forms of dates and units", "a.csv", "Datum;Wert\nTT.MM.JJJJ;kWh\n01.02.2024;3,5\n", "Datum (TT.MM.JJJJ): 01.02.2024\nWert (kWh): 3,5"},
		{"groups above each column", "a.csv", "Region,Sales,Sales,Costs,Costs\n,Plan,Actual,Plan,Actual\nN,1,2,3,4\n", "Region: N\nSales Plan: 1\nSales Actual: 2\nCosts Plan: 3\nCosts Actual: 4"},
		{"one column", "a.csv", "name\nAnn\nBob\n", "name: Ann\n\nname: Bob"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := textOfFirst(extract(t, c.file, c.data)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestJSONLinesWithoutTheBrokenOnes(t *testing.T) {
	d := extract(t, "a.jsonl", "{\"n\":1}\n\n{\"n\":\n{\"n\":3}\n\"text\"\n")
	if want := "n: 1\n\nn: 3\n\ntext"; textOfFirst(d) != want {
		t.Errorf("got %q, want %q", textOfFirst(d), want)
	}
	if len(d.Warnings) != 1 || d.Warnings[0].String() != "LinesSkipped: 1 (line 3)" {
		t.Errorf("warnings %v", d.Warnings)
	}
	if d := extract(t, "a.json", "{\"n\":1}\n{\"n\":2}\n{\"n\":}\n"); textOfFirst(d) != "n: 1\n\nn: 2" {
		t.Errorf("lines under the name of a document give %q", textOfFirst(d))
	}
	if d := extract(t, "a.jsonl", "{\n\"n\": 1\n}\n{\n\"n\": 2\n}\n"); textOfFirst(d) != "n: 1\n\nn: 2" || len(d.Warnings) > 0 {
		t.Errorf("documents of several lines give %q, %v", textOfFirst(d), d.Warnings)
	}
	deep := strings.Repeat(`{"a":`, 500) + `"x"` + strings.Repeat("}", 500)
	if got := textOfFirst(extract(t, "a.json", deep)); !strings.HasPrefix(got, "a.a.") || !strings.HasSuffix(got, "a: x") || len(got) > 60 {
		t.Errorf("a value 500 levels deep gives %q", got)
	}
}

func TestNotebook(t *testing.T) {
	image := strings.Repeat("iVBORw0KGgoAAAANSUhEUg", 30)
	d := extract(t, "a.ipynb", `{"cells":[
{"cell_type":"markdown","source":["# Load test\n","of pump `+"RX-9"+`"]},
{"cell_type":"code","source":"print(1)","outputs":[
 {"output_type":"stream","text":["1\n"]},
 {"output_type":"display_data","data":{"image/png":"`+image+`","text/plain":["<Figure size 640x480>"]}},
 {"output_type":"execute_result","data":{"text/html":"<table>","text/plain":"   a\n0  1"}},
 {"output_type":"error","ename":"ValueError","evalue":"bad \u001b[31mvalue"}]},
{"cell_type":"raw","source":[]}],
"metadata":{"language_info":{"name":"python"}},"nbformat":4}`)
	want := "# Load test\nof pump RX-9\n\n```python\nprint(1)\n```\n\n```\n1\n```\n\n```\na\n0  1\n```\n\n```\nValueError: bad value\n```"
	if textOfFirst(d) != want || d.Title != "Load test" {
		t.Errorf("title %q, got %q, want %q", d.Title, textOfFirst(d), want)
	}
	if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.PartsIgnored || d.Warnings[0].Count != 1 {
		t.Errorf("warnings %v", d.Warnings)
	}
	_, err := shared.Extract(t.Context(), "a.ipynb", []byte(`{"cells":[`))
	wantReason(t, err, config.Malformed, "notebook")
}

func TestDataInBase64IsNoText(t *testing.T) {
	image := strings.Repeat("iVBORw0KGgoAAAANSUhEUg/+", 40)
	lines := strings.Repeat("MIICdzCCAeCgAwIBAgIJAKz0h5u7S8vXMA0GCSqGSIb3DQEBBQUAMDQxMjAwBgNV\n", 5)
	for name, data := range map[string]string{
		"a.md":   "before\n\n![x](data:image/png;base64," + image + "==)\n\n" + lines + "after",
		"a.txt":  "before " + image + " after",
		"a.json": `{"a":"before","image":"` + image + `","b":"after"}`,
		"a.csv":  "a,b\nbefore," + image + "\nafter,x\n",
	} {
		d := extract(t, name, data)
		text := textOfFirst(d)
		if strings.Contains(text, "iVBORw0KGgo") || strings.Contains(text, "MIICdz") || strings.Contains(text, "base64,") {
			t.Errorf("%s: %.200q", name, text)
		}
		if !strings.Contains(text, "before") || !strings.Contains(text, "after") {
			t.Errorf("%s lost more: %.200q", name, text)
		}
		if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.PartsIgnored {
			t.Errorf("%s: warnings %v", name, d.Warnings)
		}
	}
	genes := strings.Repeat("ACGTTGCA", 60)
	if got := textOfFirst(extract(t, "a.txt", genes)); got != genes {
		t.Errorf("%d of %d genes are left", len(got), len(genes))
	}
}

func TestAQuoteThatIsNotClosedSwallowsNoRecords(t *testing.T) {
	var rows strings.Builder
	for i := range 60 {
		note := fmt.Sprintf("%q", fmt.Sprint("note ", i))
		if i == 30 {
			note = strings.TrimSuffix(note, `"`)
		}
		fmt.Fprintf(&rows, "Thing%d,%s,%d\n", i, note, i)
	}
	for name, data := range map[string]string{
		"with other quotes after it": "name,note,n\n" + rows.String(),
		"at the end":                 "name,note,n\nThing1,a,1\nThing2,\"b,2\nThing3,c,3\n",
		"with one quote after it":    "name,note,n\nThing1,\"a,1\nThing2,b,2\nThing3,c\",3\nThing4,d,4\n",
	} {
		d := extract(t, "a.csv", data)
		if n := strings.Count(textOfFirst(d), "name: Thing"); n != strings.Count(data, "Thing") {
			t.Errorf("%s: %d records are read of %d: %.200q", name, n, strings.Count(data, "Thing"), textOfFirst(d))
		}
		if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.LinesSkipped || d.Warnings[0].Count != 1 {
			t.Errorf("%s: warnings %v", name, d.Warnings)
		}
	}
	d := extract(t, "a.csv", "name,note\n1,\"a\n\nx\n2,\"b\n\ny\n3,\"c\n")
	if len(d.Warnings) != 1 || d.Warnings[0].Count != 3 {
		t.Errorf("quotes after blank lines: warnings %v", d.Warnings)
	}
	d = extract(t, "a.csv", "name,address\nAnn,\"1 Main Street\nFlat 2, rear\nTown\"\nBob,x\n")
	if want := "name: Ann\naddress: 1 Main Street Flat 2, rear Town\n\nname: Bob\naddress: x"; textOfFirst(d) != want || len(d.Warnings) > 0 {
		t.Errorf("a cell of several lines gives %q, %v", textOfFirst(d), d.Warnings)
	}
}

func TestJSON(t *testing.T) {
	for _, c := range []struct{ name, file, data, title, want string }{
		{"an object", "a.json", `{"title":"T","a":{"b":1.50,"c":[true,null,"x"]},"d":"two\nlines"}`, "T", "title: T\na.b: 1.50\na.c: true\na.c: x\nd: two\nlines"},
		{"an array of objects", "a.json", `[{"n":1},{"n":2}]`, "", "n: 1\n\nn: 2"},
		{"lines", "a.jsonl", "{\"title\":\"A\",\"n\":1}\n{\"n\":2}\n", "", "title: A\nn: 1\n\nn: 2"},
		{"a big number", "a.json", `[123456789012345678901234567890]`, "", "123456789012345678901234567890"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extract(t, c.file, c.data)
			if textOfFirst(d) != c.want || d.Title != c.title {
				t.Errorf("got %q, %q; want %q, %q", d.Title, textOfFirst(d), c.title, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		data, says string
		reason     config.Reason
	}{
		"broken":      {"{\"a\":1,\n\"b\" 2}", "line 2", config.Malformed},
		"cut off":     {`{"a":[1,2`, "cut off", config.Malformed},
		"nested deep": {strings.Repeat("[", 1_000_000), "deeper", config.TooComplex},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shared.Extract(t.Context(), "a.json", []byte(c.data))
			wantReason(t, err, c.reason, c.says)
			if len(err.Error()) > 300 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestElementsOfJSONThatAreBroken(t *testing.T) {
	for _, c := range []struct{ name, data, want, warning string }{
		{"a comma is missing", "[{\"n\":1},\n{\"n\":2 \"m\":5},\n{\"n\":3}]", "n: 1\n\nn: 2\n\nn: 3", "LinesSkipped: 1 (line 2)"},
		{"a quote in quotes, on one line", `[{"n":1},{"n":2,"m":"a"b"},{"n":3},{"n":4}]`, "n: 1\n\nn: 2\nm: a\n\nn: 3\n\nn: 4", "LinesSkipped: 1 (line 1)"},
		{"quotes in quotes twice", `[{"n":1,"m":"a"b"},{"n":2},{"n":3,"m":"c"d"},{"n":4}]`, "n: 1\nm: a\n\nn: 2\n\nn: 3\nm: c\n\nn: 4", "LinesSkipped: 2 (line 1)"},
		{"a comma between elements is missing", "[1,\n2\n3,\n4]", "1\n2\n\n4", "LinesSkipped: 1 (line 3)"},
		{"deep below", `{"a":[{"b":[1,x,2]},{"b":[3]}],"c":4}`, "a.b: 1\n\na.b: 2\n\na.b: 3\nc: 4", "LinesSkipped: 1 (line 1)"},
		{"a bracket of the other kind", `[{"n":1},{"n":[2,3},{"n":4}]`, "n: 1\n\nn: 2\nn: 3\n\nn: 4", "LinesSkipped: 1 (line 1)"},
		{"a line below the document", "{\n\"n\":1\n}\n-- 1 row --\n", "n: 1", "LinesSkipped: 1 (line 4)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extract(t, "a.json", c.data)
			if got := textOfFirst(d); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(d.Warnings) != 1 || d.Warnings[0].String() != c.warning {
				t.Errorf("warnings %v, want %s", d.Warnings, c.warning)
			}
		})
	}
	_, err := shared.Extract(t.Context(), "a.json", []byte(`[{"a" 1},{"b" 2},{"c" 3},4]`))
	wantReason(t, err, config.Malformed, "line 1")
}

func TestJSONBeyondTheStandard(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"comments", "a.json", "// one\n{\"a\": 1, /* two\n */ \"b\": \"http://c/*d*/\" # three\n}", "a: 1\nb: http://c/*d*/"},
		{"a comment of one slash", "a.json", `{"a": 1 /*/ "b": 2 */}`, "a: 1"},
		{"commas behind the last", "a.json", "\ufeff{\"a\": [1, 2, ], \"b\": 3, // last\n}", "a: 1\na: 2\nb: 3"},
		{"paths of Windows", "a.json", `{"a": "C:\Users\\Public"}`, `a: C:\Users\Public`},
		{"a sequence", "a.json-seq", "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", "a: 1\n\na: 2"},
		{"a sequence of documents on several lines", "a.json", "\x1e{\n\"a\":1\n}\n\x1e{\n\"a\":2\n}\n", "a: 1\n\na: 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := extract(t, c.file, c.data); textOfFirst(d) != c.want || len(d.Warnings) > 0 {
				t.Errorf("got %q, %v; want %q", textOfFirst(d), d.Warnings, c.want)
			}
		})
	}
}

// Each comment that does not end, and each array around the end of a text that is cut off, might be searched to the end.
func TestJSONThatIsSearchedInVain(t *testing.T) {
	for name, data := range map[string]string{
		"comments":         "[" + strings.Repeat("1, /* ", 1<<18),
		"many elements":    strings.Repeat("[", 900) + strings.Repeat("x,", 1<<14),
		"an array in many": strings.Repeat("[1,", 900) + strings.Repeat("{\"a\":1},", 1<<14),
	} {
		_, err := shared.Extract(t.Context(), name+".json", []byte(data))
		wantReason(t, err, config.Malformed, "")
	}
}

func TestOutputsOfNotebooksInHTML(t *testing.T) {
	d := extract(t, "a.ipynb", `{"cells":[{"cell_type":"code","source":"df","outputs":[
{"data":{"text/html":["<table><tr><th>part</th><th>flow</th></tr>","<tr><td>K1</td><td>812</td></tr></table>"],"text/plain":"  part flow"}},
{"data":{"text/html":"<p>only <b>here</b></p>","text/plain":"<IPython.core.display.HTML object>"}},
{"data":{"text/html":"<p>twice</p>","text/plain":"once"}},
{"data":{"image/svg+xml":["<?xml version=\"1.0\"?>\n<!DOCTYPE svg>","<svg><text>May 340</text></svg>"],"text/plain":"<Figure>"}},
{"data":{"text/latex":"$12/5$","text/plain":"<Math>"}}]}]}`)
	want := "```\ndf\n```\n\n| part | flow |\n|---|---|\n| K1 | 812 |\n\nonly **here**\n\n```\nonce\n```\n\nMay 340\n\n```\n$12/5$\n```"
	if got := textOfFirst(d); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(d.Pages[0].Tables) != 1 {
		t.Errorf("tables %v", d.Pages[0].Tables)
	}
}

func TestNumbersThatJSONDoesNotHave(t *testing.T) {
	d := extract(t, "a.json", `{"a": NaN, "b": [-Infinity], "c": "is \", NaN, or so"}`)
	if got := textOfFirst(d); got != "a: NaN\nb: -Infinity\nc: is \", NaN, or so" {
		t.Errorf("got %q", got)
	}
	if d := extract(t, "a.jsonl", "{\"a\":NaN}\n{\"a\":2}\n"); textOfFirst(d) != "a: NaN\n\na: 2" || len(d.Warnings) > 0 {
		t.Errorf("got %q, %v", textOfFirst(d), d.Warnings)
	}
}

func TestJSON5AndWhatServersWrite(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"JSON5", "a.json5", "// c\n{\n  name: 'pump \"A\"', // t\n  'it\\'s': \"a \\\nb\", hex: 0xFF, n: [+3, .5, 5., -Infinity, 1e3,],\n  b-c: null, $d: true,\n}",
			"name: pump \"A\"\nit's: a b\nhex: 255\nn: 3\nn: 0.5\nn: 5\nn: -Infinity\nn: 1e3\n$d: true"},
		{"a dictionary of Python", "a.json", "{'a': 'x', 'b': True, 'c': None, 'd': \"it's\"}", "a: x\nb: true\nd: it's"},
		{"a call", "a.json", "callback({\"a\": \"f(x)\"});", "a: f(x)"},
		{"a guard", "a.json", ")]}'\n{\"a\": 1}", "a: 1"},
		{"words and numbers in strings", "a.json", `{"a": "True: +3 .5 'x'", "b": -0.5}`, "a: True: +3 .5 'x'\nb: -0.5"},
		{"lines behind a mark", "a.ndjson", "\ufeff{\"a\":1}\n{\"a\":2}\n", "a: 1\n\na: 2"},
		{"a sequence", "a.json-seq", "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", "a: 1\n\na: 2"},
	} {
		if got := textOfFirst(extract(t, c.file, c.data)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
