// Package lexical judges by words alone which passages fit a question and which of their statements
// may answer it: hashed embeddings, relevance, and quotes. It knows no synonyms and understands
// nothing.
//
// It is what the stand-in models compute, and what a reply without an LLM quotes. Everything is
// deterministic: equal input gives equal output, on any processor.
package lexical
