"""LangChain's NVIDIA classes: embeddings, ranking, chat, and the retriever of NVIDIA's RAG blueprint."""
from langchain_core.documents import Document
from langchain_nvidia_ai_endpoints import ChatNVIDIA, NVIDIAEmbeddings, NVIDIARAGRetriever, NVIDIARerank

from checks import check_answer, check_cancelled, check_refused, run, server, slow_question


def embedder(**options) -> NVIDIAEmbeddings:
    return NVIDIAEmbeddings(base_url=server.base_url, api_key=server.key, model=server.embedding, **options)


def chat(**options) -> ChatNVIDIA:
    return ChatNVIDIA(**{"base_url": server.base_url, "api_key": server.key, "model": server.chat, "temperature": 0, **options})


def close(a, b) -> bool:
    return len(a) == len(b) and all(abs(x - y) < 1e-5 for x, y in zip(a, b))


def embeds_documents():
    vectors = embedder().embed_documents(["the live index", "a graphics card"])
    assert len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 0
    assert any(vectors[0]) and vectors[0] != vectors[1]


def embeds_a_query():
    assert any(embedder(truncate="END").embed_query("What is an index?"))


def embeds_in_batches_and_keeps_the_order():
    texts = [f"document number {i} of many" for i in range(60)]  # the client sends 50 a request
    together = embedder().embed_documents(texts)
    assert len(together) == 60
    for i in (0, 49, 50, 59):
        assert close(together[i], embedder().embed_documents([texts[i]])[0]), i


def embeds_without_a_model_name():
    assert any(NVIDIAEmbeddings(base_url=server.base_url, api_key=server.key).embed_query("What is an index?"))


def reranks_documents():
    texts = [f"Chapter {i} is about cooking rice." for i in range(9)] + ["The index is complete before the switch."]
    ranker = NVIDIARerank(base_url=server.base_url, api_key=server.key, model=server.ranking, top_n=3)
    best = ranker.compress_documents(query="When is the index complete?", documents=[Document(t) for t in texts])
    assert len(best) == 3 and best[0].page_content == texts[9], best
    scores = [d.metadata["relevance_score"] for d in best]
    assert scores == sorted(scores, reverse=True), scores


def reranks_more_documents_than_one_request_holds():
    texts = [f"passage {i}" for i in range(44)] + ["The index is complete before the switch."]  # 32 a request
    ranker = NVIDIARerank(base_url=server.base_url, api_key=server.key, model=server.ranking, truncate="END")
    best = ranker.compress_documents(query="When is the index complete?", documents=[Document(t) for t in texts])
    assert len(best) == 5 and best[0].page_content == texts[44], best


def chats():
    answer = chat().invoke(server.prompt())
    check_answer(answer.content)
    assert answer.response_metadata.get("finish_reason") == "stop", answer.response_metadata


def streams():
    chunks = list(chat().stream(server.prompt()))
    check_answer("".join(c.content for c in chunks))
    assert [c.response_metadata["finish_reason"] for c in chunks if "finish_reason" in c.response_metadata] == ["stop"]


def streams_what_the_answer_says():
    assert "".join(c.content for c in chat().stream(server.prompt())) == chat().invoke(server.prompt()).content


def chats_over_several_turns():
    turns = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hello."), ("user", server.prompt())]
    check_answer(chat(max_completion_tokens=200).invoke(turns).content)


def chats_without_a_model_name():
    check_answer(ChatNVIDIA(base_url=server.base_url, api_key=server.key).invoke(server.prompt()).content)


def shows_sources():
    """ChatNVIDIA drops them. The retriever never sends a key."""
    found = NVIDIARAGRetriever(base_url=server.with_key, k=3).invoke(server.question)
    assert 0 < len(found) <= 3, found
    for document in found:
        assert document.page_content.strip()
        assert document.metadata["document_name"], document.metadata
        assert 0 <= document.metadata["score"] <= 1, document.metadata


def is_told_errors():
    check_refused(lambda: chat(model="nope").invoke("?"), Exception, status=404, text="model")


def cancels():
    stream = chat().stream(slow_question())
    next(stream)
    stream.close()
    check_cancelled()


def is_refused_with_a_wrong_key():
    check_refused(lambda: chat(api_key="wrong").invoke("?"), Exception, status=401)


run(
    embeds_documents,
    embeds_a_query,
    embeds_in_batches_and_keeps_the_order,
    embeds_without_a_model_name,
    reranks_documents,
    reranks_more_documents_than_one_request_holds,
    chats,
    streams,
    streams_what_the_answer_says,
    chats_over_several_turns,
    chats_without_a_model_name,
    *([shows_sources, is_told_errors, cancels, is_refused_with_a_wrong_key] if server.gateway else []),
)
