"""The OpenAI SDK: chat with its citations, embeddings, models, errors."""
import openai

from checks import check_annotations, check_answer, check_cancelled, check_citations, check_refused, run, server, slow_question

client = openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0, timeout=60)


def ask(**options):
    messages = [{"role": "user", "content": server.prompt()}]
    return client.chat.completions.create(**{"model": server.chat, "messages": messages, **options})


def chats():
    completion = ask()
    check_answer(completion.choices[0].message.content)
    assert completion.object == "chat.completion" and completion.id and completion.created
    assert completion.choices[0].finish_reason == "stop"


def streams():
    chunks = list(ask(stream=True))
    check_answer("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
    assert {c.object for c in chunks} == {"chat.completion.chunk"}
    assert len({c.id for c in chunks}) == 1, "chunks of one answer have one id"
    assert [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason] == ["stop"]


def responds():
    reply = client.responses.create(model=server.chat, input=server.prompt(), instructions="Be brief.")
    check_answer(reply.output_text)
    assert reply.status == "completed" and reply.store is False and reply.usage.total_tokens > 0, reply


def responds_streamed():
    with client.responses.stream(model=server.chat, input=server.prompt()) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        whole = stream.get_final_response()
    check_answer(text)
    assert whole.output_text == text, whole


def shows_sources():
    completion = ask()
    check_citations(completion.citations)
    check_annotations([a.model_dump() for a in completion.choices[0].message.annotations])
    chunks = list(ask(stream=True))
    check_citations(chunks[0].citations)
    check_annotations([a for c in chunks if c.choices for a in getattr(c.choices[0].delta, "annotations", None) or []])
    reply = client.responses.create(model=server.chat, input=server.prompt())
    check_citations(reply.citations)
    check_annotations([a.model_dump() for a in reply.output[0].content[0].annotations])


def streams_with_a_count_of_tokens_when_asked():
    last = list(ask(stream=True, stream_options={"include_usage": True}))[-1]
    assert last.choices == [] and last.usage.total_tokens > 0, last


def cancels():
    with ask(stream=True, messages=[{"role": "user", "content": slow_question()}]) as stream:
        next(iter(stream))
    check_cancelled()


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


def embeds_token_ids():
    ids = client.embeddings.create(model=server.embedding, input=[15339, 1917])
    assert ids.data[0].embedding == client.embeddings.create(model=server.embedding, input="hello world").data[0].embedding


def lists_models():
    ids = [m.id for m in client.models.list()]
    assert server.chat in ids, ids
    if server.gateway:
        assert ids == [server.chat], f"chat takes no other: {ids}"
        assert client.models.retrieve(server.chat).id == server.chat


def is_told_errors():
    try:
        client.chat.completions.create(model=server.chat, messages=[])
    except (openai.BadRequestError, openai.UnprocessableEntityError) as e:
        assert "messages" in str(e), e
    else:
        raise AssertionError("accepted without a message")


def is_refused_with_a_wrong_key():
    wrong = client.with_options(api_key="wrong")
    check_refused(lambda: wrong.models.list(), openai.AuthenticationError, status=401)
    check_refused(lambda: wrong.responses.create(model=server.chat, input="?"), openai.AuthenticationError, status=401)


def is_told_errors_of_overload():
    """It would wait as long as the gateway's Retry-After says."""
    overloaded = client.with_options(base_url=server.overloaded)
    check_refused(lambda: overloaded.chat.completions.create(model=server.chat, messages=[{"role": "user", "content": "?"}]),
                  openai.InternalServerError, status=503, text="overloaded")


def is_told_errors_of_what_a_pipeline_cannot_do():
    for options in ({"n": 2}, {"logprobs": True}, {"tool_choice": "required"}):
        try:
            ask(**options)
        except openai.UnprocessableEntityError as e:
            assert next(iter(options)) in str(e), e
        else:
            raise AssertionError(f"accepted {options}")


of_gateway = [responds, responds_streamed, shows_sources, cancels, embeds_token_ids, is_refused_with_a_wrong_key,
              is_told_errors_of_overload, is_told_errors_of_what_a_pipeline_cannot_do]
run(
    chats,
    streams,
    streams_with_a_count_of_tokens_when_asked,
    embeds_in_base64_by_default,
    embeds_as_floats_as_in_base64,
    lists_models,
    is_told_errors,
    *(of_gateway if server.gateway else []),
)
