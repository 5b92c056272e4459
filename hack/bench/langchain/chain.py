"""The pipeline's question path as LangChain users build it: FAISS and BM25, NVIDIA's model classes.

It is what RAGPipeline is compared with, so it is given the same documents, the same model server and the same
questions, and does as much: it splits into 800 characters with 200 overlap, takes the best k of vector and keyword
search, reranks them to top_n, and puts those before the LLM. README.md says how to run it and what it prints.
"""
import time

STARTED = time.perf_counter()

import argparse
import itertools
import json
import os
import resource
import statistics
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

warnings.filterwarnings("ignore")  # a model server of one's own is not in the client's catalogue
os.environ.setdefault("NVIDIA_API_KEY", "none")

from langchain_classic.chains import RetrievalQA
from langchain_classic.retrievers import ContextualCompressionRetriever, EnsembleRetriever
from langchain_community.document_loaders import PyPDFLoader, TextLoader
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_nvidia_ai_endpoints import ChatNVIDIA, NVIDIAEmbeddings, NVIDIARerank
from langchain_text_splitters import RecursiveCharacterTextSplitter

IMPORTED = time.perf_counter()

MEGABYTE = 1e6


def main() -> None:
    options = parse_arguments()
    splitter = RecursiveCharacterTextSplitter(chunk_size=800, chunk_overlap=200)

    pages, load = timed(lambda: load_documents(options.docs))
    chunks, split = timed(lambda: splitter.split_documents(pages))
    (store, keywords), index = timed(lambda: build_index(options, chunks))
    chain = build_chain(options, store, keywords)

    ask = asker(chain, options.question)
    ask(0)  # connections are made, lazy imports done
    _, answer = timed(lambda: ask_all(ask, options.questions, options.threads))

    pdf_pages = [p for p in pages if p.metadata["source"].endswith(".pdf")]
    print(json.dumps({
        "documents": len({p.metadata["source"] for p in pages}),
        "pages": len(pages),
        "chunks": len(chunks),
        "startup_seconds": round(IMPORTED - STARTED, 3),
        "load_seconds": round(load.wall, 3),
        "pdf_pages_per_second": rate(len(pdf_pages), load.wall) if len(pdf_pages) == len(pages) else None,
        "split_seconds": round(split.wall, 4),
        "split_megabytes_per_second": {i["name"]: split_rate(splitter, i["texts"]) for i in read_texts(options.texts)},
        "embed_and_index_seconds": round(index.wall, 3),
        "questions": options.questions,
        "threads": options.threads,
        "questions_per_second": rate(options.questions, answer.wall),
        "milliseconds_per_question": round(1000 * answer.wall * options.threads / options.questions, 3),
        "cpu_milliseconds_per_question": round(1000 * answer.cpu / options.questions, 3),
        "peak_memory_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE),
    }))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-url", required=True, help="model server behind the NIM API; ends in /v1")
    parser.add_argument("--docs", required=True, type=Path, help="directory of .pdf, .txt and .md files")
    parser.add_argument("--texts", type=Path, help="JSON file of texts to measure splitting on: [{name, texts: [...]}, ...]")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1, help="questions in flight")
    parser.add_argument("--question", default="What was the total revenue of segment {} in the quarter?",
                        help="what is asked; {} becomes the question's number")
    parser.add_argument("--embedding-model", default="demo")
    parser.add_argument("--reranking-model", default="demo")
    parser.add_argument("--llm", default="demo")
    parser.add_argument("--k", type=int, default=45, help="candidates to rerank")
    parser.add_argument("--top-n", type=int, default=5, help="passages for the LLM")
    return parser.parse_args()


class Timing:
    """The seconds that something took: on the clock, and of CPU in all threads."""

    def __init__(self, wall: float, cpu: float):
        self.wall, self.cpu = wall, cpu


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Timing(time.perf_counter() - wall, time.process_time() - cpu)


def rate(count: float, seconds: float) -> float:
    return round(count / seconds, 2)


def load_documents(directory: Path) -> list:
    loaders = {".pdf": PyPDFLoader, ".txt": TextLoader, ".md": TextLoader}
    files = sorted(f for f in directory.rglob("*") if f.suffix in loaders)
    return list(itertools.chain.from_iterable(loaders[f.suffix](str(f)).load() for f in files))


def build_index(options, chunks):
    embeddings = NVIDIAEmbeddings(base_url=options.base_url, model=options.embedding_model, truncate="END")
    return FAISS.from_documents(chunks, embeddings), BM25Retriever.from_documents(chunks, k=options.k)


class BestOfBoth(EnsembleRetriever):
    """EnsembleRetriever cut to k: by itself it returns the union of both, up to twice as many to rerank."""

    k: int

    def _get_relevant_documents(self, query, *, run_manager):
        return super()._get_relevant_documents(query, run_manager=run_manager)[: self.k]


def build_chain(options, store, keywords):
    vectors = store.as_retriever(search_kwargs={"k": options.k})
    candidates = BestOfBoth(retrievers=[keywords, vectors], weights=[0.5, 0.5], k=options.k)
    ranker = NVIDIARerank(base_url=options.base_url, model=options.reranking_model, top_n=options.top_n, truncate="END")
    return RetrievalQA.from_chain_type(
        llm=ChatNVIDIA(base_url=options.base_url, model=options.llm, temperature=0),
        chain_type="stuff",
        retriever=ContextualCompressionRetriever(base_retriever=candidates, base_compressor=ranker),
        return_source_documents=True,
    )


def asker(chain, question: str):
    def ask(number: int) -> None:
        answer = chain.invoke({"query": question.format(number)})
        assert answer["result"] and answer["source_documents"], answer

    return ask


def ask_all(ask, questions: int, threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(ask, range(questions)):
            pass


def read_texts(file: Path | None) -> list:
    return json.loads(file.read_text()) if file else []


def split_rate(splitter, texts: list[str]) -> float:
    """The median of five rounds, in megabytes of UTF-8 a second."""
    size = sum(len(t.encode()) for t in texts)
    seconds = [timed(lambda: [splitter.split_text(t) for t in texts])[1].wall for _ in range(5)]
    return rate(size / MEGABYTE, statistics.median(seconds))


if __name__ == "__main__":
    main()
