// Package weaviate is the index in a Weaviate, v1.37.14 or later: for any size, and for several readers at once.
//
// A generation has two collections, named from the pipeline's prefix and the generation's fingerprint. Chunks
// holds the chunks with their vectors and analysed terms. Ledger holds a row for each document, the generation's
// own record, and vectors that are staged; none of its objects is searched. Each has one shard, so that BM25
// counts as the local index does.
//
// Weaviate has no transactions, so a put says first, in the document's row, that it has begun. Then it writes the
// chunks, deletes those that are not among them, and writes the row anew as its last step. A search in between may see some of both
// contents. A process that dies in between leaves a row that is pending: the next opening for writing deletes what
// was written of a new document, and makes an old one look changed, so that ingestion puts it again. Every object's
// id follows from what it is, and every step may be repeated.
//
// BM25 scores are the local index's, up to float32, until objects are deleted or replaced: Weaviate counts
// their terms until it compacts.
//
// The schema goes through weaviate-go-client, search and writes through the generated gRPC stubs on a connection
// of our own. The API key is read for every request, so a rotated one needs no restart.
package weaviate
