package mail

import (
	"bytes"
	"strings"
)

// longestLine is how many bytes of a line in quoted-printable are given to the package that decodes it, which reads no
// more than 4,096. The standard allows 76, but scripts that write mails do not count.
const longestLine = 2000

// withShortLines is a mail whose longer lines in quoted-printable are broken softly, which decoding undoes. It passes
// the mail once.
func withShortLines(data []byte) []byte {
	if !hasLongLine(data) {
		return data
	}
	var out bytes.Buffer
	out.Grow(len(data) + len(data)/longestLine*4)
	quoted := false
	for len(data) > 0 {
		line, rest := cutLine(data)
		switch name, value := fieldOf(line); {
		case strings.EqualFold(name, "Content-Transfer-Encoding"):
			quoted = strings.EqualFold(value, "quoted-printable")
		case endsPart(line, rest):
			quoted = false
		}
		for quoted && len(line) > longestLine {
			at := beforeEscape(line, longestLine)
			out.Write(line[:at])
			out.WriteString("=\n")
			line = line[at:]
		}
		out.Write(line)
		data = rest
	}
	return out.Bytes()
}

func hasLongLine(data []byte) bool {
	for len(data) > longestLine {
		line, rest := cutLine(data)
		if len(line) > longestLine {
			return true
		}
		data = rest
	}
	return false
}

// cutLine cuts off the first line with its end.
func cutLine(data []byte) (line, rest []byte) {
	if at := bytes.IndexByte(data, '\n'); at >= 0 {
		return data[:at+1], data[at+1:]
	}
	return data, nil
}

// fieldOf is the name and the value of a line of a header, else empty.
func fieldOf(line []byte) (name, value string) {
	const longest = 200 // of those that are asked for
	if len(line) > longest {
		return "", ""
	}
	name, value, _ = strings.Cut(string(line), ":")
	return name, strings.TrimSpace(value)
}

// endsPart reports whether a line may be the boundary of a part: a header, or nothing, stands below it.
func endsPart(line, below []byte) bool {
	if !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	next, _ := cutLine(below)
	name, _, field := bytes.Cut(next, []byte(":"))
	return len(bytes.TrimSpace(next)) == 0 || field && !bytes.ContainsAny(name, " \t")
}

// beforeEscape is the place at or before another one at which a line may be broken: escapes have three bytes.
func beforeEscape(line []byte, at int) int {
	if escape := bytes.LastIndexByte(line[at-2:at], '='); escape >= 0 {
		return at - 2 + escape
	}
	return at
}
