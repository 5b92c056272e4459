// Package standin serves stand-in models behind the NIM API, on the CPU and without any weights: hashed
// embeddings, lexical ranking, and answers that quote the passages and cite them.
//
// They let a pipeline be tried and tested where no GPU and no hosted model is at hand. Package lexical
// computes what they reply. They know no synonyms and understand nothing: never judge a pipeline's
// quality by them.
//
// Everything is deterministic and stateless: equal requests get equal replies, in any process. Whatever
// changes a reply must raise the version in the model's name (config.StandInEmbedding and its like).
package standin
