package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// maxFileBytes bounds a file. A ConfigMap holds at most 1 MiB, so this is room for a good many.
const maxFileBytes = 32 << 20

// readObjects reads every object in the files, those in lists too. A problem belongs to one document, and the
// others are read; an error is a file that cannot be read at all.
func readObjects(files []string, stdin io.Reader) (objects []*object, problems []*Problem, err error) {
	if len(files) == 0 {
		return nil, nil, errors.New("no manifest: name one with -f")
	}
	for _, file := range files {
		text, err := readFile(file, stdin)
		if err != nil {
			return nil, nil, err
		}
		if file == "-" {
			file = "standard input"
		}
		documents := splitDocuments(text)
		for _, d := range documents {
			where := file
			if len(documents) > 1 {
				where = fmt.Sprintf("%s line %d", file, d.line)
			}
			found, err := d.objects(where)
			if err != nil {
				problems = append(problems, &Problem{Where: where, Message: err.Error()})
			}
			objects = append(objects, found...)
		}
	}
	return objects, problems, nil
}

func readFile(file string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a directory: name its files with -f", file)
		}
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFileBytes {
		return nil, fmt.Errorf("%s has more than %d MiB: a manifest holds no documents that large; "+
			"give them with --documents", file, maxFileBytes>>20)
	}
	return text, nil
}

// document is one document of a file.
type document struct {
	before int // lines of the file before text
	line   int // of the file, 1-based, of the first content
	text   []byte
}

// separator is a line that ends a YAML document, as kubectl sees it.
var separator = regexp.MustCompile(`(?m)^---[ \t]*(#.*)?\r?$`)

// splitDocuments splits a file into its documents, without those that hold nothing but comments.
func splitDocuments(text []byte) []document {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if isJSON(text) { // braces and no separators; several values may follow each other
		return []document{{line: 1, text: text}}
	}
	var documents []document
	start, before := 0, 0
	add := func(end int) {
		part := text[start:end]
		blank, empty := leadingBlank(part)
		if !empty {
			documents = append(documents, document{before: before, line: before + blank + 1, text: part})
		}
		before += bytes.Count(part, []byte("\n"))
		start = end
	}
	for _, at := range separator.FindAllIndex(text, -1) {
		add(at[0])
		start = at[1]
	}
	add(len(text))
	return documents
}

// leadingBlank counts the lines before the first that is neither blank nor a comment; empty is true if none is.
func leadingBlank(text []byte) (lines int, empty bool) {
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return lines, false
		}
		lines++
	}
	return lines, true
}

func isJSON(text []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) }

// objects parses the document, and takes lists apart. Duplicate keys are refused, as an API server refuses them.
func (d document) objects(where string) ([]*object, error) {
	if isJSON(d.text) {
		return jsonObjects(d.text, where)
	}
	asJSON, err := yaml.YAMLToJSONStrict(d.text)
	if err != nil {
		return nil, errors.New(d.linesOfFile(err.Error()))
	}
	return decodeObject(asJSON, where)
}

var lineNumber = regexp.MustCompile(`\bline \d+`)

// linesOfFile makes the line numbers in a YAML error, which count from the document's start, the file's.
func (d document) linesOfFile(message string) string {
	message = lineNumber.ReplaceAllStringFunc(message, func(s string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(s, "line "))
		return fmt.Sprintf("line %d", n+d.before)
	})
	return strings.Join(strings.Fields(strings.ReplaceAll(message, "unmarshal errors:", "")), " ")
}

func jsonObjects(text []byte, where string) (objects []*object, err error) {
	for in := json.NewDecoder(bytes.NewReader(text)); ; {
		var value json.RawMessage
		if err := in.Decode(&value); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return objects, fmt.Errorf("not JSON, at byte %d: %w", in.InputOffset(), err)
		}
		found, err := decodeObject(value, where)
		if err != nil {
			return objects, err
		}
		objects = append(objects, found...)
	}
}

func decodeObject(text []byte, where string) ([]*object, error) {
	var fields map[string]any
	duplicates, err := kjson.UnmarshalStrict(text, &fields)
	if err != nil {
		return nil, errors.New("not a Kubernetes object: it needs apiVersion, kind and metadata")
	}
	if len(duplicates) > 0 {
		return nil, errors.Join(duplicates...)
	}
	return flatten(fields, where)
}

// flatten takes lists apart, whether a List or a list of one kind.
func flatten(fields map[string]any, where string) ([]*object, error) {
	o := &object{where: where, fields: fields}
	if o.kind() == "" || o.apiVersion() == "" {
		return nil, errors.New("not a Kubernetes object: it needs apiVersion, kind and metadata")
	}
	items, isList := fields["items"].([]any)
	if !isList || !strings.HasSuffix(o.kind(), "List") {
		return []*object{o}, nil
	}
	var objects []*object
	for i, item := range items {
		where := fmt.Sprintf("%s, item %d", where, i+1)
		fields, ok := item.(map[string]any)
		if !ok {
			return objects, fmt.Errorf("item %d is not a Kubernetes object", i+1)
		}
		found, err := flatten(fields, where)
		if err != nil {
			return objects, fmt.Errorf("item %d: %w", i+1, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}
