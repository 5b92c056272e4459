// Package split cuts text into chunks exactly as LangChain's RecursiveCharacterTextSplitter does with its
// defaults (langchain-text-splitters 1.1.3), and says where in the text each chunk stands.
//
// The algorithm, in words: cut at the first separator of blank line, newline, space, nothing that occurs in
// the text, keeping the separator at the start of the piece that follows it. Pieces shorter than the size are
// merged, as many as fit, and each chunk starts again with the last whole pieces of the one before, as many as
// the overlap allows. A piece that is not shorter is cut at the next separator. White space around a chunk is
// stripped, and a chunk of nothing else is dropped.
//
// A table is one piece where it is shorter than the size. A larger one is cut between its rows, without overlap, and
// each chunk of it begins with the caption and the header row, which count. A row that is too long by itself is cut
// between its cells, each part with the names of its columns and the row's first cell.
//
// Nothing is copied but later parts of tables: a chunk's Text is a substring of the text that was split, and keeps it
// in memory. Time and memory grow linearly with the text.
package split
