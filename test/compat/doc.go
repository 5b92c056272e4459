// Package compat runs clients that others wrote against the gateway and the stand-in models, as they are
// installed from their registries: LangChain's NVIDIA classes, the OpenAI SDKs for Python and Go, LangChain's
// ChatOpenAI and LlamaIndex's OpenAILike. It also holds our splitter against LangChain's.
//
// What is in Python needs Python 3.10 or later with venv, and the packages of requirements.txt, which are
// installed once into the user's cache directory. Where that cannot be, these tests are skipped and say so; with
// RAGPIPELINE_COMPAT=require in the environment, as in .ci/run, they fail.
package compat
