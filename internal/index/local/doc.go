// Package local is the index of one machine: SQLite is the durable record, and ranking happens in memory.
//
// The database index.db holds the chunks, their vectors, the ledger and the generations. Opening a store loads
// one generation's ranking: postings for BM25 and a matrix of vectors, which both legs scan exactly. The only
// SQL on the question path fetches the chosen texts. It is meant for up to 100,000 chunks.
//
// The chunks' terms are stored analysed, so that opening need not analyse the texts again.
//
// A document's chunks and its ledger row are written in one transaction, and ranking changes once that is
// committed, in one step for readers. SQLite runs in WAL mode with synchronous=NORMAL: a killed process loses
// nothing that was committed; a machine that loses power may lose the last commits, never part of one, and the
// next run does those documents again.
package local
