package source

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// The bounds of sitemaps: what the protocol (sitemaps.org) allows of one, and how many pages a source may have.
const (
	maxSitemap      = 50 << 20
	maxSitemaps     = 500
	maxSitemapDepth = 2
	maxPages        = 100_000
)

// sitemaps reads a sitemap, and those that it leads to.
type sitemaps struct {
	*web
	pages map[string]page
	count int
}

// read adds the pages of a sitemap. Each sitemap that fails is an error; the others are read all the same.
func (s *sitemaps) read(ctx context.Context, named string, depth int) error {
	u, err := parseAddress(named)
	if err != nil {
		return fmt.Errorf("sitemap: %w", err)
	}
	if s.count++; s.count > maxSitemaps || depth > maxSitemapDepth {
		return fmt.Errorf("sitemap %s leads to more than %d sitemaps, or more than %d deep: name fewer",
			named, maxSitemaps, maxSitemapDepth)
	}
	if !s.hosts[u.Hostname()] {
		return fmt.Errorf("sitemap %s is of a host that the manifest does not name: add it to http.allowHosts", shown(u))
	}
	further, err := s.fetch(ctx, u)
	if err != nil {
		return fmt.Errorf("sitemap %s cannot be read: %w", shown(u), err)
	}
	for _, next := range further {
		if nextErr := s.read(ctx, next, depth+1); err == nil {
			err = nextErr
		}
	}
	return err
}

// fetch returns the sitemaps that the one at u is an index of.
func (s *sitemaps) fetch(ctx context.Context, u *url.URL) (further []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxPageTime)
	defer cancel()
	response, err := s.get(ctx, u, "")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text := bufio.NewReader(&limited{r: response.Body, left: maxSitemap})
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		unpacked, err := gzip.NewReader(text)
		if err != nil {
			return nil, err
		}
		text = bufio.NewReader(&limited{r: unpacked, left: maxSitemap})
	}
	return s.parse(text)
}

// parse adds the pages of a sitemap, and returns the sitemaps of an index.
func (s *sitemaps) parse(text io.Reader) (further []string, err error) {
	d := xml.NewDecoder(text)
	root, inside := "", ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && root != "" {
			return further, nil
		}
		if err != nil {
			return further, fmt.Errorf("it is not a whole sitemap in XML: %w", err)
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case root == "":
			if root = start.Name.Local; root != "urlset" && root != "sitemapindex" {
				return nil, fmt.Errorf("its root is <%s>, not <urlset> or <sitemapindex>", clip(root))
			}
		case start.Name.Local == "loc" && (inside == "url" || inside == "sitemap"):
			var named string
			if err := d.DecodeElement(&named, &start); err != nil {
				return further, fmt.Errorf("it is not a whole sitemap in XML: %w", err)
			}
			if further, err = s.locate(further, inside, strings.TrimSpace(named)); err != nil {
				return further, err
			}
		default:
			inside = start.Name.Local
		}
	}
}

func (s *sitemaps) locate(further []string, inside, named string) ([]string, error) {
	if inside == "sitemap" {
		if len(further) == maxSitemaps {
			return further, fmt.Errorf("it leads to more than %d sitemaps", maxSitemaps)
		}
		return append(further, named), nil
	}
	s.add(s.pages, named)
	if len(s.pages) > maxPages {
		return further, fmt.Errorf("the source has more than %d pages: exclude some, or declare several sources", maxPages)
	}
	return further, nil
}

// limited fails after a number of bytes.
type limited struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("it is larger than %d MiB", maxSitemap>>20)
	}
	return n, err
}

// shown is a URL in messages: without its parameters, which may be as good as a key.
func shown(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
