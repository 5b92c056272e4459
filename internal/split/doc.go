// Package split cuts text into chunks exactly as LangChain's RecursiveCharacterTextSplitter does with its
// defaults, and says where in the text each chunk stands.
package split
