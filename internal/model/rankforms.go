package model

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// rankingForm is a way in which rerankers are asked: where, and with which body.
type rankingForm struct {
	url  string
	fact string // is how the log and the ops port tell it; empty for the form of the protocol
	body rankingBody
}

// rankingBody is the names of the members of a request.
type rankingBody int

const (
	nimBody     rankingBody = iota // {"query": {"text"}, "passages": [{"text"}], "truncate"}
	cohereBody                     // {"query", "documents", "top_n"}: Cohere, vLLM, llama.cpp, Jina, Infinity
	plainBody                      // {"query", "documents"}: Voyage, which refuses top_n
	textsBody                      // {"query", "texts"}: text-embeddings-inference
	objectsBody                    // {"query", "documents": [{"text"}], "top_n"}: Pinecone
	inputBody                      // {"query", "input"}: Mixedbread
	scoreBody                      // {"text_1", "text_2"}: vLLM's score
)

// write appends the members of a request that follow its model.
func (b rankingBody) write(to []byte, query string, passages []string) []byte {
	switch b {
	case nimBody:
		to = append(to, `,"query":{"text":`...)
		to = appendString(to, query)
		to = appendObjects(append(to, '}'), `,"passages":[`, passages)
		return append(to, `,"truncate":"END"}`...)
	case cohereBody:
		to = appendTexts(to, `,"query":`, query, `,"documents":`, passages)
		to = append(to, `,"top_n":`...)
		to = strconv.AppendInt(to, int64(len(passages)), 10)
	case plainBody:
		to = appendTexts(to, `,"query":`, query, `,"documents":`, passages)
	case textsBody:
		to = appendTexts(to, `,"query":`, query, `,"texts":`, passages)
		to = append(to, `,"truncate":true`...)
	case objectsBody:
		to = append(to, `,"query":`...)
		to = appendObjects(appendString(to, query), `,"documents":[`, passages)
		to = append(to, `,"top_n":`...)
		to = strconv.AppendInt(to, int64(len(passages)), 10)
	case inputBody:
		to = appendTexts(to, `,"query":`, query, `,"input":`, passages)
	case scoreBody:
		to = appendTexts(to, `,"text_1":`, query, `,"text_2":`, passages)
	}
	return append(to, '}')
}

func appendObjects(to []byte, name string, passages []string) []byte {
	to = append(to, name...)
	for i, p := range passages {
		if i > 0 {
			to = append(to, ',')
		}
		to = append(to, `{"text":`...)
		to = appendString(to, p)
		to = append(to, '}')
	}
	return append(to, ']')
}

func appendTexts(to []byte, queryName, query, name string, passages []string) []byte {
	to = append(to, queryName...)
	to = appendString(to, query)
	to = append(to, name...)
	to = append(to, '[')
	for i, p := range passages {
		if i > 0 {
			to = append(to, ',')
		}
		to = appendString(to, p)
	}
	return append(to, ']')
}

// rankingForms are the forms in which m may be asked, that of its protocol first. Servers with the API
// of OpenAI agree on none, so that the url need not be right to the last part.
func rankingForms(m config.Model) []rankingForm {
	if m.Protocol != config.OpenAI {
		return []rankingForm{{url: rankingURL(m), body: nimBody}}
	}
	base := strings.TrimRight(m.URL, "/")
	rerank, score := base, base
	for _, route := range []string{"/rerank", "/reranks", "/reranking", "/score"} {
		base = strings.TrimSuffix(base, route)
	}
	if base == rerank { // the url names no route
		rerank, score = base+"/rerank", base+"/score"
	}
	root := strings.TrimSuffix(base, "/v1")
	if strings.HasSuffix(m.URL, "/score") {
		return []rankingForm{{score, "", scoreBody}, {score, "ranks documents", cohereBody}}
	}
	forms := []rankingForm{
		{rerank, "", cohereBody},
		{rerank, "ranks without top_n, as Voyage does", plainBody},
		{rerank, "ranks texts, not documents, as text-embeddings-inference does", textsBody},
	}
	other := base + "/v1/rerank"
	if root != base {
		other = root + "/rerank"
	}
	return append(forms,
		rankingForm{other, "ranks documents at " + Address(other), cohereBody},
		rankingForm{other, "ranks at " + Address(other) + " without top_n, as Voyage does", plainBody},
		rankingForm{other, "ranks texts at " + Address(other) + ", as text-embeddings-inference does", textsBody},
		rankingForm{score, "ranks at " + Address(score) + ", as vLLM does", scoreBody},
		rankingForm{root + "/score", "ranks at " + Address(root+"/score") + ", as vLLM does", scoreBody},
		rankingForm{base + "/ranking", "ranks as a NIM does", nimBody},
		rankingForm{rerank, "ranks documents as objects, as Pinecone does", objectsBody},
		rankingForm{rerank, "ranks input, not documents, as Mixedbread does", inputBody},
	)
}

// refusesForm reports whether err may be due to the form of the request: its url or its members.
func refusesForm(err error) (badURL, badBody bool) {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
	case e.Status == http.StatusNotFound, e.Status == http.StatusMethodNotAllowed:
		return true, false
	case e.Failure == config.ModelRejected:
		return false, e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity
	}
	return false, false
}
