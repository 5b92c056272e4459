"""The OpenAI SDK: chat with its citations, embeddings, models, errors."""
import openai

from checks import check_answer, run, server

client = openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0, timeout=60)


def ask(**options):
    messages = [{"role": "user", "content": server.prompt()}]
    return client.chat.completions.create(model=server.chat, messages=messages, **options)


def check_citations(citations) -> None:
    assert citations["total_results"] == len(citations["results"]) > 0, citations
    for result in citations["results"]:
        assert result["content"].strip() and result["document_name"] and result["document_id"], result
        assert 0 <= result["score"] <= 1, result


def chats():
    completion = ask()
    check_answer(completion.choices[0].message.content)
    assert completion.object == "chat.completion" and completion.id and completion.created
    assert completion.choices[0].finish_reason == "stop"
    if server.gateway:
        check_citations(completion.citations)


def chats_streamed():
    chunks = list(ask(stream=True))
    check_answer("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1, "chunks of one answer have one id"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]
    if server.gateway:
        check_citations(chunks[0].citations)


def counts_the_tokens_of_a_stream_when_asked():
    last = list(ask(stream=True, stream_options={"include_usage": True}))[-1]
    assert last.choices == [] and last.usage.total_tokens > 0, last


def may_leave_in_the_middle_of_a_stream():
    with ask(stream=True) as stream:
        next(iter(stream))
    check_answer(ask().choices[0].message.content)


def embeds_in_base64_by_default():
    if server.gateway:  # a query unless the caller says otherwise
        assert any(client.embeddings.create(model=server.embedding, input=["an index"]).data[0].embedding)
        return
    try:  # a NIM wants to know
        client.embeddings.create(model=server.embedding, input=["an index"])
    except openai.BadRequestError as e:
        assert "input_type" in str(e), e
    else:
        raise AssertionError("accepted without input_type")


def embeds_as_floats_as_in_base64():
    extra = {"input_type": "passage"}
    options = {"model": server.embedding, "input": ["an index", "a gateway"], "extra_body": extra}
    floats = client.embeddings.create(encoding_format="float", **options)
    base64 = client.embeddings.create(**options)
    assert [d.index for d in base64.data] == [0, 1]
    for a, b in zip(floats.data, base64.data, strict=True):
        assert len(a.embedding) == len(b.embedding) > 0
        assert all(abs(x - y) < 1e-6 for x, y in zip(a.embedding, b.embedding))


def lists_models():
    ids = [m.id for m in client.models.list()]
    assert server.chat in ids, ids
    if server.gateway:
        assert ids[0] == server.chat, f"the pipeline comes first: {ids}"


def is_told_what_is_wrong():
    try:
        client.chat.completions.create(model=server.chat, messages=[])
    except (openai.BadRequestError, openai.UnprocessableEntityError) as e:
        assert "messages" in str(e), e
    else:
        raise AssertionError("accepted without a message")


def is_refused_what_a_pipeline_cannot_do():
    for options in ({"n": 2}, {"logprobs": True}, {"tool_choice": "required"}):
        try:
            ask(**options)
        except openai.UnprocessableEntityError as e:
            assert next(iter(options)) in str(e), e
        else:
            raise AssertionError(f"accepted {options}")


run(
    chats,
    chats_streamed,
    counts_the_tokens_of_a_stream_when_asked,
    may_leave_in_the_middle_of_a_stream,
    embeds_in_base64_by_default,
    embeds_as_floats_as_in_base64,
    lists_models,
    is_told_what_is_wrong,
    *([is_refused_what_a_pipeline_cannot_do] if server.gateway else []),
)
