package agent

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// scheme begins the URI of a document; its identity follows, percent-encoded but for the slashes.
const scheme = "ragpipeline:///"

const (
	pageSize = 100     // is how many documents a page lists
	maxText  = 1 << 20 // bounds the text of a document, in bytes
)

// list is a page of the indexed documents. Its cursor is the last document of the page before.
func (p *pipelineServer) list(ctx context.Context, r *mcp.ListResourcesRequest) (mcp.Result, error) {
	query := url.Values{"state": {"Indexed"}, "limit": {strconv.Itoa(pageSize)}}
	if r.Params != nil && r.Params.Cursor != "" {
		query.Set("after", r.Params.Cursor)
	}
	content, err := p.call(ctx, http.MethodGet, "/v1/documents?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var page struct {
		Documents []struct {
			ID     string `json:"document_id"`
			Name   string `json:"document_name"`
			Title  string
			Chunks int
		}
		Next string
	}
	if err := parse(content, &page); err != nil {
		return nil, err
	}
	result := &mcp.ListResourcesResult{
		Cacheable: mcp.Cacheable{CacheScope: private}, NextCursor: page.Next,
		Resources: make([]*mcp.Resource, len(page.Documents)),
	}
	for i, d := range page.Documents {
		result.Resources[i] = &mcp.Resource{
			URI: uriOf(d.ID), Name: d.ID, Title: d.Title, MIMEType: plainText,
			Description: fmt.Sprintf("The text of %s, indexed as %d passages.", d.Name, d.Chunks),
		}
	}
	return result, nil
}

// read is the text of a document in the index.
func (p *pipelineServer) read(ctx context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	document, ok := documentOf(r.Params.URI)
	if !ok {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	content, err := p.call(ctx, http.MethodGet, "/v1/documents/"+escaped(document)+"/content?form=extracted", nil)
	if notFound(err) {
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	}
	if err != nil {
		return nil, err
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{
		{URI: r.Params.URI, MIMEType: plainText, Text: cut(string(content))},
	}}, nil
}

// cut bounds a text, and says so at its end.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s\n\n[The text is cut here, after %d bytes. Use the tool search to find passages of the rest.]",
		text[:end], end)
}

// uriOf is the URI of the resource with a document's text.
func uriOf(document string) string { return scheme + escaped(document) }

// escaped is a document's identity in a URL. Its slashes stay.
func escaped(document string) string {
	segments := strings.Split(document, "/")
	for i, s := range segments {
		segments[i] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// documentOf is the identity of the document whose resource has the URI. No identity has a segment that a server would
// take for a way up or down.
func documentOf(uri string) (document string, ok bool) {
	path, ok := strings.CutPrefix(uri, scheme)
	document, err := url.PathUnescape(path)
	for segment := range strings.SplitSeq(document, "/") {
		ok = ok && segment != "" && segment != "." && segment != ".."
	}
	return document, ok && err == nil
}
