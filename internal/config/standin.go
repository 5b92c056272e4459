package config

// The names of the stand-in models. The version at the end changes with what the model returns, so that an
// index built with an older one is built anew.
const (
	StandInEmbedding = "ragpipeline/stand-in-embedding-1"
	StandInReranking = "ragpipeline/stand-in-reranking-2"
	StandInLLM       = "ragpipeline/stand-in-llm-2"
)
