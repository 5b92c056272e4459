// Package query answers a question: retrieve, rerank, prompt, answer; and says what each stage did.
package query
