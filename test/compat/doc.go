// Package compat runs clients that others wrote against the gateway and the stand-in models, as they are
// installed from their registries; docs/clients.md has them and their versions in a table, to which the tests hold
// it. It also holds our splitter against LangChain's, and runs a real Apache Tika.
//
// The clients in Python need Python 3.11 or later with venv and the packages of requirements.txt and of
// requirements-openai3.txt, those in JavaScript Node.js 20 or later with npm and the packages of clients/js/package.json.
// They are installed once into the user's cache directory. Where that cannot be, these tests are skipped and say so; with
// RAGPIPELINE_COMPAT=require in the environment, as in .ci/run, they fail.
package compat
