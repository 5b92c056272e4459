package split

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestIsSpaceIsPythonsIsspace(t *testing.T) {
	// [c for c in range(0x110000) if chr(c).isspace()] in Python 3.11.
	want := []rune{
		0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
		0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000,
	}
	var got []rune
	for r := range rune(unicode.MaxRune + 1) {
		if isSpace(r) {
			got = append(got, r)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-Python +ours:\n%s", diff)
	}
}

func TestCodePointsAreCountedAsWhenRangingOverAString(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 5_000 {
		text := randomText(random, random.IntN(60))
		for _, text := range []string{text, strings.ToValidUTF8(text, ""), strings.Map(asciiOnly, text)} {
			if got, want := codePoints(text), utf8.RuneCountInString(text); got != want {
				t.Fatalf("counted %d, want %d, in %q", got, want, text)
			}
		}
	}
}

func asciiOnly(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	return -1
}
