package plain

import "strings"

// Data in base64 is found by its length: nothing that people write has so many of its characters in a row.
const (
	minRun   = 200 // characters in a row
	minLine  = 60  // characters of a line among several
	minLines = 3   // lines of at least as many
)

// The characters of base64; runs may be of its form for addresses, with - and _.
var (
	inLine  = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	inRun   = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
	margin  = setOf(" \t>") // before a line of base64, as in a mail that is cited
	indent  = setOf(" \t")
	inWord  = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
	inType  = inWord.with(".+-")
	inName  = inWord.with("-")
	inValue = inWord.with(".-")
	inMode  = setOf("01234567")
	inFile  = func() (s set) { // uuencoded
		for c := ' '; c <= '`'; c++ {
			s[c] = true
		}
		return s
	}()
)

// set is a set of bytes.
type set [256]bool

func setOf(bytes string) (s set) { return s.with(bytes) }

func (s set) with(bytes string) set {
	for i := range len(bytes) {
		s[bytes[i]] = true
	}
	return s
}

// skip returns the first place from at on whose byte is not in the set.
func (s *set) skip(text string, at int) int {
	for at < len(text) && s[text[at]] {
		at++
	}
	return at
}

// skipPadding passes up to two equals signs.
func skipPadding(s string, at int) int {
	for n := 0; n < 2 && at < len(s) && s[at] == '='; n++ {
		at++
	}
	return at
}

// skipLineEnd passes the end of a line, if there is one.
func skipLineEnd(s string, at int) (int, bool) {
	if at < len(s) && s[at] == '\r' {
		at++
	}
	if at < len(s) && s[at] == '\n' {
		return at + 1, true
	}
	return at, false
}

// base64Run finds minRun characters in a row.
func base64Run(s string, from int) (start, end int, found bool) {
	for ; from < len(s); from++ {
		if end := inRun.skip(s, from); end-from >= minRun {
			return from, skipPadding(s, end), true
		} else if end > from {
			from = end
		}
	}
	return 0, 0, false
}

// base64Lines finds minLines lines of minLine characters each, and the shorter one that ends the data.
func base64Lines(s string, from int) (start, end int, found bool) {
	for from = lineFrom(s, from); from < len(s); from = lineFrom(s, from+1) {
		start, lines := from, 0
		for {
			begins := margin.skip(s, from)
			ends := inLine.skip(s, begins)
			next, ended := skipLineEnd(s, ends)
			if ends-begins < minLine || !ended {
				break
			}
			from = next
			lines++
		}
		if lines >= minLines {
			return start, lastLine(s, from), true
		}
		if from > start {
			from-- // the first line without data begins there
		}
	}
	return 0, 0, false
}

// lastLine is where a line of base64 ends that begins there and is all of its line, else where it begins.
func lastLine(s string, from int) int {
	begins := margin.skip(s, from)
	ends := inLine.skip(s, begins)
	if ends == begins {
		return from
	}
	if ends = skipPadding(s, ends); ends == len(s) || s[ends] == '\n' {
		return ends
	}
	return from
}

// lineFrom is where the first line begins that does not begin before from.
func lineFrom(s string, from int) int {
	if from == 0 || from >= len(s) || s[from-1] == '\n' {
		return from
	}
	next := strings.IndexByte(s[from:], '\n')
	if next < 0 {
		return len(s)
	}
	return from + next + 1
}

const (
	// dataURIMark stands in front of the data of an address that is a file.
	dataURIMark = ";base64,"
	// fileMark begins a file that is uuencoded.
	fileMark = "begin "
)

// dataURI finds an address that is a file, which may be broken into lines.
func dataURI(s string, from int) (start, end int, found bool) {
	const scheme = "data:"
	for {
		next := strings.Index(s[from:], scheme)
		if next < 0 {
			return 0, 0, false
		}
		start, from = from+next, from+next+len(scheme)
		if data, ok := afterType(s, from); ok {
			return start, afterData(s, data), true
		}
	}
}

// afterType passes a media type, its parameters and the mark of base64.
func afterType(s string, at int) (int, bool) {
	if at = inType.skip(s, at); at < len(s) && s[at] == '/' {
		at = inType.skip(s, at+1)
	}
	for !strings.HasPrefix(s[at:], dataURIMark) {
		if at == len(s) || s[at] != ';' {
			return at, false
		}
		name := inName.skip(s, at+1)
		if name == at+1 {
			return at, false
		}
		if at = name; at < len(s) && s[at] == '=' {
			at++
		}
		at = inValue.skip(s, at)
	}
	return at + len(dataURIMark), true
}

// afterData passes the data of such an address: base64, some of it as percent escapes, line breaks as \n or as such.
func afterData(s string, at int) int {
	for {
		at = inRun.skip(s, at)
		if !hasEscape(s[at:], "2B", "2F") && !strings.HasPrefix(s[at:], `\n`) {
			break
		}
		at += 2 // the rest of an escape are characters of base64
	}
	for {
		next, ended := skipLineEnd(s, at)
		begins := indent.skip(s, next)
		ends := inRun.skip(s, begins)
		if !ended || ends == begins {
			break
		}
		at = ends
	}
	for {
		switch {
		case strings.HasPrefix(s[at:], "="):
			at++
		case hasEscape(s[at:], "3D"):
			at += 3
		default:
			return at
		}
	}
}

// hasEscape reports whether one of the bytes comes next as a percent escape, in hexadecimal.
func hasEscape(s string, bytes ...string) bool {
	if len(s) < 3 || s[0] != '%' {
		return false
	}
	for _, b := range bytes {
		if strings.EqualFold(s[1:3], b) {
			return true
		}
	}
	return false
}

// uuencoded finds a file in the form that mails had before MIME.
func uuencoded(s string, from int) (start, end int, found bool) {
	for from = lineFrom(s, from); from < len(s); from = lineFrom(s, from+1) {
		if end, found := afterFile(s, from); found {
			return from, end, true
		}
	}
	return 0, 0, false
}

// afterFile passes such a file, if one begins there. Its lines have no small letters, so none is looked at for two.
func afterFile(s string, at int) (end int, found bool) {
	const longest = 62
	if !strings.HasPrefix(s[at:], fileMark) {
		return 0, false
	}
	mode := at + len(fileMark)
	name := inMode.skip(s, mode)
	if n := name - mode; n < 3 || n > 4 || name == len(s) || s[name] != ' ' {
		return 0, false
	}
	named := strings.IndexByte(s[name+1:], '\n')
	if named < 1 {
		return 0, false
	}
	first := name + 1 + named + 1
	for at = first; ; {
		ends := inFile.skip(s, at)
		next, ended := skipLineEnd(s, ends)
		if ends == at || ends-at > longest || !ended {
			break
		}
		at = next
	}
	if at == first || !strings.HasPrefix(s[at:], "end") {
		return 0, false
	}
	if at += len("end"); at < len(s) && s[at] == '\r' {
		at++
	}
	return at, at == len(s) || s[at] == '\n'
}
